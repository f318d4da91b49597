#include "event/name_log.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/fault.h"

namespace quipu {

NameLog::NameLog(size_t cache_entries) {
  CHECK(cache_entries >= 1);
  known_.resize(std::bit_ceil((cache_entries + kWays - 1) / kWays));
  set_mask_ = known_.size() - 1;
}

void NameLog::note(uint64_t print, TenantId tenant, PropertyId property, uint64_t element, std::string_view text) {
  uint64_t* prints = known_[print & set_mask_].prints;
  if (prints[0] == print) return;
  size_t at = 1;
  while (at + 1 < kWays && prints[at] != print) ++at;
  const bool known = prints[at] == print;
  std::memmove(prints + 1, prints, at * sizeof *prints);  // the last one falls out if this is a new one
  prints[0] = print;
  if (known || planted(Planted::names_not_committed)) return;
  pending_.push_back({tenant, property, element, std::string(text)});
  bytes_ += sizeof(NameEntry) + text.size();
}

std::vector<NameEntry> NameLog::take() {
  std::vector<NameEntry> taken = std::move(pending_);
  pending_.clear();
  bytes_ = 0;
  return taken;
}

}  // namespace quipu
