#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "query/render.h"

namespace quipu {
namespace {

constexpr std::chrono::seconds kPlainInterval{5};
constexpr int kBarWidth = 24;

std::string duration_text(double seconds) {
  char text[32];
  const long s = std::lround(seconds);
  if (s >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  }
  return text;
}

}  // namespace

std::string progress_text(const Progress& p, double seconds, bool bar) {
  std::string text;
  const double share =
      p.bytes_total ? std::min(1.0, double(p.bytes_read) / double(p.bytes_total)) : 0;
  if (p.bytes_total) {
    if (bar) {
      const int full = int(share * kBarWidth);
      text +=
          "[" + std::string(size_t(full), '#') + std::string(size_t(kBarWidth - full), ' ') + "] ";
    }
    char percent[16];
    std::snprintf(percent, sizeof percent, "%3.0f%%  ", share * 100);
    text += percent;
  }
  text += with_thousands(p.lines) + " lines, " +
          with_thousands(seconds > 0 ? uint64_t(double(p.lines) / seconds) : 0) + "/s";
  if (share > 0.01 && share < 1)
    text += ", " + duration_text(seconds / share * (1 - share)) + " left";
  text += ", " + with_thousands(p.duplicates) + " duplicates, " + with_thousands(p.set_aside) +
          " set aside";
  return text;
}

void ProgressLine::show(const Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  if (console_.terminal) {
    console_.terminal("\r\x1b[K" + progress_text(progress, seconds, true));
    drawn_ = true;
  } else if (now - last_plain_ >= kPlainInterval) {
    last_plain_ = now;
    console_.err(progress_text(progress, seconds, false) + "\n");
  }
}

void ProgressLine::clear() {
  if (drawn_) console_.terminal("\r\x1b[K");
  drawn_ = false;
}

}  // namespace quipu
