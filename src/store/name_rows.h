// The names of a commit as rows (names.h). It remembers how many names each property of a tenant had since the store
// was opened, and so how long prefixes should be. One thread.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cells/chunk_lengths.h"
#include "event/name_log.h"

namespace quipu {

class NameRows {
 public:
  using Sink = std::function<Status(std::string_view key, std::string_view row)>;
  // Hands over the rows, keys rising, until the sink gives an error. The names: in any order, may repeat.
  Status cut(const std::vector<NameBatch>& batches, const Sink& sink);

 private:
  static constexpr size_t kRememberedProperties = size_t(1) << 16;  // of tenants: 3.5 MiB
  ChunkLengths lengths_{kRememberedProperties};
};

}  // namespace quipu
