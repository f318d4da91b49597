// Where a command's text goes: the process's own streams, or the socket of whoever asked. One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace quipu {

struct Console {
  // Each returns false when nobody reads any more (the command may stop).
  std::function<bool(std::string_view)> out, err;
  bool error_is_terminal = false;
};
Console process_console();

// Exit statuses of every command.
inline constexpr int kExitDone = 0;
inline constexpr int kExitError = 1;        // an operating error: the message says what to do
inline constexpr int kExitUsage = 2;        // a wrong plan or wrong arguments
inline constexpr int kExitSetAside = 3;     // done, some lines were set aside

}  // namespace quipu
