// Sorting of fixed-size records beyond memory: sorted runs in temporary files, merged at the end.
// Records that compare equal may be combined on the way. When kMostRuns of them were made in one
// way, they are merged into one, so that few files are open. One thread. The temporary files have
// no names (unlinked at once).
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
    for (const Run& run : runs_) std::fclose(run.file);
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
    std::vector<Record>().swap(buffer_);
    begin_merge(0);
    return {};
  }

  bool next(Record& out) {
    if (runs_.empty()) {
      if (position_ == buffer_.size()) return false;
      out = buffer_[position_++];
      return true;
    }
    return next_merged(out);
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

  Error no_room() const {
    return Error{
        folder_ +
        ": cannot write temporary files there; free some space, or set TMPDIR to a larger place"};
  }

  std::FILE* temporary() const {
    std::string name = folder_ + "/quipu-sort-XXXXXX";
    const int fd = ::mkstemp(name.data());
    if (fd >= 0) std::remove(name.c_str());
    return fd < 0 ? nullptr : ::fdopen(fd, "w+b");
  }

  Status spill() {
    sort_buffer();
    std::FILE* file = temporary();
    if (!file) return no_room();
    runs_.push_back({file, 0});
    if (std::fwrite(buffer_.data(), sizeof(Record), buffer_.size(), file) != buffer_.size() ||
        std::fflush(file) != 0)
      return no_room();
    buffer_.clear();
    return merge_like_runs();
  }

  // The last kMostRuns of one depth become one of the next.
  Status merge_like_runs() {
    while (runs_.size() >= kMostRuns &&
           runs_[runs_.size() - kMostRuns].depth == runs_.back().depth) {
      const size_t first = runs_.size() - kMostRuns;
      std::FILE* file = temporary();
      if (!file) return no_room();
      Status merged;
      begin_merge(first);
      for (Record record; merged.ok() && next_merged(record);) {
        if (std::fwrite(&record, sizeof record, 1, file) != 1) merged = no_room();
      }
      if (merged.ok() && std::fflush(file) != 0) merged = no_room();
      const int depth = runs_.back().depth + 1;
      for (size_t run = first; run < runs_.size(); ++run) std::fclose(runs_[run].file);
      runs_.resize(first);
      runs_.push_back({file, depth});
      QUIPU_TRY(merged);
    }
    return {};
  }

  void begin_merge(size_t first_run) {
    heads_ = {};
    for (size_t run = first_run; run < runs_.size(); ++run) {
      std::rewind(runs_[run].file);
      refill(run);
    }
  }

  bool next_merged(Record& out) {
    if (heads_.empty()) return false;
    out = pop();
    while (combine_ && !heads_.empty() && !(out < heads_.top().record) &&
           !(heads_.top().record < out))
      combine_(out, pop());
    return true;
  }

  void refill(size_t run) {
    Head head{{}, run};
    if (std::fread(&head.record, sizeof(Record), 1, runs_[run].file) == 1) heads_.push(head);
  }

  Record pop() {
    Head head = heads_.top();
    heads_.pop();
    refill(head.run);
    return head.record;
  }

  static constexpr size_t kMostRuns = 64;  // of one depth, before they are merged
  struct Run {
    std::FILE* file;
    int depth;  // so often its records were merged
  };
  const size_t capacity_;
  const std::string folder_;
  const Combine combine_;
  std::vector<Record> buffer_;
  size_t position_ = 0;
  std::vector<Run> runs_;
  std::priority_queue<Head> heads_;
};

}  // namespace quipu
