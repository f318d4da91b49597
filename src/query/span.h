// What time a question is about: `--in`, `--last`, `--from` and `--to`, or none of them, as buckets
// of one calendar. Years are months added up. One thread, one snapshot.
#pragma once

#include "query/answer.h"
#include "query/buckets.h"
#include "query/view.h"

namespace quipu {

// What is to be added up: buckets by label, or the one lifetime row.
struct Span {
  BucketList list;
  bool lifetime = false;
  bool total = false;                // all buckets into one entry
  bool years = false;                // each twelve buckets, which are months, into one entry
  std::optional<Interval> interval;  // none: the lifetime, a total, or years
  std::string range_text;            // for people

  static constexpr size_t kMonthsOfYear = 12;
  size_t entries() const {
    return lifetime || total ? 1
           : years           ? list.buckets.size() / kMonthsOfYear
                             : list.buckets.size();
  }
  size_t entry_of(size_t bucket) const {
    return total ? 0 : years ? bucket / kMonthsOfYear : bucket;
  }
  const Bucket& first_of(size_t entry) const {
    return list.buckets[years ? entry * kMonthsOfYear : entry];
  }
};

inline constexpr size_t kDefaultBuckets = 30;  // without a range: up to the counter's last count

Result<Span> resolve_span(StoreView& view, TenantId tenant, int calendar, const Counter& counter,
                          const Question& question);

// A bound as --from and --to are written, today and years included.
Result<int64_t> read_bound(StoreView& view, TenantId tenant, int calendar, const std::string& text,
                           int64_t now_s);

}  // namespace quipu
