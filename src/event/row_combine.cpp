// RowBuilder: events whose lists make several rows.
#include <algorithm>
#include <bit>

#include "base/fault.h"
#include "event/field_reader.h"
#include "event/row_builder.h"

namespace quipu {
namespace {

constexpr size_t kPairwiseRows =
    12;  // up to which comparing each row with all before it is quicker than hashing
// Lists that one dimension may join: each has two tuples or more.
constexpr int kMostJoined = 9;
static_assert(1 << (kMostJoined + 1) > kMaxRowsOfEvent);

}  // namespace

void RowSets::choose(const MetricReading& of, uint64_t several_groups) {
  if (reading == &of && several == several_groups) return;
  reading = &of;
  several = several_groups;
  sets.clear();
  fit = true;
  const uint32_t bitmap_words = of.metric->bitmap_words;
  std::vector<Set> joined;  // what dimensions join of these groups, distinct
  for (const MetricReading::Join& join : of.joins) {
    const uint64_t groups = join.groups & several;
    fit = fit && std::popcount(groups) <= kMostJoined;
    auto known = std::find_if(joined.begin(), joined.end(),
                              [&](const Set& set) { return set.groups == groups; });
    if (known == joined.end())
      known = joined.insert(known, Set{groups, std::vector<uint64_t>(bitmap_words)});
    for (uint32_t b = 0; b < bitmap_words; ++b) known->dimensions[b] |= join.dimensions[b];
  }
  if (!fit) return;
  std::vector<uint64_t> subsets{0};
  for (const Set& set : joined)
    for (uint64_t part = set.groups; part != 0; part = (part - 1) & set.groups)
      subsets.push_back(part);
  std::sort(subsets.begin(), subsets.end(), [](uint64_t a, uint64_t b) {
    const int size_a = std::popcount(a), size_b = std::popcount(b);
    return size_a != size_b ? size_a < size_b : a < b;
  });
  subsets.erase(std::unique(subsets.begin(), subsets.end()), subsets.end());
  for (uint64_t groups : subsets) {
    Set& set = sets.emplace_back(Set{groups, std::vector<uint64_t>(bitmap_words)});
    for (const Set& whole : joined)
      if ((groups & ~whole.groups) == 0)
        for (uint32_t b = 0; b < bitmap_words; ++b) set.dimensions[b] |= whole.dimensions[b];
  }
}

bool RowBuilder::fit(const MetricReading& reading, LineOutcome& outcome) {
  uint64_t several = 0;
  for (size_t g = 0; g < reading.groups.size(); ++g)
    several |= uint64_t(group_size_[reading.groups[g].group] > 1) << g;
  if (several == 0) return true;
  sets_.choose(reading, several);
  uint64_t rows = 0;
  for (size_t s = 0; s < sets_.sets.size() && rows <= uint64_t(kMaxRowsOfEvent); ++s) {
    uint64_t product = 1;
    for (uint64_t rest = sets_.sets[s].groups; rest != 0 && product <= uint64_t(kMaxRowsOfEvent);
         rest &= rest - 1)
      product *= group_size_[reading.groups[size_t(std::countr_zero(rest))].group] - 1;
    rows += product;
  }
  if (sets_.fit && rows <= uint64_t(kMaxRowsOfEvent)) return true;
  return set_aside(outcome, Reason::too_many_rows,
                   "the lists of properties make more than " + std::to_string(kMaxRowsOfEvent) +
                       " combinations that are counted together");
}

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

// The combinations of the groups' distinct tuples that some dimension joins, judged; equal rows
// once. A row stands for what is true of the event in every dimension, so a list that its set does
// not hold is there with its first tuple, not as nothing.
void RowBuilder::combine(const MetricReading& reading) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  for (size_t g = 0; g < reading.groups.size(); ++g) distinct_tuples(reading.groups[g], tuples_[g]);
  size_t most = 0;
  for (const RowSets::Set& set : sets_.sets) {
    size_t product = 1;
    for (uint64_t rest = set.groups; rest != 0; rest &= rest - 1)
      product *= tuples_[size_t(std::countr_zero(rest))].size() - 1;
    most += product;
  }
  rows_.assign(most * columns_, 0);
  here_.assign(most * bitmap_words, 0);
  // Only columns that rows do not hold can make two of them equal. What the later one counts, it
  // counts with the first tuples of all other lists, and so did a row before it.
  const bool may_repeat = reading.needed != reading.used;
  if (may_repeat) first_.begin(most);
  row_count_ = 0;
  for (const RowSets::Set& set : sets_.sets) combine_set(reading, set, may_repeat);
}

void RowBuilder::combine_set(const MetricReading& reading, const RowSets::Set& set,
                             bool may_repeat) {
  const uint32_t bitmap_words = reading.metric->bitmap_words;
  places_.assign(reading.groups.size(), 0);
  for (uint64_t rest = set.groups; rest != 0; rest &= rest - 1) {
    const size_t g = size_t(std::countr_zero(rest));
    if (tuples_[g].size() == 1) return;
    places_[g] = 1;
  }
  for (bool more = true; more;) {
    uint64_t* elements = row(row_count_);
    std::fill(elements, elements + columns_, 0);
    for (size_t g = 0; g < reading.groups.size(); ++g)
      for (uint8_t c : reading.groups[g].columns)
        elements[c] = cell(c, tuples_[g][places_[g]]).hash.element;
    uint64_t* here = here_.data() + row_count_ * bitmap_words;
    uint64_t any = 0;
    if (judge(reading, elements, here)) {
      for (uint32_t b = 0; b < bitmap_words; ++b) {
        if (!planted(Planted::array_values_not_distinct)) here[b] &= set.dimensions[b];
        any |= here[b];
      }
    }
    if (any != 0 && !(may_repeat && is_repeated(reading, row_count_))) ++row_count_;
    more = false;
    for (uint64_t rest = set.groups; rest != 0 && !more; rest &= rest - 1) {
      const size_t g = size_t(std::countr_zero(rest));
      more = ++places_[g] < tuples_[g].size();
      if (!more) places_[g] = 1;
    }
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
      const size_t number = b * 64 + size_t(std::countr_zero(dimensions));
      const CompiledDimension& d = reading.metric->dimensions[number];
      if ((reading.partly_held[number] & sets_.several) == 0) continue;
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
