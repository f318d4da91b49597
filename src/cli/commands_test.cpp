// Filters as they are written, and commands on a store that cannot answer.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "cli/arguments.h"
#include "cli/store_access.h"
#include "cli/test_console.h"
#include "engine/engine.h"
#include "query/question_text.h"

namespace quipu {
namespace {

// "property is value|value (as written)"
std::string read(const std::string& text) {
  auto filter = parse_filter(text);
  if (!filter.ok()) return "error: " + filter.error().message;
  std::string shown = filter->property;
  shown += filter->kind == Filter::Kind::any_of    ? " is "
           : filter->kind == Filter::Kind::none_of ? " not "
           : filter->kind == Filter::Kind::prefix  ? " begins "
                                                   : " not_empty ";
  for (size_t i = 0; i < filter->values.size(); ++i)
    shown += (i ? "|" : "") + ("[" + filter->values[i] + "]");
  return shown + (filter->written ? " (" + *filter->written + ")" : "");
}

TEST(Filters, AreReadAsTheyAreDescribed) {
  EXPECT_EQ(read("p=a"), "p is [a]");
  EXPECT_EQ(read("p=a|b"), "p is [a]|[b] (a|b)");
  EXPECT_EQ(read("p!=a"), "p not [a]");
  EXPECT_EQ(read("p!=a|"), "p not [a]|[] (a|)");
  EXPECT_EQ(read("p="), "p is []");
  EXPECT_EQ(read("p!="), "p not_empty ");
  EXPECT_EQ(read("p!=\"\""), "p not_empty  (\"\")");
  EXPECT_EQ(read("p=|"), "p is []|[] (|)");
  EXPECT_EQ(read("p=a=b"), "p is [a=b]");
  EXPECT_EQ(read("p=!a"), "p is [!a]");
  EXPECT_EQ(read("p=C:\\dir"), "p is [C:\\dir]");
  EXPECT_EQ(read("p=a\\|b"), "p is [a|b] (a\\|b)");
  EXPECT_EQ(read("p=a\\\\|b"), "p is [a\\]|[b] (a\\\\|b)");
  EXPECT_EQ(read("p=\"a|b\"|c"), "p is [a|b]|[c] (\"a|b\"|c)");
  EXPECT_EQ(read("p=x\"y\""), "p is [x\"y\"]");
  EXPECT_EQ(read("a\\=b=c"), "a=b is [c]");
  EXPECT_EQ(read("a\\!=c"), "a! is [c]");
  EXPECT_EQ(read("a!b=c"), "a!b is [c]");
  EXPECT_EQ(read("p^=a"), "p begins [a]");
  EXPECT_EQ(read("p^=a|\"b|\""), "p begins [a]|[b|] (a|\"b|\")");
  EXPECT_EQ(read("a\\^=c"), "a^ is [c]");
  EXPECT_EQ(read("a^b=^c"), "a^b is [^c]");
  EXPECT_EQ(read("a\\\\=c"), "a\\ is [c]");
  for (const char* wrong :
       {"", "=", "=a", "!=", "!=a", "p", "p\\=a", "p^=", "p^=a|", "^=a", "p=\"a", "p=\"a\"b"})
    EXPECT_EQ(read(wrong).substr(0, 6), "error:") << wrong;
}

TEST(Filters, ALifetimeIsAnIntervalOnlyWithoutAnotherBucket) {
  const auto asked = parse_arguments({"query", "M", "--interval", "lifetime"});
  ASSERT_TRUE(asked.arguments);
  EXPECT_EQ(asked.arguments->question.in, "lifetime");
  EXPECT_FALSE(asked.arguments->question.interval);
  for (const char* in : {"2026-03", "lifetime"}) {
    const auto both = parse_arguments({"query", "M", "--in", in, "--interval", "lifetime"});
    EXPECT_FALSE(both.arguments) << in;
    EXPECT_EQ(both.status, kExitUsage) << in;
  }
  EXPECT_EQ(parse_arguments({"query", "M", "--interval", "week"}).arguments->question.interval,
            Interval::week);
}

// Forty names in sixteen hashes.
TEST(Commands, WhatCannotBeAnsweredIsAnErrorWithItsStatus) {
  test::ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines +=
        "{\"what\":\"Bought\",\"at\":\"2026-03-05\",\"colour\":\"c" + std::to_string(i) + "\"}\n";
  }
  const std::string input = folder.write("events.jsonl", lines);
  auto plan = Plan::parse(
      "quipu: 1\nevent: {tenant: {const: shop}, metric: /what, time: /at}\n"
      "properties: {colour: /colour}\ncount: [{metrics: \"*\", by: [[], colour]}]\n",
      "plan.yaml", ".");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EngineOptions options;
  options.data_folder = folder.path() + "/store";
  options.memory_bytes = kMinMemoryBytes;
  options.shards = 1;
  options.store.element_bits = 4;
  auto engine = Engine::open(std::move(*plan), options);
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  ASSERT_TRUE((*engine)->run({input}, {}).ok());
  int checkpoints = 0;
  bool fails = false;
  StoreAccess access((*engine)->store(), (*engine)->catalogue(), [&] {
    ++checkpoints;
    return fails ? Status(Error{"no checkpoint"}) : Status();
  });
  const auto run = [&](const std::vector<std::string>& args) {
    ParsedArguments parsed = parse_arguments(args);
    EXPECT_TRUE(parsed.arguments) << parsed.text;
    return test::printed_by(
        [&](const Console& console) { return store_command(*parsed.arguments, access, console); });
  };
  const auto exported = run({"export"});
  EXPECT_EQ(exported.status, kExitError);
  EXPECT_NE(exported.err.find("quipu export: "), std::string::npos) << exported.err;
  EXPECT_NE(exported.err.find("share one hash"), std::string::npos);
  EXPECT_EQ(run({"query", "Bought", "--in", "2026-03", "--by", "colour"}).status, kExitError);
  const auto whole = run({"query", "Bought", "--in", "2026-03"});
  EXPECT_EQ(whole.status, kExitDone) << whole.err;
  EXPECT_NE(whole.out.find("40"), std::string::npos);
  EXPECT_EQ(run({"init", input}).status, kExitUsage) << "no command on a store";
  // What was committed longer ago than an answer may be old wants a checkpoint first.
  checkpoints = 0;
  std::this_thread::sleep_for(std::chrono::seconds(kFreshS + 1));
  EXPECT_EQ(run({"query"}).status, kExitDone);
  EXPECT_EQ(checkpoints, 1);
  fails = true;
  EXPECT_EQ(run({"query"}).status, kExitError);
}

}  // namespace
}  // namespace quipu
