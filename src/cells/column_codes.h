// Dense codes for the elements of one column of a group: 0, 1, 2 .. in order of first meeting.
// Memory is kept from group to group. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quipu {

class ColumnCodes {
 public:
  void clear();
  // Appends the codes of `n` elements to out[0..n).
  void encode(const uint64_t* elements, size_t n, uint32_t* out);

  uint32_t count() const { return uint32_t(elements_.size()); }
  uint64_t element(uint32_t code) const { return elements_[code]; }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;
  size_t place(uint64_t element) const { return size_t(element * 0x9e3779b97f4a7c15ull >> shift_); }
  void resize(size_t capacity);

  std::vector<uint64_t> elements_;  // by code
  std::vector<uint32_t> table_;     // codes, open addressing; the first `mask_ + 1` are in use
  size_t mask_ = 0;
  unsigned shift_ = 63;
};

}  // namespace quipu
