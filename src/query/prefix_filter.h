// Which values of a property begin with one of some texts. A few are looked up one by one; of many,
// the property's names are read through once. What it remembers is bounded by kMaxPrefixBytes. One
// thread; the view outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/view.h"

namespace quipu {

// Of the values that begin so, eight bytes each: beyond, the question is refused.
inline constexpr size_t kMaxPrefixBytes = size_t(16) << 20;

class PrefixFilter {
 public:
  PrefixFilter(StoreView& view, TenantId tenant, PropertyId property,
               std::vector<std::string> prefixes)
      : view_(view), tenant_(tenant), property_(property), prefixes_(std::move(prefixes)) {}
  // An error if the value has two texts, or too many values begin so.
  Result<bool> holds(uint64_t element);

 private:
  static constexpr size_t kLookups = 2048;  // one by one

  bool begins_so(std::string_view text) const;
  Status read_all();

  StoreView& view_;
  const TenantId tenant_;
  const PropertyId property_;
  const std::vector<std::string> prefixes_;
  std::unordered_map<uint64_t, bool> known_;
  bool read_ = false;
  std::vector<uint64_t> elements_;  // then all that begin so, rising
};

}  // namespace quipu
