// The names of a commit as rows (names.h). It remembers how many names each property of a tenant
// had since the store was opened, and so how long prefixes should be; of a property not yet met it
// asks what the store holds, or rows would grow with every opening. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cells/chunk_lengths.h"
#include "cells/stored_questions.h"
#include "event/name_log.h"

namespace quipu {

// What the store holds of a property of a tenant.
struct StoredNames {
  int prefix_bits = 0;      // the longest prefixes
  size_t names_of_row = 0;  // in one of the rows with these; 0: nothing is stored
};

class NameRows {
 public:
  using Stored = std::function<Result<StoredNames>(TenantId tenant, PropertyId property)>;
  using Sink = std::function<Status(std::string_view key, std::string_view row)>;

  // So often a commit asks at most. A property that is not asked about may get prefixes that are
  // too short, until a later commit asks.
  static constexpr uint32_t kQuestionsOfCommit = 1024;

  // Hands over the rows, keys rising, until `stored` or the sink gives an error. The names: in any
  // order, may repeat. It asks `stored` about tenants and properties in rising order.
  Status cut(const std::vector<NameBatch>& batches, const Stored& stored, const Sink& sink);

 private:
  static constexpr size_t kRememberedProperties = size_t(1) << 16;  // of tenants: 3 MiB

  Status learn(TenantId tenant, PropertyId property, int aim, const Stored& stored);

  ChunkLengths lengths_{kRememberedProperties};
  StoredQuestions questions_{kQuestionsOfCommit};
};

}  // namespace quipu
