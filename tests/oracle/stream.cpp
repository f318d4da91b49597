#include "stream.h"

#include <algorithm>
#include <set>

#include "parts.h"
#include "stream_bad.h"
#include "stream_event.h"
#include "stream_line.h"
#include "stream_parts.h"

namespace oracle {
namespace {

constexpr int kWideEvents = 150;  // of a wide layout: each counts in thousands of buckets

class Generator {
 public:
  Generator(uint64_t seed, const StreamOptions& options)
      : rng_(seed),
        options_(options),
        layout_(make_layout(&rng_, options)),
        events_(&rng_, options, layout_),
        lines_(&rng_, layout_),
        bad_(&rng_, options, layout_, &events_, &lines_) {
    if (layout_.wide) options_.events = std::min(options_.events, kWideEvents);
  }

  Stream run() {
    struct Placed {
      int64_t place, month;
      std::string line;
    };
    std::vector<Placed> placed;
    bool shuffled = rng_.chance(0.3);
    auto place = [&](int64_t near, const std::string& line, int64_t month) {
      int64_t reach = rng_.chance(0.9) ? 20 : options_.events / 2 + 1;
      placed.push_back(
          {shuffled ? rng_.below(1 << 30) : near + rng_.between(-reach, reach), month, line});
    };
    for (int64_t i = 0; i < options_.events; ++i) {
      if (rng_.chance(options_.bad_share)) place(i, bad_.draw(recent_), -1);
      Event e = events_.draw(recent_);
      std::string key = key_of(e);
      if (!key.empty() && !keys_.insert(key).second && !options_.conflicting_ids) continue;
      std::string line = lines_.write(e);
      const int64_t month = EventDrawer::month_of(e.time_ms);
      place(i, line, month);
      for (int64_t n = rng_.chance(options_.duplicate_share) ? rng_.between(1, 2) : 0; n > 0; --n) {
        bool far = rng_.chance(0.3);
        place(far ? rng_.below(options_.events) : i, rng_.chance(0.5) ? line : lines_.write(e),
              month);
      }
      recent_.push_back(e);
    }
    std::stable_sort(placed.begin(), placed.end(),
                     [](auto& a, auto& b) { return a.place < b.place; });
    Stream out;
    out.plan = layout_.plan;
    out.tenants_csv = layout_.tenants_csv;
    for (Placed& p : placed) {
      out.lines.push_back(std::move(p.line));
      out.months.push_back(p.month);
    }
    return out;
  }

 private:
  // "" for an event that is never deduplicated.
  std::string key_of(const Event& e) {
    std::string id =
        layout_.id == Layout::kNoId || (layout_.id == Layout::kAll && e.topic.empty()) ? "" : e.id;
    if (!id.empty() && layout_.id == Layout::kAll) id += "\n" + e.topic;
    if (id.empty() && layout_.id == Layout::kElseTime)
      id = "second " + std::to_string(floor_div(e.time_ms, 1000));
    std::string profile = layout_.profile_planned ? e.profile : "";
    return id.empty() ? ""
                      : std::to_string(e.tenant) + "\n" + std::to_string(e.metric) + "\n" +
                            profile + "\n" + id;
  }

  Rng rng_;
  StreamOptions options_;
  const Layout layout_;
  EventDrawer events_;
  LineWriter lines_;
  BadLines bad_;
  std::vector<Event> recent_;
  std::set<std::string> keys_;
};

}  // namespace

Stream make_stream(uint64_t seed, const StreamOptions& options) {
  Stream stream = Generator(seed, options).run();
  stream.seed = seed;
  return stream;
}

}  // namespace oracle
