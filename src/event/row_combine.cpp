// RowBuilder: events whose arrays make several rows.
#include <algorithm>
#include <bit>

#include "base/fault.h"
#include "event/row_builder.h"

namespace quipu {
namespace {

constexpr size_t kPairwiseRows =
    12;  // up to which comparing each row with all before it is quicker than hashing

}  // namespace

// Tuples of a group that differ in some needed column, by the first of each.
void RowBuilder::distinct_tuples(const MetricReading::Group& group, std::vector<uint32_t>& tuples) {
  const uint32_t size = group_size_[group.group];
  tuples.clear();
  first_.begin(size);
  for (uint32_t i = 0; i < size; ++i) {
    uint64_t hash = 0;
    for (uint8_t c : group.columns) hash = combine64(hash, cell(c, i).hash.element);
    const uint32_t first = first_.add(i, hash, [&](uint32_t other) {
      return std::all_of(group.columns.begin(), group.columns.end(), [&](uint8_t c) {
        return cell(c, i).hash.element == cell(c, other).hash.element;
      });
    });
    if (first == i) tuples.push_back(i);
  }
}

// All combinations of the groups' distinct tuples, judged; equal rows once.
void RowBuilder::combine(const MetricReading& reading) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  size_t product = 1;
  for (size_t g = 0; g < reading.groups.size(); ++g) {
    distinct_tuples(reading.groups[g], tuples_[g]);
    product *= tuples_[g].size();
  }
  rows_.assign(product * columns_, 0);
  here_.assign(product * bitmap_words, 0);
  // Only columns that rows do not hold can make two of them equal.
  const bool may_repeat = reading.needed != reading.used;
  if (may_repeat) first_.begin(product);
  row_count_ = 0;
  for (size_t n = 0; n < product; ++n) {
    uint64_t* elements = row(row_count_);
    std::fill(elements, elements + columns_, 0);
    size_t rest = n;
    for (size_t g = reading.groups.size(); g-- > 0;) {  // the last group's tuples change fastest
      const uint32_t tuple = tuples_[g][rest % tuples_[g].size()];
      rest /= tuples_[g].size();
      for (uint8_t c : reading.groups[g].columns) elements[c] = cell(c, tuple).hash.element;
    }
    if (!judge(reading, elements, here_.data() + row_count_ * bitmap_words)) continue;
    if (may_repeat && is_repeated(reading, row_count_)) continue;
    ++row_count_;
  }
}

bool RowBuilder::is_repeated(const MetricReading& reading, size_t r) {
  uint64_t hash = 0;
  for (uint8_t c : reading.metric->columns) hash = combine64(hash, row(r)[c]);
  return first_.add(uint32_t(r), hash, [&](uint32_t other) {
    return std::equal(row(r), row(r) + columns_, row(other));
  }) != r;
}

// An event counts once in each value of a dimension: in the first of its rows that has it.
void RowBuilder::clear_repeated(const MetricReading& reading) {
  if (planted(Planted::array_values_not_distinct)) return;
  if (row_count_ <= kPairwiseRows) {
    clear_repeated_pairwise(reading);
  } else {
    clear_repeated_by_hash(reading);
  }
}

void RowBuilder::clear_repeated_pairwise(const MetricReading& reading) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  for (size_t r = 1; r < row_count_; ++r) {
    for (size_t before = 0; before < r; ++before) {
      uint64_t differ = 0;
      for (uint8_t c : reading.metric->columns)
        differ |= uint64_t(row(r)[c] != row(before)[c]) << c;
      for (uint32_t b = 0; b < bitmap_words; ++b) {
        uint64_t& here = here_[r * bitmap_words + b];
        for (uint64_t left = here & here_[before * bitmap_words + b]; left != 0; left &= left - 1) {
          const int bit = std::countr_zero(left);
          if ((reading.dimension_columns[b * 64 + size_t(bit)] & differ) == 0)
            here &= ~(uint64_t(1) << bit);
        }
      }
    }
  }
}

void RowBuilder::clear_repeated_by_hash(const MetricReading& reading) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  for (uint32_t b = 0; b < bitmap_words; ++b) {
    for (uint64_t dimensions = reading.metric->planned[b]; dimensions != 0;
         dimensions &= dimensions - 1) {
      const uint64_t bit = dimensions & -dimensions;
      const CompiledDimension& d =
          reading.metric->dimensions[b * 64 + size_t(std::countr_zero(dimensions))];
      first_.begin(row_count_);
      for (uint32_t r = 0; r < row_count_; ++r) {
        uint64_t& here = here_[r * bitmap_words + b];
        if (!(here & bit)) continue;
        uint64_t hash = 0;
        for (size_t k = 0; k < d.compared; ++k) hash = combine64(hash, row(r)[d.columns[k]]);
        const uint32_t first = first_.add(r, hash, [&](uint32_t other) {
          for (size_t k = 0; k < d.compared; ++k)
            if (row(r)[d.columns[k]] != row(other)[d.columns[k]]) return false;
          return true;
        });
        if (first != r) here &= ~bit;
      }
    }
  }
}

}  // namespace quipu
