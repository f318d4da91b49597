// Stored record bytes: any input is either refused with an error or read, then counted on, without
// a crash. The first byte says what the rest is stored as: a month's record, a forever record or a
// chunk of words.
#include <cstdint>
#include <memory>
#include <string>

#include "tally/appends.h"
#include "tally/record_format.h"
#include "tally/record_words.h"
#include "tally/tally.h"

namespace quipu {
namespace {

constexpr MonthIndex kFuzzedMonth = 56 * 12 + 2;

class OneRecord : public DurableTier {
 public:
  OneRecord(std::string_view bytes, uint8_t depth, bool forever)
      : bytes_(bytes), depth_(depth), forever_(forever) {
    for (uint64_t element = 1; element <= 5; ++element)  // stored bytes may name their codes
      while (codes.code_of(element) == ElementCodes::kNone) {
      }
  }
  std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) override {
    std::vector<std::string> values(keys.size());
    // A full root leads on to chunks.
    std::string full_root;
    if (forever_) write_words(full_root, std::array{uint64_t(1)}, false);
    if (!forever_) write_slot_words(full_root, 0, std::array{uint64_t(1)});
    write_words(full_root, {}, true);
    for (size_t i = 0; i < keys.size(); ++i) {
      const bool same = (keys[i].month == kForever) == forever_;
      if (same && keys[i].depth == depth_)
        values[i] = bytes_;
      else if (same && keys[i].depth < depth_)
        values[i] = full_root;
      else if (keys[i].month == kForever && keys[i].depth == 0)
        write_words(values[i], months_, false);
    }
    return std::make_unique<LoadedAtOnce>(std::move(values));
  }

  const ElementCodes& element_codes() const override { return codes; }
  ElementCodes codes;

 private:
  const std::array<uint64_t, 3> months_ = {month_word(kFuzzedMonth - 1), month_word(kFuzzedMonth),
                                           month_word(kFuzzedMonth + 1)};
  std::string bytes_;
  uint8_t depth_;
  bool forever_;
};

struct Plan1 {
  CompiledPlan plan;
  CompiledMetric metric;
  std::shared_ptr<const MonthTable> month;
  Plan1() {
    plan.version = 2;
    for (uint32_t c = 1; c <= 4; ++c) plan.columns.push_back(PropertyId(c));
    plan.version_columns = {{}, {1, -1, 0}, {0, 1, 2, 3}};
    metric.metric = SelectorId(1);
    metric.bitmap_words = 1;
    metric.dimensions.resize(64);
    for (uint8_t d = 0; d < 5; ++d) {
      CompiledDimension& dimension = metric.dimensions[d];
      dimension.id = DimensionId(d + 1u);
      dimension.arity = dimension.compared = d == 0 ? 0 : 1;
      dimension.columns[0] = uint8_t(d == 0 ? 0 : d - 1);
    }
    CompiledSection section;
    section.selector = metric.metric;
    section.dimensions = 5;
    metric.sections = {section};
    metric.columns = {0, 1, 2, 3};
    metric.planned = metric.unique = {0x1F};
    metric.lifetime = {0x3};
    metric.has_lifetime = true;
    metric.unique_alive = {{0}, {0x7}, {0x1F}};
    auto utc = std::make_shared<ZoneRules>();
    const auto rules = MonthTable::CalendarRules::under({"UTC", "UTC", WeekStart::monday}, utc);
    month = MonthTable::build(kFuzzedMonth, {&rules, 1});
  }
};

}  // namespace
}  // namespace quipu

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu;
  static const Plan1 fixed;
  if (size == 0) return 0;
  const uint8_t depth = data[0] % 3;
  const bool forever = data[0] & 0x80;
  OneRecord tier({reinterpret_cast<const char*>(data) + 1, size - 1}, depth, forever);
  TallyOptions options;
  options.chunk_words = options.deep_chunk_words = 4;
  options.matrix_rows = 3;
  options.inlined_rows = 2;
  Tally tally(options, fixed.plan, tier);
  EventBatch batch;
  batch.columns = 4;
  for (uint64_t i = 0; i < 6; ++i) {
    Event e;
    e.tenant = TenantId(1);
    e.slot = Slot(i % 2 * 2964);
    e.has_profile = e.has_id = true;
    e.metric = &fixed.metric;
    e.month = fixed.month.get();
    e.profile = {1, 2};
    e.id = mix64(i + 1);
    e.elements = uint32_t(batch.elements.size());
    e.here = uint32_t(batch.here.size());
    for (uint64_t c = 0; c < 4; ++c) batch.elements.push_back(i + c);
    batch.here.push_back(0x1F);
    batch.events.push_back(e);
  }
  TallyResult result;
  if (!tally.tally_batch(batch, result).ok()) return 0;
  std::vector<RowLog> logs(1);
  tally.hand_over(1, logs[0]);
  for (const RecordAppend& append : appends_of(logs, fixed.plan, tier.codes)) {
    RecordReader reader(append.bytes, tier.codes);
    while (true) {
      const RecordReader::Item item = reader.next();
      CHECK(item != RecordReader::Item::corrupt);
      if (item == RecordReader::Item::end) break;
    }
  }
  return 0;
}
