// For tests: what encode_appends() gives, as a list.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "tally/element_codes.h"
#include "tally/tally.h"

namespace quipu {

struct RecordAppend {
  RecordKey key;
  std::string bytes;
  RecordWrite how = RecordWrite::append;
};

inline std::vector<RecordAppend> appends_of(std::span<const RowLog> logs, const CompiledPlan& plan,
                                            ElementCodes& codes) {
  std::vector<RecordAppend> appends;
  const Status status =
      encode_appends(logs, plan, codes,
                     [&](const RecordKey& key, std::string_view bytes, RecordWrite how) -> Status {
                       appends.push_back({key, std::string(bytes), how});
                       return {};
                     });
  CHECK(status.ok());
  return appends;
}

}  // namespace quipu
