#include "cli/console.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/printable.h"

namespace quipu {
namespace {

std::atomic<int> g_output_error{0};  // of the first write to standard output that failed

}  // namespace

Status written_output() {
  const int error = g_output_error;
  if (error == 0) return {};
  return Error{std::string("standard output cannot be written: ") + std::strerror(error)};
}

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return output_is_terminal() && (!no_colour || !*no_colour) &&
         (!terminal || std::string_view(terminal) != "dumb");
}

Console process_console() {
  auto writer = [](FILE* file) {
    return [file](std::string_view text) {
      return std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
             std::fflush(file) == 0;
    };
  };
  Console console;
  console.out = [write = writer(stdout)](std::string_view text) {
    if (write(text)) return true;
    int none = 0;
    g_output_error.compare_exchange_strong(none, errno ? errno : EIO);
    return false;
  };
  console.styled = console.out;
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
