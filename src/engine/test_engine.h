// What the tests of this folder share: a plan, event lines, an engine in a folder.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "engine/engine.h"
#include "store/store_model.h"

namespace quipu {

inline constexpr char kTestPlan[] =
    "quipu: 1\n"
    "event: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: /at}\n"
    "properties: {colour: /colour}\n"
    "count:\n"
    "  - {metrics: [Bought], by: [[], colour]}\n";

inline Plan parse_test_plan(const std::string& text, const std::string& folder = ".",
                            const std::string& zoneinfo_dir = "") {
  auto plan = Plan::parse(text, "plan.yaml", folder, zoneinfo_dir);
  EXPECT_TRUE(plan.ok()) << plan.error().message;
  return std::move(plan).value();
}

inline std::string test_event(int number, const std::string& what = "Bought",
                              const std::string& at = "2026-03-05T10:00:00Z") {
  return "{\"what\":\"" + what + "\",\"who\":\"p" + std::to_string(number % 7) +
         "\",\"id\":" + std::to_string(number) + ",\"at\":\"" + at + "\",\"colour\":\"c" +
         std::to_string(number % 3) + "\"}\n";
}
inline std::string test_events(int begin, int end) {
  std::string text;
  for (int n = begin; n < end; ++n) text += test_event(n);
  return text;
}

inline std::string write_test_file(const std::string& path, const std::string& text,
                                   std::ios::openmode mode = std::ios::trunc) {
  std::ofstream(path, std::ios::binary | mode) << text;
  return path;
}
inline std::string read_test_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline EngineOptions test_engine_options(const TestFolder& folder) {
  EngineOptions options;
  options.data_folder = folder / "store";
  options.shards = 2;
  options.decoders = 2;
  options.memory_bytes = kMinMemoryBytes;
  return options;
}
inline std::unique_ptr<Engine> open_test_engine(const EngineOptions& options,
                                                const std::string& plan = kTestPlan) {
  auto engine = Engine::open(parse_test_plan(plan), options);
  EXPECT_TRUE(engine.ok()) << engine.error().message;
  return engine.ok() ? std::move(*engine) : nullptr;
}

template <typename T>
std::string message_of(const T& result) {
  return result.ok() ? "no error" : result.error().message;
}

}  // namespace quipu
