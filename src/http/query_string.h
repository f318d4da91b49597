// The parameters behind the `?` of a request's target, as forms write them: NAME=VALUE with `&`
// between, %XX for bytes, `+` for a blank. A pure function.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quipu {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;  // as they come

// An error names the part that is none, or is no UTF-8 text.
Result<QueryParameters> read_query_string(std::string_view query);

}  // namespace quipu
