// Merging of stored rows: packed rows of one key by a k-way merge of their entries, sparse rows by stringing together.
#include <algorithm>
#include <bit>
#include <cstring>

#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

uint64_t element_at(const char* entry, int k) {
  uint64_t element;
  std::memcpy(&element, entry + 8 * k, sizeof element);
  return element;
}

// Of entries of one hash: by elements. Hardly ever two differ.
int compare_elements(const char* a, const char* b, int arity) {
  for (int k = 0; k < arity; ++k) {
    const uint64_t x = element_at(a, k), y = element_at(b, k);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

// Walks the entries of one packed row.
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
  const char* begin() const { return begin_; }
  std::string_view bytes() const { return {begin_, size_t(in_.position() - begin_)}; }

  // Goes to the next entry. False: corrupt.
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
    if (!is_first && hash_ <= hash_before &&
        (hash_ < hash_before || compare_elements(entry_before, begin_, header_.arity) >= 0)) {
      return false;
    }
    return skip_slots();
  }

 private:
  bool skip_slots() {
    int slot_before = -1;
    for (bool last = false; !last;) {
      const uint8_t head = in_.u8();
      const uint8_t flags = in_.u8();
      const int slot = head & ~kLastSlot;
      last = head & kLastSlot;
      if (slot >= kSlotsOfDay || slot <= slot_before) return false;
      slot_before = slot;
      if (!(flags & kSeveral)) {
        in_.bytes(uint64_t(more_flag_bytes(header_.frames)));
      } else {
        if (!(flags & kFlagBits)) in_.varint();
        unsigned differences = 0;
        for (int b = 0; b < changed_bytes(header_.frames); ++b) differences += unsigned(std::popcount(in_.u8()));
        for (; differences > 0; --differences) in_.varint();
      }
      if (flags & kSumsFollow) {
        for (size_t v = 0; v < header_.values; ++v) in_.svarint128();
      }
      if (!in_.ok()) return false;
    }
    return true;
  }

  ByteReader in_{std::string_view()};
  CellRowHeader header_;
  uint64_t left_ = 0;
  bool at_end_ = false;
  const char* begin_ = nullptr;
  uint64_t hash_ = 0;
};

// The rows by their current entries, the first in order on top; at most one entry a row.
class EntryHeap {
 public:
  explicit EntryHeap(int arity) : arity_(arity) {}
  bool empty() const { return places_.empty(); }
  EntryCursor& top() const { return *places_[0].row; }
  void push(EntryCursor* row) {
    places_.push_back({row->hash(), row});
    for (size_t at = places_.size() - 1; at > 0 && before(places_[at], places_[(at - 1) / 2]); at = (at - 1) / 2) {
      std::swap(places_[at], places_[(at - 1) / 2]);
    }
  }
  // Puts the top row, which has gone on, into its place. False: corrupt.
  bool advance_top() {
    EntryCursor* row = places_[0].row;
    if (!row->next()) return false;
    Place moved{row->hash(), row};
    if (row->at_end()) {
      moved = places_.back();
      places_.pop_back();
      if (places_.empty()) return true;
    }
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < places_.size(); at = child) {
      if (child + 1 < places_.size()) child += size_t(before(places_[child + 1], places_[child]));
      if (!before(places_[child], moved)) break;
      places_[at] = places_[child];
    }
    places_[at] = moved;
    return true;
  }

 private:
  struct Place {
    uint64_t hash;
    EntryCursor* row;
  };
  bool before(const Place& a, const Place& b) const {
    if (a.hash != b.hash) return a.hash < b.hash;
    return compare_elements(a.row->begin(), b.row->begin(), arity_) < 0;
  }
  const int arity_;
  std::vector<Place> places_;
};

// Adds the slots of entries of one value, read under their own headers, in the shape of the merged row.
class SlotAdder {
 public:
  explicit SlotAdder(const CellRowHeader& merged) : merged_(merged) {}

  // False: corrupt.
  bool add(const CellRowHeader& header, std::string_view entry) {
    ByteReader in(entry);
    in.bytes(size_t(header.arity) * 8);
    for (bool last = false; !last;) {
      if (!get_slot(in, header.frames, header.values, read_, last)) return false;
      const SlotCount& read = read_;
      Sum& sum = slot(read.slot);
      sum.count += read.count;
      if (sum.count > kMaxCount) return false;
      for (int f = 0; f < header.frames; ++f) {
        if (__builtin_add_overflow(sum.first[size_t(f)], read.first[size_t(f)], &sum.first[size_t(f)])) return false;
      }
      size_t to = 0;
      for (size_t v = 0; v < header.values; ++v) {
        while (merged_.value_ids[to] != header.value_ids[v]) ++to;
        sum.sums[to] = Fixed6(UInt128(sum.sums[to]) + UInt128(read.sums[v]));
      }
    }
    return true;
  }

