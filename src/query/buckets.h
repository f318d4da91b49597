// Which buckets a question is about: ranges as people write them -> a list of buckets of one
// calendar and interval, in order, found again by label. Pure over a StoreView's bucket tables; one
// thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/view.h"

namespace quipu {

inline constexpr size_t kMaxBuckets = 10000;

struct BucketList {
  int calendar = 0;
  Interval interval = Interval::day;
  std::vector<Bucket> buckets;  // by first instant; distinct labels
  std::unordered_map<int64_t, size_t> index_of_label;
  // UTC days that the buckets may touch.
  DayIndex first_day = 0, last_day = 0;
  int64_t end_s = 0;  // behind the last instant of any
};

// `--in`: 2026-03, 2026-W10, 2026-03-05, 2026-03-05T14 (with an offset where that hour happens
// twice).
struct NamedBucket {
  Interval interval;
  Bucket bucket;
  MonthIndex month;  // that it is seen from
};
Result<NamedBucket> named_bucket(StoreView& view, TenantId tenant, int calendar,
                                 const std::string& text);

// A bound of `--from`/`--to` in the calendar's zone: the begin of what `--in` could name, or a time
// with or without offset.
Result<int64_t> parse_bound(StoreView& view, TenantId tenant, int calendar,
                            const std::string& text);

// All buckets whose first instants lie in [from_s, to_s). Both must be edges of buckets; if not,
// the error names the edges around them. More than kMaxBuckets is an error.
Result<BucketList> bucket_range(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                int64_t from_s, int64_t to_s);

// The buckets of an interval that a named one is made of: hours of a day, days of a week ... Weeks
// of a month, which do not make it up, are an error as in bucket_range().
Result<BucketList> buckets_within(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                  const NamedBucket& named);

// The bucket that holds an instant, and the `n` buckets that end with it.
Result<Bucket> bucket_at(StoreView& view, TenantId tenant, int calendar, Interval interval,
                         int64_t utc_s);
Result<BucketList> last_buckets(StoreView& view, TenantId tenant, int calendar, Interval interval,
                                int64_t utc_s, size_t n);
BucketList one_bucket(int calendar, Interval interval, const Bucket& bucket, MonthIndex month);

std::string interval_name(Interval interval);
std::optional<Interval> parse_interval(const std::string& text);

}  // namespace quipu
