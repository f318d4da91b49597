// Which of the keys that a commit meets, and of which nothing is known yet, it looks up in the
// store: at most so many, since writing is not to wait for reading; where a commit meets more of
// them, others each time, so that none is passed over for ever. One thread, or a lock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/hash.h"

namespace quipu {

class StoredQuestions {
 public:
  explicit StoredQuestions(uint32_t most_of_commit) : most_(most_of_commit) {}

  void begin_commit() {
    unknown_before_ = unknown_;
    unknown_ = asked_ = 0;
    ++commit_;
  }
  // Whether to look for a key that is not known, given by its hash.
  bool ask(uint64_t key_hash) {
    ++unknown_;
    if (asked_ == most_ ||
        combine64(key_hash, commit_) % std::max<uint64_t>(unknown_before_, 1) >= most_)
      return false;
    ++asked_;
    return true;
  }
  uint64_t asked() const { return asked_; }  // in this commit

 private:
  uint64_t most_;
  uint64_t commit_ = 0, asked_ = 0;
  uint64_t unknown_ = 0, unknown_before_ = 0;  // keys met in this commit, in the one before
};

}  // namespace quipu
