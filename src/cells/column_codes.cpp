#include "cells/column_codes.h"

#include <algorithm>
#include <bit>

namespace quipu {
namespace {
constexpr size_t kFirstCapacity = 64;
}

void ColumnCodes::clear() {
  elements_.clear();
  resize(kFirstCapacity);
}

void ColumnCodes::resize(size_t capacity) {
  if (table_.size() < capacity) table_.resize(capacity);
  std::fill_n(table_.begin(), capacity, kFree);
  mask_ = capacity - 1;
  shift_ = unsigned(64 - std::countr_zero(capacity));
  for (uint32_t code = 0; code < elements_.size(); ++code) {
    size_t at = place(elements_[code]);
    while (table_[at] != kFree) at = (at + 1) & mask_;
    table_[at] = code;
  }
}

void ColumnCodes::encode(const uint64_t* elements, size_t n, uint32_t* out) {
  for (size_t i = 0; i < n; ++i) {
    const uint64_t element = elements[i];
    size_t at = place(element);
    uint32_t code = table_[at];
    while (code != kFree && elements_[code] != element) {
      at = (at + 1) & mask_;
      code = table_[at];
    }
    if (code == kFree) {
      code = uint32_t(elements_.size());
      table_[at] = code;
      elements_.push_back(element);
      if (elements_.size() * 2 > mask_ + 1) resize((mask_ + 1) * 2);
    }
    out[i] = code;
  }
}

}  // namespace quipu
