// Which days of which metrics and groups the last commits wrote cells of: whoever keeps what they
// came to looks only at these again. The oldest commits are forgotten when all come to more than
// kMaxChangedBytes. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cells/cell_rows.h"

namespace quipu {

inline constexpr size_t kMaxChangedBytes = size_t(8) << 20;

struct CellPlace {
  TenantId tenant{};
  SelectorId selector{};
  DayIndex day = 0;
  auto operator<=>(const CellPlace&) const = default;
};

class ChangedCells {
 public:
  // Of one commit, while it is made: keys of its rows, which must rise. One thread.
  class Commit {
   public:
    void note(std::string_view key);
    std::vector<CellPlace> take() { return std::move(places_); }

   private:
    std::string last_;
    std::vector<CellPlace> places_;
  };
  void add(uint64_t checkpoint, std::vector<CellPlace> places);
  // Of the checkpoints behind `after`, up to and with `last`: rising, each once. Nothing: not all
  // of them are remembered.
  std::optional<std::vector<CellPlace>> between(uint64_t after, uint64_t last) const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<uint64_t, std::vector<CellPlace>>> commits_;  // checkpoints without a gap
  size_t bytes_ = 0;
};

}  // namespace quipu
