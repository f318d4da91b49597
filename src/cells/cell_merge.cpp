// Merging of stored rows: packed rows of one key by a merge of their entries, joint rows dimension
// by dimension, sparse rows by stringing together.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/least_keys.h"
#include "cells/cell_codec.h"
#include "cells/cell_rows.h"
#include "cells/entry_cursor.h"
#include "cells/joint_rows.h"
#include "cells/sparse_rows.h"

namespace quipu {
namespace {

// Adds the slots of entries of one value, read under their own headers, in the shape of the merged
// row.
class SlotAdder {
 public:
  explicit SlotAdder(const CellRowHeader& merged) : merged_(merged) {}
  void forget() { present_ = {}; }

  // Reads the slots of the row's entry in hand. False: corrupt.
  bool add(EntryCursor& row) {
    const CellRowHeader& header = row.header();
    int slot_before = -1;
    for (bool last = false; !last;) {
      if (!get_slot(row.slots(), header.frames, header.values, read_, last)) return false;
      const SlotCount& read = read_;
      if (read.slot <= slot_before) return false;
      slot_before = read.slot;
      Sum& sum = slot(read.slot);
      sum.count += read.count;
      if (sum.count > kMaxCount) return false;
      for (int f = 0; f < header.frames; ++f) {
        if (__builtin_add_overflow(sum.first[size_t(f)], read.first[size_t(f)],
                                   &sum.first[size_t(f)]))
          return false;
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
    size_t left = size_t(std::popcount(present_[0]) + std::popcount(present_[1]));
    char bytes[max_slot_bytes(kMaxFrames, kMaxValues)];
    for (size_t half = 0; half < present_.size(); ++half) {
      for (uint64_t rest = present_[half]; rest != 0; rest &= rest - 1) {
        const size_t s = half * 64 + size_t(std::countr_zero(rest));
        const Sum& sum = slots_[s];
        --left;
        const char* end =
            put_slot(bytes, uint8_t(s), left == 0, sum.count,
                     {sum.first.data(), size_t(merged_.frames)}, {sum.sums.data(), merged_.values});
        out.append(bytes, size_t(end - bytes));
      }
    }
    present_ = {};
  }

 private:
  // No initializers: most rows are short, and clearing all of 96 slots would cost more than merging
  // them.
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
  std::array<Sum, kSlotsOfDay> slots_;  // those present hold something
  std::array<uint64_t, 2> present_{};
};

// The union of the rows' value ids, the most frames, the entries added up (an upper bound). False:
// they do not fit.
bool unite(std::span<const EntryCursor> rows, CellRowHeader& merged) {
  merged = rows[0].header();
  for (const EntryCursor& row : rows.subspan(1)) {
    const CellRowHeader& header = row.header();
    if (header.arity != merged.arity) return false;
    merged.frames = std::max(merged.frames, header.frames);
    std::array<ValueId, 2 * kMaxValues> ids{};
    auto end = std::set_union(merged.value_ids.begin(), merged.value_ids.begin() + merged.values,
                              header.value_ids.begin(), header.value_ids.begin() + header.values,
                              ids.begin());
    merged.values = size_t(end - ids.begin());
    if (merged.values > size_t(kMaxValues)) return false;
    merged.value_ids = {};
    std::copy(ids.begin(), end, merged.value_ids.begin());
  }
  return true;
}

// Merges up to LeastKeys::kMost rows at once.
class PackedMerge {
 public:
  // False: corrupt, or rows that do not fit.
  bool run(std::span<const std::string_view> rows, std::string& out) {
    cursors_.assign(rows.size(), {});
    for (size_t r = 0; r < rows.size(); ++r) {
      if (!cursors_[r].open(rows[r])) return false;
    }
    if (!unite(cursors_, merged_)) return false;
    merged_.entries = 0;
    adder_.forget();  // a merge that failed may have left something
    body_.clear();
    LeastKeys hashes(rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      as_merged_[r] = cursors_[r].header().same_shape(merged_);
      if (!advance(hashes, r)) return false;
    }
    for (LeastKeys::Mask with; (with = hashes.least()) != 0; ++merged_.entries) {
      if ((with & (with - 1)) != 0 && merged_.arity > 1) with = first_of_one_hash(with);
      if (!merge_value(hashes, with)) return false;
    }
    char header[kMaxRowHeaderBytes];
    const size_t header_bytes = size_t(merged_.put(header) - header);
    out.clear();
    out.reserve(header_bytes + body_.size());
    out.append(header, header_bytes);
    out.append(body_);
    return true;
  }

 private:
  // Puts the row's next entry in hand. False: corrupt.
  bool advance(LeastKeys& hashes, size_t r) {
    EntryCursor& cursor = cursors_[r];
    if (!cursor.next()) return false;
    if (cursor.at_end()) {
      hashes.end(r);
    } else {
      hashes.set(r, cursor.hash());
    }
    return true;
  }

  // Of rows whose entries have one hash, those with the first elements. Hardly ever two differ.
  LeastKeys::Mask first_of_one_hash(LeastKeys::Mask with) const {
    const char* first = cursors_[size_t(std::countr_zero(with))].elements();
    LeastKeys::Mask same = 0;
    each_row(with, [&](size_t r) {
      const int order = compare_elements(cursors_[r].elements(), first, merged_.arity);
      if (order < 0) first = cursors_[r].elements();
      if (order < 0) same = 0;
      if (order <= 0) same |= LeastKeys::Mask(1) << r;
      return true;
    });
    return same;
  }

  // Of the rows whose entries in hand are of the first value. False: corrupt.
  bool merge_value(LeastKeys& hashes, LeastKeys::Mask with) {
    const size_t first = size_t(std::countr_zero(with));
    EntryCursor& cursor = cursors_[first];
    const char* elements = cursor.elements();
    if ((with & (with - 1)) == 0 && as_merged_[first]) {
      if (!cursor.skip_slots()) return false;
      body_.append(elements, size_t(cursor.slots().position() - elements));
      return advance(hashes, first);
    }
    body_.append(elements, size_t(merged_.arity) * 8);
    if (!each_row(with, [&](size_t r) { return adder_.add(cursors_[r]) && advance(hashes, r); }))
      return false;
    adder_.finish(body_);
    return true;
  }

  std::vector<EntryCursor> cursors_;
  std::array<bool, LeastKeys::kMost>
      as_merged_{};  // the row's entries can be taken over as they are
  CellRowHeader merged_;
  SlotAdder adder_{merged_};
  std::string body_;
};

std::optional<std::string> merge_packed(std::span<const std::string_view> rows) {
  static thread_local PackedMerge merge;  // its memory stays
  return merge_in_parts(rows,
                        [](std::span<const std::string_view> part) -> std::optional<std::string> {
                          std::string out;
                          if (!merge.run(part, out)) return std::nullopt;
                          return out;
                        });
}

std::optional<std::string> merge_joint(std::span<const std::string_view> rows) {
  std::vector<JointParts> parts;
  for (std::string_view row : rows) {
    const auto cut = joint_parts(row);
    if (!cut) return std::nullopt;
    parts.push_back(*cut);
  }
  JointRowBuilder merged;
  std::vector<std::string_view> of_dimension;
  for (uint32_t place = 0; place < kJointDimensions; ++place) {
    of_dimension.clear();
    for (const JointParts& row : parts) {
      if (!row.rows[place].empty()) of_dimension.push_back(row.rows[place]);
    }
    if (of_dimension.empty()) continue;
    const auto sum = merge_packed(of_dimension);
    if (!sum) return std::nullopt;
    merged.add(DimensionId(place), *sum);
  }
  for (uint32_t place = 0; place < kJointDimensions; ++place) {
    std::optional<ValueSketch> all;
    for (const JointParts& row : parts) {
      if (row.sketches[place].empty()) continue;
      const auto sketch = ValueSketch::parse(row.sketches[place]);
      if (!sketch) return std::nullopt;
      if (!all) all.emplace();
      all->merge(*sketch);
    }
    if (all) merged.add_sketch(DimensionId(place), *all);
  }
  return merged.finish();
}

}  // namespace

std::optional<std::string> merge_rows(std::string_view key,
                                      std::span<const std::string_view> rows) {
  const auto parsed = CellKey::parse(key);
  if (!parsed || rows.empty()) return std::nullopt;
  if (parsed->dimension == DimensionId::none) return string_together(rows);
  return parsed->joint() ? merge_joint(rows) : merge_packed(rows);
}

}  // namespace quipu
