// The view of the last checkpoint that one thread answers from: plans, tenants and what it looked
// up are prepared once a checkpoint, not once a question. One thread; the engine outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "query/metric_totals.h"
#include "query/view.h"

namespace quipu {

inline constexpr size_t kMaxCountedNames = 10'000;  // remembered; beyond, all are forgotten

class PreparedView {
 public:
  explicit PreparedView(Engine& engine) : engine_(engine), totals_(&engine.store()) {}
  // Of the last checkpoint; nullptr: nothing is counted yet. Good until the next call.
  Result<StoreView*> now();
  // Gives back what it holds: while a snapshot is held, the store keeps what it replaced since.
  void release();
  bool holds() const { return view_ != nullptr; }
  // Whether the tenant has counted events of a metric or group of that name. Of the view that now()
  // gave.
  Result<bool> is_counted(TenantId tenant, const std::string& name);
  // What counters came to; good for its views alone.
  MetricTotals& totals() { return totals_; }

 private:
  Engine& engine_;
  uint64_t checkpoint_ = 0;
  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<StoreView> view_;
  MetricTotals totals_;                                 // stays when the view is given back
  std::set<std::pair<TenantId, std::string>> counted_;  // what was counted once stays so
};

}  // namespace quipu
