#include "query/prefix_filter.h"

#include <algorithm>

namespace quipu {

bool PrefixFilter::begins_so(std::string_view text) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const std::string& prefix) { return text.starts_with(prefix); });
}

Result<bool> PrefixFilter::holds(uint64_t element) {
  if (element == kEmptyElement) return false;
  if (read_) return std::binary_search(elements_.begin(), elements_.end(), element);
  const auto found = known_.find(element);
  if (found != known_.end()) return found->second;
  if (known_.size() >= kLookups) {
    QUIPU_TRY(read_all());
    return std::binary_search(elements_.begin(), elements_.end(), element);
  }
  QUIPU_ASSIGN(const std::string text, view_.name(tenant_, property_, element));
  return known_[element] = begins_so(text);
}

Status PrefixFilter::read_all() {
  Status inner;
  QUIPU_TRY(
      view_.snapshot().scan_names(tenant_, property_, [&](uint64_t element, std::string_view text) {
        inner = view_.spend(0);
        if (!inner.ok() || !begins_so(text)) return inner.ok();
        if ((elements_.size() + 1) * sizeof(uint64_t) > kMaxPrefixBytes) {
          inner = Error{"too many values begin with \"" + prefixes_[0] +
                        "\" (kMaxPrefixBytes): write more of their characters"};
          return false;
        }
        elements_.push_back(element);
        return true;
      }));
  QUIPU_TRY(inner);
  std::sort(elements_.begin(), elements_.end());
  elements_.erase(std::unique(elements_.begin(), elements_.end()), elements_.end());
  QUIPU_TRY(view_.check_one_names(tenant_, property_, elements_));
  read_ = true;
  known_.clear();
  return {};
}

}  // namespace quipu
