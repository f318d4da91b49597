#include "engine/row_weight.h"

#include <gtest/gtest.h>

#include <random>

#include "event/test_decoder.h"

namespace quipu {
namespace {

std::string list(const std::string& name, uint64_t n) {
  std::string out = ",\"" + name + "\":[";
  for (uint64_t i = 0; i < n; ++i) out += (i ? "," : "") + std::to_string(i);
  return out + "]";
}

TEST(RowWeight, OfALineIsNoLessThanThatOfItsEvent) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const char* count :
       {"[{metrics: \"*\", by: [[], tag]}]", "[{metrics: \"*\", by: [tag, item, [tag, item]]}]",
        "[{metrics: [m], combinations: {of: [tag, item, code, a, b, c, d], up_to: 4}, "
        "lifetime: yes}]",
        "[{metrics: \"*\", when: {tag: [\"1\"], code: [\"2\"]}, by: [[], item]}]"}) {
    TestDecoder d(std::string("quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, profile: "
                              "/p, time: {at: /t, unit: unix_s}, values: {v: /v}}\n"
                              "properties: {tag: /tags, item: \"/items/*\", code: /codes, a: /a, "
                              "b: /b, c: /c, d: /d}\ncount: ") +
                  count + "\n");
    const LineWeight weight(d.registry.plan().parsed);
    int events = 0;
    for (int round = 0; round < 300; ++round) {
      std::string line = "{\"t\":0,\"v\":1,\"p\":\"x\"";
      for (const char* name : {"tags", "items", "codes"})
        if (random() % 3) line += list(name, random() % (round % 10 ? 6 : 60));
      line += "}";
      const uint64_t of_line = weight.of_line(line);
      EXPECT_LE(of_line, weight.of_text(line + "\n"));
      if (d.verdict(line) != "event") continue;
      ++events;
      ASSERT_GE(of_line, weight_of(d.batch, d.event())) << line << " " << count;
    }
    EXPECT_GT(events, 20);
  }
}

TEST(RowWeight, OfALineWithoutListsIsThatOfOneRow) {
  TestDecoder d(
      "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: unix_s}}\n"
      "properties: {tag: /tags, item: /items}\ncount: [{metrics: \"*\", by: [[tag, item]]}]\n");
  const LineWeight weight(d.registry.plan().parsed);
  const std::string line = "{\"t\":0,\"tags\":\"a, b, c\",\"items\":null}";
  EXPECT_EQ(weight.of_text(line + "\n" + line + "\n" + line), 3 * weight.of_line(line));
  EXPECT_EQ(weight.of_line("{\"t\":0" + list("tags", 9) + list("items", 9) + "}"),
            11 * 11 * weight.of_line(line))
      << "the comma between them may be one of theirs";
  EXPECT_EQ(weight.of_line("{\"t\":0" + list("tags", 900) + list("items", 900) + "}"),
            1000 * weight.of_line(line));
}

}  // namespace
}  // namespace quipu
