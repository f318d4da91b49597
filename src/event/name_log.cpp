#include "event/name_log.h"

#include <bit>

#include "base/check.h"
#include "base/fault.h"

namespace quipu {

NameLog::NameLog(size_t cache_entries) {
  CHECK(cache_entries >= 1);
  known_.resize(std::bit_ceil(cache_entries));
}

void NameLog::note(TenantId tenant, PropertyId property, Hasher::Checked hash, std::string_view text) {
  const uint64_t key = combine64(uint64_t(raw(tenant)) << 32 | raw(property), hash.element);
  Known& known = known_[key & (known_.size() - 1)];
  if (known.key == key && known.check == hash.check) return;
  known = {key, hash.check};
  if (planted(Planted::names_not_committed)) return;
  pending_.push_back({tenant, property, hash.element, std::string(text)});
  bytes_ += sizeof(NameEntry) + text.size();
}

std::vector<NameEntry> NameLog::take() {
  std::vector<NameEntry> taken = std::move(pending_);
  pending_.clear();
  bytes_ = 0;
  return taken;
}

}  // namespace quipu
