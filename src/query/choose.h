// Which counter answers a question exactly, and how. One thread.
#pragma once

#include <vector>

#include "query/answer.h"
#include "query/view.h"

namespace quipu {

// A counter whose entries, filtered and regrouped, are the answer.
struct Choice {
  Counter counter;
  std::vector<size_t> group_positions;  // element position in stored values of each `by` property
  struct ElementFilter {
    size_t position;
    Filter::Kind kind;
    std::vector<uint64_t> elements;
  };
  std::vector<ElementFilter> filters;
  bool adds_groups = false;  // several stored values may fall into one group: uniques do not add
};

// Of several counters: one that is still planned, then one whose groups need not be added, then one
// with uniques. A property's name means what it means in the newest plan that has it. Errors name
// near properties, or the counter to add to the plan.
Result<Choice> choose_counter(StoreView& view, TenantId tenant, const Question& question);

}  // namespace quipu
