#include "engine/line_check.h"

namespace quipu {

Result<std::unique_ptr<LineCheck>> LineCheck::open(const Plan& plan,
                                                   const std::string& zoneinfo_dir) {
  QUIPU_ASSIGN(auto registry, PlanRegistry::open(plan, zoneinfo_dir));
  return std::unique_ptr<LineCheck>(new LineCheck(std::move(registry)));
}

LineCheck::LineCheck(std::unique_ptr<PlanRegistry> registry)
    : registry_(std::move(registry)),
      hasher_(HashSecret{}),
      decoder_(registry_->plan(), hasher_, *registry_, names_, registry_->no_offset()),
      batches_(1) {
  batches_[0].columns = uint32_t(registry_->plan().parsed.columns.size());
}

LineOutcome LineCheck::check(std::string_view line) {
  batches_[0].clear();
  LineOutcome outcome = decoder_.decode(line, batches_);
  if (names_.bytes() > kNamesKept) names_.take();
  return outcome;
}

}  // namespace quipu
