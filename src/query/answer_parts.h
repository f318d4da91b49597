// What answers are put together from: the answer of one tenant for one period, and the bound of
// their bytes. For this folder.
#pragma once

#include "query/answer.h"

namespace quipu {

// The question's `tenant` and period alone: `tenants` and `versus` are not looked at.
Result<Answer> answer_one(StoreView& view, const Question& question, size_t max_bytes);

// Of a group with so many entries (buckets) and sums, about.
size_t bytes_of_group(size_t entries, size_t sums);
// The refusal of an answer beyond max_bytes.
Error too_large(size_t limit, bool adds_groups, size_t max_bytes);

}  // namespace quipu
