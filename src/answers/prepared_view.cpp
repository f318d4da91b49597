#include "answers/prepared_view.h"

#include "query/cell_scan.h"

namespace quipu {

Result<StoreView*> PreparedView::now() {
  const uint64_t last = engine_.store().committed().checkpoint;
  if (last == 0) return nullptr;
  if (view_ && checkpoint_ == last) return view_.get();
  release();
  snapshot_ = engine_.store().snapshot();
  QUIPU_ASSIGN(view_, StoreView::open(engine_.catalogue(), *snapshot_, engine_.store().hasher()));
  checkpoint_ = snapshot_->state().checkpoint;
  return view_.get();
}

void PreparedView::release() {
  view_.reset();
  snapshot_.reset();
}

Result<bool> PreparedView::is_counted(TenantId tenant, const std::string& name) {
  if (counted_.contains({tenant, name})) return true;
  for (const auto& [id, entry] : view_->catalogue().selectors()) {
    if (entry.name != name) continue;
    QUIPU_ASSIGN(const bool any, has_cells(*view_, tenant, id));
    if (!any) continue;
    if (counted_.size() >= kMaxCountedNames) counted_.clear();
    counted_.emplace(tenant, name);
    return true;
  }
  return false;
}

}  // namespace quipu
