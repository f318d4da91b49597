#include "engine/row_weight.h"

#include <algorithm>
#include <bit>

#include "base/newlines.h"

namespace quipu {
namespace {

// Of a row, beside its bitmaps and elements: heads in the pane and in the log of new rows.
constexpr uint64_t kRowHeads = 80;
// Of a value that a row counts in: its word in the log of new rows, and in the hot tier.
constexpr uint64_t kCountedValue = 16;
constexpr uint64_t kFramesOfCalendar = 4;

// blocks: 64-bit words of a bitmap. A bitmap of what counts, one a frame, and one of lifetimes; the
// elements stand in the pane or in the log.
uint64_t row_bytes(uint64_t blocks, uint64_t frames, uint64_t columns, uint64_t values) {
  return kRowHeads + 8 * (blocks * (frames + 2) + columns + 2 * values);
}

}  // namespace

uint64_t weight_of(const EventBatch& batch, const Event& event) {
  const CompiledMetric& metric = *event.metric;
  uint64_t counted = 0;
  const uint64_t* here = batch.row_here(event, 0);
  for (size_t i = 0; i < size_t(event.rows) * metric.bitmap_words; ++i)
    counted += uint64_t(std::popcount(here[i]));
  return event.rows * row_bytes(metric.bitmap_words, uint64_t(event.month->frames()),
                                metric.columns.size(),
                                uint64_t(std::popcount(unsigned(event.value_mask)))) +
         counted * kCountedValue;
}

LineWeight::LineWeight(const Plan& plan) : delimited_(plan.input.delimited), joined_(1) {
  uint64_t most_blocks = 0, most_dimensions = 0;
  const auto look_at = [&](std::string_view metric) {
    uint64_t blocks = 0, dimensions = 0;
    for (const PlannedSection& section : plan.sections_of(metric)) {
      blocks += (section.dimensions.size() + 63) / 64;
      dimensions += section.dimensions.size();
      for (const PlannedDimension& d : section.dimensions) {
        size_t lists = d.columns.size();
        if (d.when) lists += plan.columns[*d.when].when.size();
        joined_ = std::max(joined_, lists);
      }
    }
    most_blocks = std::max(most_blocks, blocks);
    most_dimensions = std::max(most_dimensions, dimensions);
  };
  look_at("*");
  for (const Selector& selector : plan.named_selectors()) {
    if (!selector.group) look_at(selector.name);
    for (const std::string& metric : selector.members) look_at(metric);
  }
  size_t most_calendars = plan.calendars.fallback.size();
  for (const auto& [tenant, calendars] : plan.calendars.tenants)
    most_calendars = std::max(most_calendars, calendars.size());
  row_ = row_bytes(most_blocks, kFramesOfCalendar * most_calendars, plan.columns.size(),
                   plan.values.size()) +
         most_dimensions * kCountedValue;
}

// The product is the largest where all lists are alike.
uint64_t LineWeight::rows(uint64_t lists, uint64_t places) const {
  const uint64_t joined = std::min<uint64_t>(joined_, lists);
  const uint64_t each = 1 + (lists == joined ? (places + joined - 1) / joined : places);
  uint64_t rows = 1;
  for (uint64_t k = 0; k < joined && rows <= uint64_t(kMaxRowsOfEvent); ++k) rows *= each;
  return std::min<uint64_t>(rows, uint64_t(kMaxRowsOfEvent));
}

uint64_t LineWeight::of_line(std::string_view line) const {
  if (delimited_) return row_;
  const size_t begin = line.find('[');
  if (begin == std::string_view::npos) return row_;
  const std::string_view lists = line.substr(begin, line.rfind(']') - begin);
  const uint64_t begins = uint64_t(std::count(lists.begin(), lists.end(), '['));
  return row_ * rows(begins, begins + uint64_t(std::count(lists.begin(), lists.end(), ',')));
}

uint64_t LineWeight::of_text(std::string_view text) const {
  const uint64_t lines = 1 + count_newlines(text);
  if (delimited_ || text.find('[') == std::string_view::npos) return row_ * lines;
  return row_ * uint64_t(kMaxRowsOfEvent) * lines;
}

}  // namespace quipu
