// Parameters of a request -> a question, with the grammar and the errors of `quipu query`'s
// options. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "http/query_string.h"
#include "query/answer.h"

namespace quipu {

struct AskedQuestion {
  Question question;            // without tenant and `by`
  std::vector<std::string> by;  // as written: property_names() of query/choose.h reads it
  size_t page_size = 0;         // 0: all at once
};

// An error names the parameter that is wrong.
Result<AskedQuestion> read_question(const QueryParameters& parameters);

}  // namespace quipu
