#include <gtest/gtest.h>

#include <set>

#include "plan/plan.h"

namespace quipu {
namespace {

Plan parsed(const std::string& text) {
  auto plan = Plan::parse(text, "p.yaml", "");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << "\n" << text;
  return plan.ok() ? *plan : Plan();
}

TEST(MappingFingerprint, ChangesWithWhatIsReadAndWithNothingElse) {
  const std::string event =
      "{tenant: /t, metric: /m, time: /at, profile: /u, id: {first: [/i, /j]}, values: {a: /a, b: "
      "/b}}";
  auto of = [](const std::string& event_map, const std::string& rest = "",
               const std::string& input = "") {
    return parsed("quipu: 1\n" + input + "event: " + event_map + "\n" + rest +
                  "count: [{metrics: \"*\", by: [[]]}]")
        .mapping_fingerprint();
  };
  const std::string base = of(event);
  for (const char* same :
       {"{values: {b: /b, a: /a}, id: {first: [/i, /j]}, time: {at: /at}, tenant: {first: [/t]}, "
        "metric: /m, profile: /u}",
        "{tenant: /t, metric: /m, time: {at: /at, no_offset: UTC}, profile: {first: [/u], trim: "
        "no, required: no}, id: {first: [/i, /j, /i]}, values: {a: /a, b: /b}}"}) {
    EXPECT_EQ(of(same), base) << same;
  }
  EXPECT_EQ(of(event, "properties: {p: /p}\ncalendars: {default: [{zone: Asia/Tokyo}]}\n",
               "input: {format: json}\n"),
            base);
  for (const char* other :
       {"{tenant: {const: t}, metric: /m, time: /at, profile: /u, id: {first: [/i, /j]}, values: "
        "{a: /a, b: /b}}",
        "{tenant: /t, metric: {first: [/m], trim: yes}, time: /at, profile: /u, id: {first: [/i, "
        "/j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: {at: /at, unit: unix_s}, profile: /u, id: {first: [/i, "
        "/j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: {at: /at, no_offset: Asia/Tokyo}, profile: /u, id: {first: "
        "[/i, /j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: {at: /at, format: \"%F\"}, profile: /u, id: {first: [/i, "
        "/j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: /at, id: {first: [/i, /j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: /at, profile: {first: [/u], required: yes}, id: {first: "
        "[/i, /j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: /at, profile: {first: [/u], lowercase: yes}, id: {first: "
        "[/i, /j]}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: /at, profile: /u, id: {first: [/j, /i]}, values: {a: /a, "
        "b: /b}}",
        "{tenant: /t, metric: /m, time: /at, profile: /u, id: {all: [/i, /j]}, values: {a: /a, b: "
        "/b}}",
        "{tenant: /t, metric: /m, time: /at, profile: /u, id: {first: [/i, /j], else: "
        "time_to_second}, values: {a: /a, b: /b}}",
        "{tenant: /t, metric: /m, time: /at, profile: /u, id: {first: [/i, /j]}, values: {a: /a, "
        "b: {const: 1}}}",
        "{tenant: /t, metric: /m, time: /at, profile: /u, id: {first: [/i, /j]}, values: {a: /b, "
        "b: /a}}"}) {
    EXPECT_NE(of(other), base) << other;
  }
  const std::string fields = "{tenant: /0, metric: /1, time: /2}";
  std::set<std::string> inputs;
  for (const char* input :
       {"", "{format: delimited}", "{format: delimited, delimiter: \" \"}",
        "{format: delimited, delimiter: whitespace}", "{format: delimited, header: no}",
        "{format: delimited, quote: none}", "{format: delimited, columns: [a, b, c]}",
        "{format: delimited, columns: [a, c, b]}"}) {
    EXPECT_TRUE(
        inputs
            .insert(of(fields, "", *input ? std::string("input: ") + input + "\n" : std::string()))
            .second)
        << input;
  }
}

TEST(Fingerprint, TakesCalendarsByWhatTenantsGet) {
  auto of = [](const std::string& calendars) {
    return parsed("quipu: 1\nevent: {tenant: /t, metric: /m, time: /at}\n" + calendars +
                  "count: [{metrics: \"*\", by: [[]]}]")
        .fingerprint();
  };
  const std::string base = of("");
  EXPECT_EQ(of("calendars: {default: [{zone: UTC, week_start: monday, name: UTC}]}\n"), base);
  EXPECT_EQ(of("calendars: {default: [{zone: UTC}], tenants: {a: [{zone: UTC}]}}\n"),
            base);  // what it gets anyway
  std::set<std::string> all = {base};
  for (const char* other :
       {"{default: [{zone: Asia/Tokyo}]}", "{default: [{zone: UTC, week_start: sunday}]}",
        "{default: [{zone: UTC, name: world}]}", "{default: [{zone: UTC}, {zone: Asia/Tokyo}]}",
        "{default: [{zone: Asia/Tokyo}, {zone: UTC}]}",
        "{default: [{zone: UTC}], tenants: {a: [{zone: Asia/Tokyo}]}}",
        "{default: [{zone: UTC}], tenants: {b: [{zone: Asia/Tokyo}]}}",
        "{default: [{zone: UTC}], tenants: {a: [{zone: UTC}], unknown: set_aside}}"}) {
    EXPECT_TRUE(all.insert(of(std::string("calendars: ") + other + "\n")).second) << other;
  }
}

}  // namespace
}  // namespace quipu
