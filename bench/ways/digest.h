// One number for all cells of a run, the same for every way of counting, whatever order the cells
// come in.
//
// A cell is (tenant, metric, dimension, values, timeframe, bucket) with count, unique and sum. Its
// canonical text is these nine fields with a tab (0x09) between them and nothing at the end:
//
//   tenant  metric  dimension  values  timeframe  bucket  count  unique  sum
//
//   dimension  its place in the workload's list: 0 is the metric alone, 1 is p00, .. 24 is p23, 25
//   is (p00, p01),
//              26 is (p00, p02) and so on
//   values     the values of its properties in that order, "," between two, nothing for dimension
//   0; the
//              workload's texts have neither tabs nor commas
//   timeframe  "hour", "day" or "month", of UTC
//   bucket     the bucket's first second, unix time, in decimal
//   count      events after dedup on (tenant, metric, profile, unique_id)
//   unique     distinct profiles of these events
//   sum        of their values, in hundredths, in decimal, "0" if none has one
//
// such as "t17\tPlaced Order\t26\tp00-1,p02-0\tday\t1772323200\t12\t9\t40210". Only cells that
// count an event are cells. The digest is the number of cells and two sums modulo 2^64: of
// XXH3_64bits(text) and of XXH3_64bits("2" + text), both with seed 0. It is written as
// "CELLS-FIRST-SECOND", the sums as 16 digits of lower-case hexadecimal. In SQL of ClickHouse these
// are count(), sum(xxh3(text)) and sum(xxh3('2' || text)).
//
// For one thread; digests of disjoint sets of cells add up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quipu::bench {

enum class Timeframe : uint8_t { hour, day, month };
inline constexpr int kTimeframes = 3;

struct Cell {
  std::string_view tenant, metric;
  int dimension = 0;
  std::string_view values;  // "," between two
  Timeframe timeframe{};
  int64_t bucket_s = 0;
  uint64_t count = 0, unique = 0;
  int64_t sum_hundredths = 0;
};

class Digest {
 public:
  void add(const Cell& cell);
  std::string text() const;

 private:
  uint64_t cells_ = 0, first_ = 0, second_ = 0;
  std::string buffer_;
};

}  // namespace quipu::bench
