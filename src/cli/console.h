// Where a command's text goes: the process's own streams, or the socket of whoever asked. One
// thread. Messages hold names from events, plans and paths; what reaches people's eyes goes through
// base/printable.h here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu {

struct Console {
  // Each returns false when nobody reads any more (the command may stop).
  std::function<bool(std::string_view)> out;  // as it is: JSON, CSV and plans are exact
  std::function<bool(std::string_view)> err;  // messages
  std::function<bool(std::string_view)>
      terminal;  // as it is, where err leads to a terminal (to redraw a line); else empty
  std::function<bool(std::string_view)>
      styled;                    // to where out leads, as it is: only for colours; may be empty
  std::function<bool()> wanted;  // false: the asker is gone, or may not be waited for; may be empty

  bool gone() const { return wanted && !wanted(); }
};
// The streams of this process; err is made printable.
Console process_console();
// Whether standard output is a terminal, and whether colours are wanted there
// (https://no-color.org: no NO_COLOR in the environment, and a terminal that is not dumb).
bool output_is_terminal();
bool colours_wanted();
// Whether all that was given to this process's standard output got there.
Status written_output();
// The same for a command whose output is for people: out is made printable too, by whole lines.
Console for_people(const Console& console);

// Exit statuses of every command.
inline constexpr int kExitDone = 0;
inline constexpr int kExitError = 1;     // an operating error: the message says what to do
inline constexpr int kExitUsage = 2;     // a wrong plan or wrong arguments
inline constexpr int kExitSetAside = 3;  // done, some lines were set aside
// A run that a signal stopped before its end, after its last commit: this and the signal's number,
// as shells have it.
inline constexpr int kExitSignal = 128;

}  // namespace quipu
