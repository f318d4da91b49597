// Lines of a random stream that do not count: spoiled in one place, or no JSON at all. Internal to
// stream*.cpp.
#pragma once

#include <string>
#include <vector>

#include "stream_event.h"
#include "stream_line.h"
#include "stream_parts.h"

namespace oracle {

class BadLines {
 public:
  BadLines(Rng* rng, const StreamOptions& options, const Layout& layout, EventDrawer* events,
           LineWriter* lines)
      : rng_(*rng), options_(options), layout_(layout), events_(*events), lines_(*lines) {}
  std::string draw(const std::vector<Event>& recent);

 private:
  std::string planned_path();
  void spoil(Node* root);
  std::string one_of(const std::vector<std::string>& spellings) { return rng_.of(spellings); }
  std::string too_early_or_late();
  void put_key_twice(Node* root);
  std::string break_off(const std::string& line);

  Rng& rng_;
  const StreamOptions options_;
  const Layout& layout_;
  EventDrawer& events_;
  LineWriter& lines_;
};

}  // namespace oracle
