#include "event/name_log.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/fault.h"

namespace quipu {

void NameBatch::add(const NameEntry& name) {
  const Head head{name.tenant,
                  name.property,
                  {uint32_t(name.element), uint32_t(name.element >> 32)},
                  uint32_t(name.text.size())};
  char* at = log_.take(sizeof head + name.text.size());
  std::memcpy(at, &head, sizeof head);
  if (!name.text.empty()) std::memcpy(at + sizeof head, name.text.data(), name.text.size());
  ++size_;
}

NameLog::NameLog(size_t cache_entries) {
  CHECK(cache_entries >= 1);
  const size_t sets = std::bit_ceil((cache_entries + kWays - 1) / kWays);
  known_ = HugeArray<Set>(sets);
  set_mask_ = sets - 1;
}

void NameLog::note(uint64_t print, TenantId tenant, PropertyId property, uint64_t element,
                   std::string_view text) {
  uint64_t* prints = known_[print & set_mask_].prints;
  if (prints[0] == print) return;
  size_t at = 1;
  while (at + 1 < kWays && prints[at] != print) ++at;
  const bool known = prints[at] == print;
  std::memmove(prints + 1, prints,
               at * sizeof *prints);  // the last one falls out if this is a new one
  prints[0] = print;
  if (known || planted(Planted::names_not_committed)) return;
  pending_.add({tenant, property, element, text});
}

NameBatch NameLog::take() { return std::exchange(pending_, NameBatch()); }

}  // namespace quipu
