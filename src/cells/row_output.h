// Where group-by's rows go: counts them, checks that keys rise, and hands them to the sink. One
// thread.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "cells/cell_rows.h"
#include "cells/group_by.h"

namespace quipu {

class RowOutput {
 public:
  RowOutput(const RowSink& sink, GroupByResult& result) : sink_(sink), result_(result) {}

  Status emit(const CellKey& key, std::string_view value) {
    key_.clear();
    key.append_to(key_);
    CHECK(last_key_ < key_);
    last_key_.swap(key_);
    ++result_.rows;
    result_.bytes += last_key_.size() + value.size();
    return sink_(last_key_, value);
  }
  GroupByResult& result() { return result_; }

 private:
  const RowSink& sink_;
  GroupByResult& result_;
  std::string key_, last_key_;
};

}  // namespace quipu
