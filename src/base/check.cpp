#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace quipu {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr,
               "quipu: a bug: %s:%d: this does not hold: %s\n"
               "Nothing committed is lost: the same command goes on from the last checkpoint. "
               "If it stops here again, please report these lines.\n",
               file, line, condition);
  std::fflush(stderr);
  std::abort();
}

void check_failed(const char* file, int line, const char* condition, const std::string& left,
                  const std::string& right) {
  const std::string text = std::string(condition) + ", for " + left + " and " + right;
  check_failed(file, line, text.c_str());
}

}  // namespace quipu
