// For tests of cells: what several checkpoints left in a store, merged as the store would.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cells/cell_rows.h"
#include "cells/test_panes.h"

namespace quipu::test {

class MergedRows {
 public:
  explicit MergedRows(Random& random) : random_(random) {}

  RowSink sink() {
    last_.clear();
    return [this](std::string_view key, std::string_view value) -> Status {
      EXPECT_LT(last_, key);
      last_ = key;
      operands_[std::string(key)].emplace_back(value);
      return {};
    };
  }
  // Merges each key's rows, in groups drawn at random first.
  std::map<std::string, std::string> merged() {
    std::map<std::string, std::string> rows;
    for (auto [key, operands] : operands_) {
      while (operands.size() > 1) {
        const size_t begin = below(random_, operands.size() - 1);
        const size_t n = 2 + below(random_, operands.size() - begin - 1);
        std::vector<std::string_view> some(operands.begin() + ptrdiff_t(begin),
                                           operands.begin() + ptrdiff_t(begin + n));
        auto one = merge_rows(key, some);
        EXPECT_TRUE(one.has_value());
        operands[begin] = one.value_or("");
        operands.erase(operands.begin() + ptrdiff_t(begin) + 1,
                       operands.begin() + ptrdiff_t(begin + n));
      }
      rows[key] = operands[0];
    }
    return rows;
  }
  const std::map<std::string, std::vector<std::string>>& operands() const { return operands_; }

 private:
  Random& random_;
  std::string last_;
  std::map<std::string, std::vector<std::string>> operands_;
};

}  // namespace quipu::test
