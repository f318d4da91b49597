// Sorting of fixed-size records beyond memory: sorted runs in temporary files, merged at the end.
// Records that compare equal may be combined on the way. One thread. The temporary files have no
// names (unlinked at once).
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "base/result.h"

namespace quipu {

// Record: trivially copyable, with operator<. Combine: called for neighbours neither of which is
// less.
template <typename Record>
class ExternalSort {
 public:
  using Combine = std::function<void(Record& into, const Record& other)>;
  ExternalSort(size_t memory_bytes, std::string folder, Combine combine = nullptr)
      : capacity_(std::max<size_t>(memory_bytes / sizeof(Record), 1024)),
        folder_(std::move(folder)),
        combine_(std::move(combine)) {}
  ~ExternalSort() {
    for (std::FILE* file : runs_) std::fclose(file);
  }
  ExternalSort(const ExternalSort&) = delete;
  ExternalSort& operator=(const ExternalSort&) = delete;

  Status add(const Record& record) {
    buffer_.push_back(record);
    return buffer_.size() >= capacity_ ? spill() : Status();
  }

  // Ends adding; then next() gives the records in order.
  Status finish() {
    if (runs_.empty()) {
      sort_buffer();
      return {};
    }
    QUIPU_TRY(spill());
    for (size_t run = 0; run < runs_.size(); ++run) {
      std::rewind(runs_[run]);
      refill(run);
    }
    return {};
  }

  bool next(Record& out) {
    if (runs_.empty()) {
      if (position_ == buffer_.size()) return false;
      out = buffer_[position_++];
      return true;
    }
    if (heads_.empty()) return false;
    out = pop();
    while (combine_ && !heads_.empty() && !(out < heads_.top().record) &&
           !(heads_.top().record < out))
      combine_(out, pop());
    return true;
  }

 private:
  struct Head {
    Record record;
    size_t run;
    bool operator<(const Head& other) const { return other.record < record; }  // smallest on top
  };

  void sort_buffer() {
    std::stable_sort(buffer_.begin(), buffer_.end());
    if (!combine_ || buffer_.empty()) return;
    size_t kept = 0;
    for (size_t i = 1; i < buffer_.size(); ++i) {
      if (!(buffer_[kept] < buffer_[i])) {
        combine_(buffer_[kept], buffer_[i]);
      } else {
        buffer_[++kept] = buffer_[i];
      }
    }
    buffer_.resize(kept + 1);
  }

  Status spill() {
    sort_buffer();
    std::string name = folder_ + "/quipu-sort-XXXXXX";
    const int fd = ::mkstemp(name.data());
    std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "w+b");
    if (fd >= 0) std::remove(name.c_str());
    if (!file ||
        std::fwrite(buffer_.data(), sizeof(Record), buffer_.size(), file) != buffer_.size() ||
        std::fflush(file) != 0) {
      if (file) std::fclose(file);
      return Error{
          folder_ +
          ": cannot write temporary files there; free some space, or set TMPDIR to a larger place"};
    }
    runs_.push_back(file);
    buffer_.clear();
    return {};
  }

  void refill(size_t run) {
    Head head{{}, run};
    if (std::fread(&head.record, sizeof(Record), 1, runs_[run]) == 1) heads_.push(head);
  }

  Record pop() {
    Head head = heads_.top();
    heads_.pop();
    refill(head.run);
    return head.record;
  }

  const size_t capacity_;
  const std::string folder_;
  const Combine combine_;
  std::vector<Record> buffer_;
  size_t position_ = 0;
  std::vector<std::FILE*> runs_;
  std::priority_queue<Head> heads_;
};

}  // namespace quipu
