// How many bytes events may come to while they wait for their checkpoint: in panes and in logs of
// new rows. A bound: most come to less. What the reader lets in goes by it, so that lines of many
// rows, dimensions and calendars do not outgrow the memory, however few bytes they have.
#pragma once

#include <cstdint>
#include <string_view>

#include "event/event.h"
#include "source/source.h"

namespace quipu {

// Of a decoded event, by its rows and what they count.
uint64_t weight_of(const EventBatch& batch, const Event& event);

// Of lines not decoded yet. Immutable; any thread.
class LineWeight final : public LineWeigher {
 public:
  explicit LineWeight(const Plan& plan);

  // The most that an event of this line may weigh.
  uint64_t of_line(std::string_view line) const override;
  uint64_t of_text(std::string_view text) const override;

 private:
  // lists: JSON arrays in a line; places: elements in them.
  uint64_t rows(uint64_t lists, uint64_t places) const;

  bool delimited_;
  size_t joined_;     // lists that one dimension may join, at most
  uint64_t row_ = 0;  // bytes a row, at most
};

}  // namespace quipu
