#include "tally/records_ahead.h"

#include <algorithm>

namespace quipu {

void RecordsAhead::ask(uint64_t hash, TenantId tenant, const Hash128& profile) {
  if (2 * keys_.size() >= slots_.size()) grow();
  const RecordKey key{kForever, tenant, profile, 0, 0};
  uint32_t& slot = slot_of(hash, key);
  if (slot != kNone) return;
  slot = uint32_t(keys_.size());
  keys_.push_back(key);
  hashes_.push_back(hash);
}

void RecordsAhead::begin() {
  if (!keys_.empty()) load_ = tier_.begin_load(keys_);
}

void RecordsAhead::forget() {
  load_.reset();
  if (keys_.empty()) return;
  keys_.clear();
  hashes_.clear();
  std::fill(slots_.begin(), slots_.end(), kNone);
}

Result<bool> RecordsAhead::take(uint64_t hash, const RecordKey& key, std::string& value) {
  if (keys_.empty() || key.month != kForever || key.depth != 0) return false;
  const uint32_t slot = slot_of(hash, key);
  if (slot == kNone) return false;
  if (load_ != nullptr) {
    QUIPU_TRY(load_->finish(values_));
    load_.reset();
  }
  value = values_[slot];  // not moved: it may be asked for again
  return true;
}

uint32_t& RecordsAhead::slot_of(uint64_t hash, const RecordKey& key) {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    if (slots_[at] == kNone || keys_[slots_[at]] == key) return slots_[at];
  }
}

void RecordsAhead::grow() {
  slots_.assign(std::max<size_t>(64, 2 * slots_.size()), kNone);
  for (size_t i = 0; i < keys_.size(); ++i) slot_of(hashes_[i], keys_[i]) = uint32_t(i);
}

}  // namespace quipu
