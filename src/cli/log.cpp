#include "cli/log.h"

#include <chrono>
#include <ctime>

#include "base/json_text.h"

namespace quipu {
namespace {

std::string time_text() {
  const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  const time_t seconds = time_t(now_ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
  return std::string(text, n) + std::to_string(1000 + now_ms % 1000).substr(1) + "Z";
}

void append_member(std::string_view name, std::string_view text, std::string& out) {
  out += out.empty() ? "{" : ",";
  append_json_string(name, out);
  out += ":";
  append_json_string(text, out);
}

}  // namespace

void Log::write(LogLevel level, std::string_view event, std::string_view message,
                Fields fields) const {
  if (!takes(level)) return;
  const std::string_view name = kLogLevelNames[size_t(level)];
  std::string line;
  if (json_) {
    append_member("time", time_text(), line);
    append_member("level", name, line);
    append_member("event", event, line);
    append_member("message", message, line);
    for (const auto& [field, text] : fields) append_member(field, text, line);
    line += "}\n";
  } else {
    line = "quipu: ";
    if (level != LogLevel::info) line += std::string(name) + ": ";
    line += std::string(message) + "\n";
  }
  std::lock_guard lock(mutex_);
  console_.err(line);
}

}  // namespace quipu
