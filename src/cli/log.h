// What a server tells of itself while it runs: a line an event of operation, as text or as JSON.
// Never a secret, nor anything of an event or a person. Any thread; lines do not mix. The console
// outlives it.
#pragma once

#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "cli/console.h"

namespace quipu {

enum class LogLevel : uint8_t { error, warning, info, debug };
inline constexpr std::string_view kLogLevelNames[] = {"error", "warning", "info", "debug"};

class Log {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

  Log(const Console& console, LogLevel level, bool json)
      : console_(console), level_(level), json_(json) {}

  // quipu: warning: MESSAGE
  // {"time":"2026-03-05T14:20:00.123Z","level":"warning","event":EVENT,"message":MESSAGE,FIELDS}
  // `event` is one word that stays the same; fields are for programs, so the message holds what
  // of them people want to know.
  void write(LogLevel level, std::string_view event, std::string_view message,
             Fields fields = {}) const;
  bool takes(LogLevel level) const { return level <= level_; }

 private:
  const Console& console_;
  const LogLevel level_;
  const bool json_;
  mutable std::mutex mutex_;
};

}  // namespace quipu
