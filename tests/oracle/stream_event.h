// What the events of a random stream say, before they are written as lines. Internal to
// stream*.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stream_parts.h"

namespace oracle {

struct Line {
  int sku = -1, color = -1;  // of their pools; -1: none
};

// What an event says. Its lines are written from this, each time in other spellings.
struct Event {
  int tenant = 0, metric = 0;
  std::string profile;  // as its canonical text; "": none
  bool profile_number = false;
  int64_t time_ms = 0;
  bool with_offset = true;          // of a local time
  std::string id, topic;            // "": not present
  std::vector<std::string> values;  // decimal texts; "": none
  std::map<std::string, std::vector<int>>
      choices;  // path -> of the pool; -1: an element that is empty
  std::vector<Line> lines;
  bool flow = false;
};

// The property that is this member of a line; nullptr: there is none.
const PropertyLayout* line_property(const Layout& layout, const std::string& name);

class EventDrawer {
 public:
  EventDrawer(Rng* rng, const StreamOptions& options, const Layout& layout)
      : rng_(*rng), options_(options), layout_(layout) {
    draw_profiles_and_foci();
  }
  // Perhaps close to a recent one: one id under two metrics, profiles or times.
  Event draw(const std::vector<Event>& recent);
  Event draw_anew();
  // The UTC month, since year 0.
  static int64_t month_of(int64_t ms);

 private:
  void draw_profiles_and_foci();
  int64_t clamped(int64_t ms);
  // The start of a local day, week, month or year near an instant, by the zone's offset (or an hour
  // more).
  int64_t edge_near(int64_t s, const CalendarLayout& c);
  int64_t jitter_ms();
  // Close to the begin of one of three UTC months, or to what may be its begin in some zone.
  int64_t at_edge(int tenant);
  int64_t draw_time(int tenant, bool heavy);
  std::string draw_number();
  int draw_member(const std::string& name);

  Rng& rng_;
  const StreamOptions options_;
  const Layout& layout_;
  int profiles_ = 0;
  int64_t next_id_ = 0;
  std::vector<std::vector<int64_t>> foci_;  // of each tenant
  std::vector<int64_t> heavy_;
  std::vector<int64_t> edges_;  // of each tenant: the first of three UTC months
};

}  // namespace oracle
