// A PlanDirectory from a plan's text, for tests.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "event/plan_directory.h"

namespace quipu {

// Ends the test program with the message if the plan is wrong. `folder`: of tenants files.
inline std::unique_ptr<PlanDirectory> test_directory(const std::string& plan_text,
                                                     const std::string& folder = ".") {
  auto plan = Plan::parse(plan_text, "test.yaml", folder);
  auto directory = plan.ok() ? PlanDirectory::open(std::move(*plan)) : plan.error();
  if (!directory.ok()) {
    std::fprintf(stderr, "test directory: %s\n", directory.error().message.c_str());
    std::abort();
  }
  return std::move(*directory);
}

}  // namespace quipu
