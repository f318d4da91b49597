// quipu itself, by the same command line as the other ways: the whole engine into a store, then the
// digest of what the store answers. Weeks are counted too, and left out of the digest. A cap is a
// number of lines here, given by the file; --events and --seconds are for the other ways.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "bench/ways/lines.h"
#include "bench/ways/way.h"
#include "engine/engine.h"
#include "query/export.h"

namespace quipu::bench {
namespace {

constexpr int64_t kFixedPerHundredth = 10000;  // a Fixed6 counts millionths

// The workload's number of a counter's dimension, from the names of its properties.
std::map<std::vector<std::string>, int> dimension_numbers(int fanout) {
  auto name = [](int p) { return std::string{'p', char('0' + p / 10), char('0' + p % 10)}; };
  std::map<std::vector<std::string>, int> numbers;
  for (const Dimension& d : dimensions_of(fanout)) {
    std::vector<std::string> names;
    if (d.properties > 0) names.push_back(name(d.first));
    if (d.properties > 1) names.push_back(name(d.second));
    numbers.emplace(names, int(numbers.size()));
  }
  return numbers;
}

Result<std::string> values_of(StoreView& view, const CounterBucket& b) {
  const Counter& counter = *b.counter;
  std::string out;
  for (uint16_t p : counter.planned.properties) {
    const uint16_t column = uint16_t(counter.plan->properties[p].column);
    size_t position = 0;
    while (counter.planned.columns[position] != column) ++position;
    const auto id = view.catalogue().find_property(counter.plan->columns[column].identity);
    QUIPU_ASSIGN(auto text,
                 view.name(b.tenant, id.value_or(PropertyId::none), (*b.elements)[position]));
    if (p != counter.planned.properties.front()) out += ',';
    out += text;
  }
  return out;
}

std::string digest_of(Engine& engine, int fanout) {
  auto snapshot = engine.store().snapshot();
  auto view = StoreView::open(engine.catalogue(), *snapshot, engine.store().hasher());
  if (!view.ok()) fail(view.error().message);
  const auto numbers = dimension_numbers(fanout);
  Digest digest;
  const auto visit = [&](const CounterBucket& b) -> Result<bool> {
    if (b.calendar < 0 || b.interval == Interval::week) return true;
    const Timeframe timeframe = b.interval == Interval::hour  ? Timeframe::hour
                                : b.interval == Interval::day ? Timeframe::day
                                                              : Timeframe::month;
    QUIPU_ASSIGN(auto values, values_of(**view, b));
    Fixed6 sum = 0;
    for (const auto& [value, of_value] : b.sums) sum += of_value;
    if (sum % kFixedPerHundredth != 0) return Error{"a sum has more than two digits"};
    digest.add({*b.tenant_name, b.counter->selector_name, numbers.at(b.counter->names), values,
                timeframe, b.first_s, b.count, b.unique, int64_t(sum / kFixedPerHundredth)});
    return true;
  };
  Status status = visit_counter_buckets(**view, visit, kAlonePieceBytes);
  if (!status.ok()) fail(status.error().message);
  return digest.text();
}

WayResult count(const WayOptions& o) {
  auto plan = Plan::parse(workload_plan(o.fanout), "plan.yaml", ".");
  if (!plan.ok()) fail(plan.error().message);
  EngineOptions options;
  options.data_folder = o.folder + "/store";
  options.memory_bytes = o.memory_bytes;
  options.checkpoint_age_s = o.commit_s;
  const Watch watch;
  auto opened = Engine::open(std::move(*plan), options);
  if (!opened.ok()) fail(opened.error().message);
  Engine& engine = **opened;
  WayResult result;
  RunOptions run;
  run.progress = [&](const Progress&) { result.read_s = watch.wall_s(); };
  auto summary = engine.run({o.lines}, run);
  if (!summary.ok()) fail(summary.error().message);
  result.committed_s = watch.wall_s();
  if (Status status = engine.store().settle(); !status.ok()) fail(status.error().message);
  result.settled_s = watch.wall_s();
  result.cpu_s = watch.cpu_s();
  result.rss_bytes = peak_rss_bytes();
  result.events = summary->tallies.read;
  result.commits = engine.checkpoint_totals().checkpoints;
  result.disk_bytes = bytes_in(o.folder);
  if (o.digest) result.digest = digest_of(engine, o.fanout);
  return result;
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  return quipu::bench::way_main(argc, argv, "quipu", quipu::bench::count);
}
