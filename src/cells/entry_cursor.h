// Walks the entries of a packed row (cell_rows.cpp), as they lie: for merging and cutting rows. It
// refers to the row's bytes. One thread; corrupt bytes are told by the return values.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "cells/cell_codec.h"
#include "cells/cell_lookup.h"

namespace quipu {

inline uint64_t element_at(const char* entry, int k) {
  uint64_t element;
  std::memcpy(&element, entry + 8 * k, sizeof element);
  return element;
}

// Of entries of one hash: by elements. Hardly ever two differ.
inline int compare_elements(const char* a, const char* b, int arity) {
  for (int k = 0; k < arity; ++k) {
    const uint64_t x = element_at(a, k), y = element_at(b, k);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

// Walks the entries of one packed row. Of an entry the elements are read first, then its slots: by
// skip_slots() or by whoever adds them up.
class EntryCursor {
 public:
  // False: corrupt.
  bool open(std::string_view row) {
    in_ = ByteReader(row);
    if (header_.get(in_) != nullptr) return false;
    left_ = header_.entries;
    return true;
  }
  const CellRowHeader& header() const { return header_; }
  bool at_end() const { return at_end_; }
  uint64_t hash() const { return hash_; }
  const char* elements() const { return begin_; }
  ByteReader& slots() { return in_; }

  // Goes to the next entry, once the slots of the one in hand were read. False: corrupt.
  bool next() {
    if (left_ == 0) {
      at_end_ = true;
      return in_.done() && in_.ok();
    }
    const bool is_first = left_ == header_.entries;
    --left_;
    const char* const entry_before = begin_;
    const uint64_t hash_before = hash_;
    begin_ = in_.position();
    in_.bytes(size_t(header_.arity) * 8);
    if (!in_.ok()) return false;
    hash_ = kValueHashStart;
    for (int k = 0; k < header_.arity; ++k) hash_ = value_hash_step(hash_, element_at(begin_, k));
    return is_first || hash_ > hash_before ||
           (hash_ == hash_before && compare_elements(entry_before, begin_, header_.arity) < 0);
  }

  // False: corrupt.
  bool skip_slots() { return quipu::skip_slots(in_, header_.frames, header_.values); }

 private:
  ByteReader in_{std::string_view()};
  CellRowHeader header_;
  uint64_t left_ = 0;
  bool at_end_ = false;
  const char* begin_ = nullptr;
  uint64_t hash_ = 0;
};

}  // namespace quipu
