// What time a question is about: `--in`, `--from` and `--to`, or neither, as buckets of one
// calendar. One thread, one snapshot.
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
  std::optional<Interval> interval;  // none: the lifetime, or a total
  std::string range_text;            // for people
  size_t entries() const { return lifetime || total ? 1 : list.buckets.size(); }
};

inline constexpr size_t kDefaultBuckets = 30;  // without a range: up to the counter's last count

Result<Span> resolve_span(StoreView& view, TenantId tenant, int calendar, const Counter& counter,
                          const Question& question);

}  // namespace quipu
