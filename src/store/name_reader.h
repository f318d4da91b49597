// Looks up names (names.h) in one snapshot of the store. It remembers which lengths of prefixes
// each property of a tenant has, and the rows read last. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
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
  // See Snapshot.
  Status names_of(TenantId tenant, PropertyId property, std::span<const uint64_t> elements,
                  const std::function<void(size_t i, std::string_view text)>& visit);
  Status scan(TenantId tenant, PropertyId property,
              const std::function<bool(uint64_t element, std::string_view text)>& visit) const;

 private:
  static constexpr size_t kRowBytes = size_t(8) << 20;  // kept; then all are dropped
  static constexpr size_t kBytesOfEntry = 128;          // of a row, even of one that is absent
  static constexpr size_t kFewNames = 4096;            // looked up in kept rows; more are walked to
  using KeyOf = std::function<std::string(size_t i)>;  // of the row of one of some elements

  Status get_each(std::span<const uint64_t> elements, const KeyOf& key_of,
                  const std::function<void(size_t i, std::string_view text)>& visit);
  Status walk(std::span<const uint64_t> elements, const KeyOf& key_of,
              const std::function<void(size_t i, std::string_view text)>& visit) const;
  Status visit_texts(std::string_view row, uint64_t element, size_t i,
                     const std::function<void(size_t i, std::string_view text)>& visit) const;
  // With mutex_ held: the lengths of a property's prefixes, and a row, good until the next call.
  Result<std::vector<int>> known_lengths(TenantId tenant, PropertyId property);
  Result<const std::string*> row_of(const std::string& key);
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
