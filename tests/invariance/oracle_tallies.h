// The tallies of a store and those of the oracle, compared. For tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "event/outcome.h"
#include "oracle/oracle.h"

namespace quipu::test {

inline std::map<std::string, uint64_t> set_aside_by_reason(const Tallies& t) {
  std::map<std::string, uint64_t> by;
  for (size_t r = 1; r < t.set_aside.size(); ++r) {
    if (t.set_aside[r]) by[std::string(reason_name(Reason(r)))] = t.set_aside[r];
  }
  return by;
}

inline void expect_equal_tallies(const oracle::Tallies& right, const Tallies& got) {
  EXPECT_EQ(right.read, got.read);
  EXPECT_EQ(right.counted, got.counted);
  EXPECT_EQ(right.duplicate, got.duplicate);
  EXPECT_EQ(right.unplanned, got.unplanned);
  EXPECT_EQ(right.set_aside, set_aside_by_reason(got));
  EXPECT_EQ(got.read, got.counted + got.duplicate + got.unplanned + got.set_aside_total());
}

}  // namespace quipu::test
