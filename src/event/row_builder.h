// The columns of properties from a line's slots, and an event's rows (decision 14): all
// combinations of what its arrays hold, distinct, each with the dimensions it counts in. Internal
// to this room; one thread.
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
};

class RowBuilder {
 public:
  // All outlive the builder.
  RowBuilder(const CompiledPlan& plan, const PlanPaths& paths, const Hasher& hasher);

  // Reads all columns of properties, and hashes those needed (a set). False: the event is to be set
  // aside.
  bool read(uint64_t needed, LineOutcome& outcome);
  // Appends the rows that count somewhere to the batch (elements and bitmaps), and gives their
  // number. What the metric needs was read.
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
  FirstOfEquals first_;
};

}  // namespace quipu
