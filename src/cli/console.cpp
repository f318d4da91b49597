#include "cli/console.h"

#include <unistd.h>

#include <cstdio>

namespace quipu {

Console process_console() {
  Console console;
  auto writer = [](FILE* file) {
    return [file](std::string_view text) { return std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0; };
  };
  console.out = writer(stdout);
  console.err = writer(stderr);
  console.error_is_terminal = ::isatty(STDERR_FILENO) == 1;
  return console;
}

}  // namespace quipu
