// Merging of stored rows: packed rows of one key by a k-way merge of their entries, sparse rows by stringing together.
#include <algorithm>
#include <bit>

#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

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
  std::string_view bytes() const { return {begin_, size_t(in_.position() - begin_)}; }
  const uint64_t* elements() const { return elements_.data(); }

  // Goes to the next entry. False: corrupt.
  bool next() {
    if (left_ == 0) {
      at_end_ = true;
      return in_.done() && in_.ok();
    }
    const bool is_first = left_ == header_.entries;
    --left_;
    begin_ = in_.position();
    const std::array<uint64_t, kMaxArity> before = elements_;
    const uint64_t hash_before = hash_;
    hash_ = kValueHashStart;
    for (int k = 0; k < header_.arity; ++k) {
      elements_[size_t(k)] = in_.le64();
      hash_ = value_hash_step(hash_, elements_[size_t(k)]);
    }
    if (!is_first && (hash_ < hash_before || (hash_ == hash_before && elements_ <= before))) return false;
    return skip_slots();
  }

  bool before(const EntryCursor& o) const { return hash_ != o.hash_ ? hash_ < o.hash_ : elements_ < o.elements_; }
  bool same_value(const EntryCursor& o) const { return hash_ == o.hash_ && elements_ == o.elements_; }

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
  std::array<uint64_t, kMaxArity> elements_{};
};

// Adds the slots of entries of one value, read under their own headers, in the shape of the merged row.
class SlotAdder {
 public:
  explicit SlotAdder(const CellRowHeader& merged) : merged_(merged) {}

  // False: corrupt.
  bool add(const EntryCursor& entry) {
    const CellRowHeader& header = entry.header();
    ByteReader in(entry.bytes());
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

  // A heap of the rows by their current entries; the first in order on top.
  std::vector<EntryCursor*> heap;
  for (EntryCursor& c : cursors) {
    if (!c.next()) return std::nullopt;
    if (!c.at_end()) heap.push_back(&c);
  }
  const auto later = [](const EntryCursor* a, const EntryCursor* b) { return b->before(*a); };
  std::make_heap(heap.begin(), heap.end(), later);
  // Puts the row on top of the heap at its next entry into its place. False: corrupt.
  const auto advance = [&](EntryCursor* c) {
    if (!c->next()) return false;
    if (!c->at_end()) {
      heap.push_back(c);
      std::push_heap(heap.begin(), heap.end(), later);
    }
    return true;
  };

  std::string body;
  body.reserve(bytes);
  SlotAdder adder(merged);
  std::vector<EntryCursor*> same;
  merged.entries = 0;
  while (!heap.empty()) {
    same.clear();
    do {
      std::pop_heap(heap.begin(), heap.end(), later);
      same.push_back(heap.back());
      heap.pop_back();
    } while (!heap.empty() && heap.front()->same_value(*same.front()));
    if (same.size() == 1 && same[0]->header().same_shape(merged)) {
      body += same[0]->bytes();
    } else {
      body.append(same[0]->bytes().substr(0, size_t(merged.arity) * 8));
      for (EntryCursor* c : same) {
        if (!adder.add(*c)) return std::nullopt;
      }
      adder.finish(body);
    }
    ++merged.entries;
    for (EntryCursor* c : same) {
      if (!advance(c)) return std::nullopt;
    }
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
