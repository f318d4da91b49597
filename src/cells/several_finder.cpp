#include "cells/several_finder.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace quipu {

void SeveralFinder::see(PaneEntry entry) {
  const uint32_t bitmap_words = entry.bitmap_words();
  if (!entry.same_event()) {
    before_ = entry.words();
    return;
  }
  // `before_` is set while the event's first row is all that was seen of it.
  if (before_ != nullptr) {
    std::copy_n(PaneEntry(before_).here(), bitmap_words, seen_.begin());
    before_ = nullptr;
  }
  Bitmap* several = nullptr;
  for (uint32_t b = 0; b < bitmap_words; ++b) {
    if (const uint64_t twice = seen_[b] & entry.here()[b]) {
      if (several == nullptr) several = &several_[{entry.tenant(), entry.metric()}];
      (*several)[b] |= twice;
    }
    seen_[b] |= entry.here()[b];
  }
}

void SeveralFinder::report(std::vector<GroupByResult::Several>& out) const {
  const auto order = [](const GroupByResult::Several& s) {
    return std::tuple(raw(s.tenant), raw(s.selector), raw(s.dimension));
  };
  const size_t begin = out.size();
  for (const auto& [key, bits] : several_) {
    for (const CompiledSection& section : key.metric->sections) {
      for (uint32_t d = section.first_dimension; d < section.first_dimension + section.dimensions;
           ++d) {
        if (bits[d / 64] >> d % 64 & 1)
          out.push_back({key.tenant, section.selector, key.metric->dimensions[d].id});
      }
    }
  }
  std::sort(out.begin() + ptrdiff_t(begin), out.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  out.erase(std::unique(out.begin() + ptrdiff_t(begin), out.end()), out.end());
}

}  // namespace quipu
