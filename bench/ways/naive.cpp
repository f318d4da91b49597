// The truth for small inputs: every cell in one map, its profiles as a list. Nothing is kept on
// disk; the folder stays empty, and read, committed and settled are one.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bench/ways/lines.h"
#include "bench/ways/way.h"

namespace quipu::bench {
namespace {

struct Count {
  uint64_t events = 0;
  int64_t sum_hundredths = 0;
  std::vector<uint32_t> profiles;  // one for each event
};

using Group = std::tuple<std::string, std::string, int>;  // tenant, metric, dimension
using Place = std::tuple<int, int64_t, std::string>;      // timeframe, bucket, values

WayResult count(const WayOptions& o) {
  const Watch watch;
  LineReader reader(o.lines);
  const std::vector<Dimension> dimensions = dimensions_of(o.fanout);
  std::map<Group, std::map<Place, Count>> cells;
  std::unordered_map<std::string, uint32_t> profiles;
  std::unordered_set<std::string> ids;
  WayResult result;
  Block block;
  while ((o.events == 0 || result.events < o.events) &&
         (o.seconds == 0 || watch.wall_s() < o.seconds)) {
    if (!reader.next(o.events == 0 ? 1000 : std::min<uint64_t>(1000, o.events - result.events),
                     block))
      break;
    result.events += block.lines.size();
    for (const Line& line : block.lines) {
      const std::string tenant(line.tenant), metric(line.metric), profile(line.profile);
      if (!ids.insert(tenant + '\t' + metric + '\t' + profile + '\t' + std::string(line.unique_id))
               .second)
        continue;
      const uint32_t who =
          profiles.try_emplace(tenant + '\t' + profile, uint32_t(profiles.size())).first->second;
      const auto buckets = buckets_of(line.time_s);
      for (size_t d = 0; d < dimensions.size(); ++d) {
        std::string values;
        append_values(dimensions[d], line, values);
        auto& group = cells[{tenant, metric, int(d)}];
        for (int t = 0; t < kTimeframes; ++t) {
          Count& c = group[{t, buckets[size_t(t)], values}];
          ++c.events;
          c.sum_hundredths += line.value_hundredths;
          c.profiles.push_back(who);
        }
      }
    }
  }
  result.read_s = result.committed_s = result.settled_s = watch.wall_s();
  result.cpu_s = watch.cpu_s();
  result.rss_bytes = peak_rss_bytes();
  if (!o.digest) return result;
  Digest digest;
  for (auto& [group, places] : cells) {
    for (auto& [place, c] : places) {
      std::sort(c.profiles.begin(), c.profiles.end());
      const uint64_t unique =
          uint64_t(std::unique(c.profiles.begin(), c.profiles.end()) - c.profiles.begin());
      digest.add({std::get<0>(group), std::get<1>(group), std::get<2>(group), std::get<2>(place),
                  Timeframe(std::get<0>(place)), std::get<1>(place), c.events, unique,
                  c.sum_hundredths});
    }
  }
  result.digest = digest.text();
  return result;
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  return quipu::bench::way_main(argc, argv, "naive", quipu::bench::count);
}
