// Looks up names (names.h) in one snapshot of the store. It remembers which lengths of prefixes
// each property of a tenant has, and the rows read last. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace rocksdb {
class Snapshot;
}

namespace quipu {

class Database;

class NameReader {
 public:
  NameReader(const Database& database, const rocksdb::Snapshot* snapshot)
      : database_(database), snapshot_(snapshot) {}
  // The texts of an element: one; several if they share the hash; none if unknown. Sorted.
  Result<std::vector<std::string>> names(TenantId tenant, PropertyId property, uint64_t element);

 private:
  static constexpr size_t kRowBytes = size_t(8) << 20;  // kept; then all are dropped
  static constexpr size_t kBytesOfEntry = 128;          // of a row, even of one that is absent

  Result<std::vector<int>> lengths_of(TenantId tenant, PropertyId property) const;
  Result<std::string> read_row(const std::string& key) const;  // empty where absent

  const Database& database_;
  const rocksdb::Snapshot* const snapshot_;
  std::mutex mutex_;
  std::map<std::pair<TenantId, PropertyId>, std::vector<int>> lengths_;
  std::map<std::string, std::string> rows_;  // by key
  size_t row_bytes_ = 0;
};

}  // namespace quipu
