#include "cli/console.h"

#include <unistd.h>

#include <cstdio>

#include "base/printable.h"

namespace quipu {

Console process_console() {
  auto writer = [](FILE* file) {
    return [file](std::string_view text) {
      return std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
             std::fflush(file) == 0;
    };
  };
  Console console;
  console.out = writer(stdout);
  console.err = [write = writer(stderr)](std::string_view text) {
    return write(printable_lines(text));
  };
  if (::isatty(STDERR_FILENO) == 1) console.terminal = writer(stderr);
  return console;
}

Console for_people(const Console& console) {
  Console shown = console;
  shown.out = [out = console.out](std::string_view text) { return out(printable_lines(text)); };
  return shown;
}

}  // namespace quipu
