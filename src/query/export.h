// The whole of a store's answers: every non-zero bucket of every counter, as JSON lines or CSV (the
// format is in docs/formats.md). Counter by counter, and the values of a counter in pieces by their
// hashes, so that memory holds kExportPieceBytes of buckets at a time (or one value's). One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/view.h"

namespace quipu {

// One non-zero bucket of a counter; valid during the visit.
struct CounterBucket {
  TenantId tenant{};
  const std::string* tenant_name = nullptr;
  const Counter* counter = nullptr;
  const std::vector<uint64_t>* elements = nullptr;  // in the order of counter->planned.columns
  int calendar = -1;                                // -1: the lifetime
  Interval interval = Interval::hour;
  int64_t label = 0;
  int64_t first_s = 0;
  int32_t first_offset_s = 0;
  uint64_t count = 0, unique = 0;
  std::map<ValueId, Fixed6> sums;
};
// Buckets held at a time, in bytes: in a run's process, and in one that does nothing else. A
// counter is scanned once a piece.
inline constexpr size_t kExportPieceBytes = size_t(16) << 20;
inline constexpr size_t kAlonePieceBytes = size_t(96) << 20;
// What of a store is exported: all that nothing here leaves out.
struct ExportFilter {
  std::optional<std::string> tenant;
  std::string metric;  // or a group's name; "": all
  NameKind named = NameKind::either;
  std::optional<std::vector<std::string>> by;  // the properties of a counter, in any order
  std::optional<std::string> calendar;
  std::optional<Interval> interval;
  bool lifetime = false;                // lifetimes only
  std::optional<std::string> from, to;  // buckets that begin in it, by their own calendar
  int64_t now_s = 0;                    // what is today
  bool with_names = false;              // each is given to export_line(): export_all() sets it
};

// Visits all of them, counter by counter, until `visit` returns false or an error. Those of one
// value follow each other. The order is the same every time: tenants by name; metrics, then groups,
// by name; counters as the plans have them; values by their hashes in this store; then calendar,
// interval, time, and the lifetime first.
Status visit_counter_buckets(StoreView& view,
                             const std::function<Result<bool>(const CounterBucket&)>& visit,
                             size_t piece_bytes, const ExportFilter& filter = {});

// The text of one, as export writes it.
enum class ExportFormat : uint8_t { json, csv, safe_csv };  // safe: CsvTexts::no_formulas

Result<std::string> export_line(StoreView& view, const CounterBucket& bucket, ExportFormat format);

// Gives one line (without newline) at a time; stops when `line` returns false.
Status export_all(StoreView& view, ExportFormat format,
                  const std::function<bool(const std::string& line)>& line, size_t piece_bytes,
                  const ExportFilter& filter = {});

}  // namespace quipu
