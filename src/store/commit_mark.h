// The file `committed` of a store: the last commit that was acknowledged, kept apart from the
// database so that a disk that loses the database's newest bytes is noticed. Two slots are written
// in turns, each in a disk page of its own, so that a torn write leaves the other. Slot (4,096
// bytes apart): magic u64 | checkpoint u64 | commits u64 | check u64, little endian. One thread at
// a time; the store's lock keeps other processes away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace quipu {

class CommitMark {
 public:
  struct Value {
    uint64_t checkpoint = 0;
    uint64_t commits = 0;  // since the store was made
  };

  // nullopt: there is no such file. Neither slot readable: an error.
  static Result<std::optional<CommitMark>> open(const std::string& path);
  // Makes the file anew, whole and synced before it has its name.
  static Result<CommitMark> create(const std::string& path, Value value);

  CommitMark(CommitMark&& other) noexcept;
  CommitMark& operator=(CommitMark&& other) noexcept;
  ~CommitMark();

  Value value() const { return value_; }
  Status write(Value value);  // synced when it returns

 private:
  CommitMark(int fd, std::string path, Value value)
      : fd_(fd), path_(std::move(path)), value_(value) {}
  int fd_ = -1;
  std::string path_;
  Value value_;
};

}  // namespace quipu