  // Appends the slots added and is ready for the next value.
  void finish(std::string& out) {
    const size_t used = out.size();
    size_t left = size_t(std::popcount(present_[0]) + std::popcount(present_[1]));
    out.resize(used + left * max_slot_bytes(merged_.frames, merged_.values));
    char* p = out.data() + used;
    for (size_t half = 0; half < present_.size(); ++half) {
      for (uint64_t rest = present_[half]; rest != 0; rest &= rest - 1) {
        const size_t s = half * 64 + size_t(std::countr_zero(rest));
        const Sum& sum = slots_[s];
        --left;
        p = put_slot(p, uint8_t(s), left == 0, sum.count, {sum.first.data(), size_t(merged_.frames)}, {sum.sums.data(), merged_.values});
      }
    }
    out.resize(size_t(p - out.data()));
    present_ = {};
  }

 private:
  // No initializers: most rows are short, and clearing all of 96 slots would cost more than merging them.
  struct Sum {
    uint64_t count;
    std::array<Fixed6, kMaxValues> sums;
    std::array<uint32_t, kMaxFrames> first;
  };
  Sum& slot(uint8_t s) {
    Sum& sum = slots_[s];
    const uint64_t bit = uint64_t(1) << s % 64;
    if (!(present_[s / 64] & bit)) {
      present_[s / 64] |= bit;
      sum.count = 0;
      std::fill_n(sum.first.begin(), merged_.frames, 0);
      std::fill_n(sum.sums.begin(), merged_.values, 0);
    }
    return sum;
  }
  const CellRowHeader& merged_;
  SlotCount read_;
  std::array<Sum, kSlotsOfDay> slots_;   // those present hold something
  std::array<uint64_t, 2> present_{};
};

// The union of the rows' value ids, the most frames, the entries added up (an upper bound). False: they do not fit.
bool unite(std::span<const EntryCursor> rows, CellRowHeader& merged) {
  merged = rows[0].header();
  for (const EntryCursor& row : rows.subspan(1)) {
    const CellRowHeader& header = row.header();
    if (header.arity != merged.arity) return false;
    merged.frames = std::max(merged.frames, header.frames);
    std::array<ValueId, 2 * kMaxValues> ids{};
    auto end = std::set_union(merged.value_ids.begin(), merged.value_ids.begin() + merged.values, header.value_ids.begin(),
                              header.value_ids.begin() + header.values, ids.begin());
    merged.values = size_t(end - ids.begin());
    if (merged.values > size_t(kMaxValues)) return false;
    merged.value_ids = {};
    std::copy(ids.begin(), end, merged.value_ids.begin());
  }
  return true;
}

std::optional<std::string> merge_packed(std::span<const std::string_view> rows) {
  std::vector<EntryCursor> cursors(rows.size());
  size_t bytes = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (!cursors[r].open(rows[r])) return std::nullopt;
    bytes += rows[r].size();
  }
  CellRowHeader merged;
  if (!unite(cursors, merged)) return std::nullopt;

  EntryHeap heap(merged.arity);
  for (EntryCursor& c : cursors) {
    if (!c.next()) return std::nullopt;
    if (!c.at_end()) heap.push(&c);
  }
  std::string body;
  body.reserve(bytes);
  SlotAdder adder(merged);
  merged.entries = 0;
  while (!heap.empty()) {
    const CellRowHeader& row = heap.top().header();
    const std::string_view entry = heap.top().bytes();
    const uint64_t hash = heap.top().hash();
    if (!heap.advance_top()) return std::nullopt;
    bool added = false;
    while (!heap.empty() && heap.top().hash() == hash && compare_elements(heap.top().begin(), entry.data(), merged.arity) == 0) {
      if (!added && !adder.add(row, entry)) return std::nullopt;
      added = true;
      if (!adder.add(heap.top().header(), heap.top().bytes())) return std::nullopt;
      if (!heap.advance_top()) return std::nullopt;
    }
    if (!added && row.same_shape(merged)) {
      body += entry;
    } else {
      if (!added && !adder.add(row, entry)) return std::nullopt;
      body.append(entry.substr(0, size_t(merged.arity) * 8));
      adder.finish(body);
    }
    ++merged.entries;
  }
  char header[kMaxRowHeaderBytes];
  body.insert(0, header, size_t(merged.put(header) - header));
  return body;
}

}  // namespace

std::optional<std::string> merge_rows(std::string_view key, std::span<const std::string_view> rows) {
  const auto parsed = CellKey::parse(key);
  if (!parsed || rows.empty()) return std::nullopt;
  return parsed->dimension == DimensionId::none ? string_together(rows) : merge_packed(rows);
}

}  // namespace quipu
