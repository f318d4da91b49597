// A PlanRegistry from a plan's text, for tests.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "event/plan_registry.h"

namespace quipu {

// Ends the test program with the message if the plan is wrong. `folder`: of tenants files.
inline std::unique_ptr<PlanRegistry> test_registry(const std::string& plan_text,
                                                   const std::string& folder = ".") {
  auto plan = Plan::parse(plan_text, "test.yaml", folder);
  auto registry = plan.ok() ? PlanRegistry::open(std::move(*plan)) : plan.error();
  if (!registry.ok()) {
    std::fprintf(stderr, "test registry: %s\n", registry.error().message.c_str());
    std::abort();
  }
  return std::move(*registry);
}

}  // namespace quipu
