// Where the rows of a commit go, by one of two ways that give the same contents:
//   batch  one synced write batch over all families;
//   files  a sorted file a family, written at the same time, ingested together.
// Either is atomic for recovery. Files that were not ingested are removed with their output. The
// writer's thread; of files each family may be filled by a thread of its own.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/families.h"

namespace quipu {

class Database;

// The rows of one family, keys rising.
class FamilyOutput {
 public:
  virtual ~FamilyOutput() = default;
  virtual Status merge(std::string_view key, std::string_view value) = 0;
  virtual Status put(std::string_view key, std::string_view value) = 0;
  virtual Status end() = 0;
};

class CommitOutput {
 public:
  virtual ~CommitOutput() = default;
  virtual Result<std::unique_ptr<FamilyOutput>> begin(Family family) = 0;
  // All of it, atomically and durably, once all families have ended.
  virtual Status write() = 0;
};

std::unique_ptr<CommitOutput> make_batch_output(const Database& database);
std::unique_ptr<CommitOutput> make_file_output(const Database& database);

}  // namespace quipu
