// The columns of properties from a line's slots, and an event's rows (decision 14): the
// combinations of what its lists hold that some dimension joins, distinct, each with the dimensions
// it counts in. Internal to this room; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "event/decode.h"
#include "event/first_of_equals.h"
#include "event/plan_paths.h"

namespace quipu {

// What is read for the events of one metric.
struct MetricReading {
  MetricReading(const CompiledMetric& metric, const CompiledPlan& plan, const PlanPaths& paths);

  const CompiledMetric* metric;
  uint64_t used = 0;                  // columns of properties that rows hold, as a set
  uint64_t needed = 0;                // these, and those that the `when`s look at
  std::vector<uint8_t> used_columns;  // the same as `used`
  std::vector<uint8_t> whens;         // columns of `when`s that rows hold
  struct Group {
    uint32_t group;                // see ColumnValues
    std::vector<uint8_t> columns;  // its needed ones
  };
  std::vector<Group> groups;                // that have needed columns
  std::vector<uint64_t> dimension_columns;  // by dimension: the columns it compares, as a set

  // Sets of groups have a bit for each of `groups`.
  // A dimension joins the groups of its properties and of its `when`.
  struct Join {
    uint64_t groups;
    std::vector<uint64_t> dimensions;  // bitmap of those that join just these
  };
  std::vector<Join> joins;  // distinct
  // By dimension: groups it joins whose needed columns it does not all hold. Of the others it has a
  // value for each tuple.
  std::vector<uint64_t> partly_held;

 private:
  void add_dimension(const CompiledPlan& plan, uint32_t dimension);
};

// Which combinations of lists become rows. With all lists but those of a set at their first tuple,
// and those of the set at others, a row counts in the dimensions that join all of the set.
struct RowSets {
  const MetricReading* reading = nullptr;
  uint64_t several = 0;  // groups with more than one tuple
  struct Set {
    uint64_t groups;
    std::vector<uint64_t> dimensions;  // bitmap
  };
  std::vector<Set> sets;  // a set comes after its subsets
  bool fit = true;        // false: more rows than an event may have, whatever the lists' sizes

  void choose(const MetricReading& of, uint64_t several_groups);
};

class RowBuilder {
 public:
  // All outlive the builder.
  RowBuilder(const CompiledPlan& plan, const PlanPaths& paths, const Hasher& hasher);

  // Reads all columns of properties, and hashes those needed (a set). False: the event is to be set
  // aside.
  bool read(uint64_t needed, LineOutcome& outcome);
  // Whether the event's lists make no more rows than an event may have. What the metric needs was
  // read. False: the event is to be set aside.
  bool fit(const MetricReading& reading, LineOutcome& outcome);
  // Appends the rows that count somewhere to the batch (elements and bitmaps), and gives their
  // number. They fit.
  uint32_t append_rows(const MetricReading& reading, EventBatch& batch);
  // Hands the texts of the rows to the log.
  void note_names(const MetricReading& reading, TenantId tenant, NameLog& names) const;

  // Of the last event read: canonical texts of a needed column, by element of its array.
  std::vector<std::string_view> texts(uint32_t column) const;

 private:
  struct Cell {
    Hasher::Checked hash;
    std::string_view text;
  };
  struct When {
    struct Entry {
      uint16_t column;
      std::vector<uint64_t> elements;  // sorted; any of them matches
    };
    std::vector<Entry> entries;  // all must match
  };

  bool read_column(const ColumnValues& column, bool needed, LineOutcome& outcome);
  bool read_elements(const ColumnValues& column, const Value& array, bool needed,
                     LineOutcome& outcome);
  bool read_present(const ColumnValues& column, const Value& value, bool needed,
                    LineOutcome& outcome);
  bool read_text(const ColumnValues& column, const Value& value, bool needed, LineOutcome& outcome);
  void add_cell(std::string_view text, bool is_number = false);
  const Cell& cell(uint32_t column, uint32_t element) const {
    return cells_[first_cell_[column] + element];
  }

  bool matches(const When& when, const uint64_t* row) const;
  // Of a row with needed columns: sets its `when`s and gives whether it counts anywhere; `here`
  // becomes its bitmap.
  bool judge(const MetricReading& reading, uint64_t* row, uint64_t* here) const;
  void distinct_tuples(const MetricReading::Group& group, std::vector<uint32_t>& tuples);
  void combine(const MetricReading& reading);
  void combine_set(const MetricReading& reading, const RowSets::Set& set, bool may_repeat);
  bool is_repeated(const MetricReading& reading, size_t row);
  void clear_repeated(const MetricReading& reading);
  void clear_repeated_pairwise(const MetricReading& reading);
  void clear_repeated_by_hash(const MetricReading& reading);
  uint64_t* row(size_t r) { return rows_.data() + r * columns_; }

  const CompiledPlan& plan_;
  const PlanPaths& paths_;
  const Hasher& hasher_;
  const size_t columns_;     // of the plan, `when`s included
  std::vector<When> whens_;  // by plan column; empty for columns of properties

  // The event in hand.
  std::vector<Cell> cells_;
  std::vector<uint32_t> first_cell_;  // by column
  std::vector<uint32_t> group_size_;  // tuples, by group
  std::deque<std::string> numbers_;   // canonical texts that differ from the line's
  size_t numbers_used_ = 0;
  // Its rows, when there are several: elements of needed columns; bitmaps.
  size_t row_count_ = 0;
  std::vector<uint64_t> rows_, here_;
  std::vector<std::vector<uint32_t>> tuples_;  // distinct ones, by MetricReading::groups
  std::vector<uint32_t> places_;               // of tuples_, by MetricReading::groups
  RowSets sets_;                               // of the last event that had lists
  FirstOfEquals first_;
};

}  // namespace quipu
