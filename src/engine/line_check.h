// Whether a line would be counted under a plan, told before it is taken in: by the decoder that
// counts it, so that what a door accepts is not set aside later. One thread. What it decodes goes
// nowhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/plan_registry.h"

namespace quipu {

class LineCheck {
 public:
  // The zones of the plan were read before, so opening fails only if they went away.
  static Result<std::unique_ptr<LineCheck>> open(const Plan& plan, const std::string& zoneinfo_dir);
  // Of delimited text: the columns of an input. Before its first line.
  Status set_header(const std::string& header) { return decoder_.set_header(header); }
  LineOutcome check(std::string_view line);
  const Plan& plan() const { return registry_->plan().parsed; }

 private:
  static constexpr size_t kNamesKept = 1 << 20;  // bytes; then they are dropped
  explicit LineCheck(std::unique_ptr<PlanRegistry> registry);

  std::unique_ptr<PlanRegistry> registry_;
  const Hasher hasher_;
  NameLog names_;
  Decoder decoder_;
  std::vector<EventBatch> batches_;
};

}  // namespace quipu
