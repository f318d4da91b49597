// Counts a store's profile records, for `inspect`: reads all of them.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "store/store.h"

namespace quipu {

struct RecordCensus {
  uint64_t months = 0, rows = 0, month_words = 0;  // records of a profile's month
  uint64_t forever = 0, forever_rows = 0;
  uint64_t forever_words = 0;  // ids, lifetime words, names of months
  // Expected number of words that are taken for another because 64-bit hashes meet: the sum over
  // records of n (n - 1) / 2 / 2^64 for their n words, ids included.
  double expected_wrong = 0;
};
// gone: asked now and then; true ends it with an error.
Result<RecordCensus> count_records(const Store& store, const std::function<bool()>& gone);

}  // namespace quipu
