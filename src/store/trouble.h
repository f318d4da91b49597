// Errors of the database, as plain values and as the user reads them: what failed, and what to do.
// Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace rocksdb {
class Status;
}

namespace quipu {

struct Trouble {
  enum class Kind : uint8_t { other, no_space, damage, in_use } kind = Kind::other;
  std::string text;
};
Trouble trouble_of(const rocksdb::Status& status);
// checkpoint: the last one, from which the same command continues; 0: none is known yet.
Error store_error(const Trouble& trouble, const std::string& folder, uint64_t checkpoint);

// The first error of a flush or compaction, or of filling the filter: whose thread met it reports
// it, a commit asks. Then fail stop.
class BackgroundErrors {
 public:
  void report(Trouble trouble) {
    std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(trouble);
  }
  std::optional<Trouble> get() const {
    std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Trouble> first_;
};

}  // namespace quipu
