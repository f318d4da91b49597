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
    std::vector<std::string> prefixes;  // of the kind prefix
  };
  std::vector<ElementFilter> filters;
  bool adds_groups = false;  // several stored values may fall into one group: uniques do not add
  bool several =
      false;  // an event may have counted in several of the values that the filters leave
};

// All counters that answer exactly, the best first: one that is still planned, then one whose
// groups need not be added, then one with uniques, then the one of fewest properties. Which of them
// has all of the time asked for is for the caller to say. A property's name means what it means in
// the newest plan that has it. Errors name near properties, or what the plan would need; so is a
// filter whose text, as it was written, is itself a counted value.
Result<std::vector<Choice>> fitting_counters(StoreView& view, TenantId tenant,
                                             const Question& question);

// The names of properties in texts of `--by`: each a name, or several with commas between them;
// `\,` and `\\` are a comma and a backslash of a name. A text that is a name and could be several
// is an error with the ways to write it.
Result<std::vector<std::string>> property_names(const StoreView& view,
                                                const std::vector<std::string>& texts);

}  // namespace quipu
