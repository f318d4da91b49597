#include "store/changed_cells.h"

#include <algorithm>

#include "base/check.h"

namespace quipu {

void ChangedCells::Commit::note(std::string_view bytes) {
  constexpr size_t kPlaceBytes = 12;  // day, tenant and selector: a key's first
  CHECK(bytes > last_ && bytes.size() > kPlaceBytes);
  const bool same = bytes.substr(0, kPlaceBytes) == std::string_view(last_).substr(0, kPlaceBytes);
  last_.assign(bytes);
  if (same) return;
  const auto key = CellKey::parse(bytes);
  CHECK(key);
  places_.push_back({key->tenant, key->selector, key->day});
}

void ChangedCells::add(uint64_t checkpoint, std::vector<CellPlace> places) {
  places.shrink_to_fit();
  std::lock_guard lock(mutex_);
  if (!commits_.empty() && commits_.back().first + 1 != checkpoint) {
    commits_.clear();
    bytes_ = 0;
  }
  bytes_ += sizeof(commits_[0]) + places.size() * sizeof(CellPlace);
  commits_.emplace_back(checkpoint, std::move(places));
  while (bytes_ > kMaxChangedBytes) {
    bytes_ -= sizeof(commits_[0]) + commits_.front().second.size() * sizeof(CellPlace);
    commits_.pop_front();
  }
}

std::optional<std::vector<CellPlace>> ChangedCells::between(uint64_t after, uint64_t last) const {
  std::vector<CellPlace> places;
  if (after == last) return places;
  std::lock_guard lock(mutex_);
  if (after > last || commits_.empty() || after + 1 < commits_.front().first ||
      commits_.back().first < last)
    return std::nullopt;
  for (const auto& [checkpoint, of] : commits_) {
    if (checkpoint > after && checkpoint <= last) places.insert(places.end(), of.begin(), of.end());
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace quipu
