#include "engine/write_estimate.h"

#include "engine/test_engine.h"

namespace quipu {
namespace {

TEST(WriteEstimate, LearnsFromWhatWasWrittenAndFromLittleOnlyALittle) {
  WriteEstimate estimate;
  EXPECT_EQ(estimate.bytes(0, 500), 500u);
  EXPECT_EQ(estimate.bytes(1000, 0), 32'000u);
  estimate.learn(10, 1000);  // a hundred bytes each, of ten
  EXPECT_LT(estimate.bytes(1000, 0), 32'100u);
  for (int i = 0; i < 10; ++i) estimate.learn(10'000'000, 20'000'000);
  EXPECT_NEAR(double(estimate.bytes(1000, 0)), 2000, 100);
}

// All subsets of `properties` properties, so F = 2^properties.
std::string plan_of(int properties) {
  std::string plan =
      "quipu: 1\n"
      "event: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: /at}\n"
      "properties: {p0: /p0, p1: /p1, p2: /p2, p3: /p3, p4: /p4, p5: /p5}\n"
      "count:\n"
      "  - {metrics: [Bought], by: [";
  for (int set = 0; set < 1 << properties; ++set) {
    plan += set ? ", [" : "[";
    for (int p = 0, n = 0; p < properties; ++p)
      if (set >> p & 1) plan += (n++ ? ", p" : "p") + std::to_string(p);
    plan += "]";
  }
  return plan + "]}\n";
}

std::string events_of(int events) {
  std::string text;
  for (int n = 0; n < events; ++n) {
    text += "{\"what\":\"Bought\",\"who\":\"p" + std::to_string(n) +
            "\",\"id\":" + std::to_string(n) + ",\"at\":\"2026-03-05T10:00:00Z\"";
    for (int p = 0; p < 6; ++p)
      text += ",\"p" + std::to_string(p) + "\":\"" + std::to_string(n * (p + 7)) + "\"";
    text += "}\n";
  }
  return text;
}

TEST(WriteEstimate, HoldsWhatACheckpointWritesAtAnyFanOut) {
  for (int properties : {0, 2, 4, 6}) {
    TestFolder folder;
    const std::string input = write_test_file(folder / "events.jsonl", events_of(2000));
    auto engine = open_test_engine(test_engine_options(folder), plan_of(properties));
    ASSERT_TRUE(engine->run({input}, {}).ok());
    const CheckpointTotals totals = engine->checkpoint_totals();
    const uint64_t written = totals.cell_bytes + totals.record_bytes + totals.name_bytes;
    EXPECT_GE(totals.space_bytes, written) << (1 << properties) << " dimensions";
    EXPECT_LE(totals.space_bytes, 8 * written) << (1 << properties) << " dimensions";
  }
}

}  // namespace
}  // namespace quipu
