#include "bench/give_up.h"

#include <errno.h>

#include <cstdio>
#include <cstdlib>

namespace quipu::bench {

void give_up(const std::string& message) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, message.c_str());
  std::exit(1);
}

}  // namespace quipu::bench
