// From a Plan to what the hot paths work on: a metric's dimensions as bits, with the catalogue's
// ids. Pure but for the id-giving callbacks; any thread that the callbacks allow.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/compiled.h"

namespace quipu {

// Gives ids once and for ever; asked again, the same. A LayoutId is none where nobody stores sparse
// rows.
struct IdSource {
  std::function<SelectorId(const Selector&)> selector;
  std::function<DimensionId(const std::string& identity)> dimension;
  std::function<LayoutId(const SectionLayout&)> layout;
};

// What an event of `metric` (a canonical text) counts in under plan.parsed. The metric must be one
// that some rule counts (its sections_of() is not empty). versions[v] is the plan of version v;
// index 0 is unused, the current plan is the last (plan.version). CompiledMetric::index is left 0:
// it is the caller's to give.
CompiledMetric compile_metric(const CompiledPlan& plan, std::string_view metric,
                              const std::vector<const Plan*>& versions, const IdSource& ids);

}  // namespace quipu
