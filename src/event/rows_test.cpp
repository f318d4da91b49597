// Rows of events with arrays, against combinations made naively from texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "event/test_decoder.h"

namespace quipu {
namespace {

using ::testing::UnorderedElementsAre;

std::string plan_text(const std::string& properties, const std::string& count) {
  return "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: unix_s}, "
         "values: {v: /v}}\nproperties: " +
         properties + "\ncount:\n" + count;
}

std::string line(const std::string& members) {
  return "{\"t\":0" + (members.empty() ? "" : "," + members) + "}";
}

// The texts a metric's dimension counts, one entry a row, elements joined by "|".
class Rig : public TestDecoder {
 public:
  using TestDecoder::TestDecoder;
  std::multiset<std::string> texts(uint32_t dimension, const std::vector<std::string>& known) {
    std::map<uint64_t, std::string> text_of = {{0, ""}};
    for (const std::string& text : known) text_of[hasher.element(text)] = text;
    std::multiset<std::string> out;
    for (const std::vector<uint64_t>& value : counts(dimension)) {
      std::string joined;
      for (size_t i = 0; i < value.size(); ++i)
        joined += (i ? "|" : "") + (text_of.contains(value[i]) ? text_of[value[i]] : "?");
      out.insert(joined);
    }
    return out;
  }
};

TEST(Rows, PathsOfOneArrayWalkTogetherAndOthersMakeTheProduct) {
  Rig d(plan_text("{sku: /items/*/sku, color: /items/*/color, tag: /tags}",
                  "  - {metrics: \"*\", by: [[], sku, [sku, color], [color, tag]]}\n"));
  const std::vector<std::string> known = {"A", "B", "red", "blue", "x", "y"};
  ASSERT_EQ(d.verdict(line(R"("items":[{"sku":"A","color":"red"},{"sku":"B","color":"blue"},)"
                           R"({"sku":"A","color":"blue"}],"tags":["x","y","x"])")),
            "event");
  EXPECT_EQ(d.event().rows, 5)
      << "of the six, (A, blue, y) has nothing that an earlier one had not";
  std::vector<std::multiset<std::string>> all;
  for (uint32_t i = 0; i < 4; ++i) all.push_back(d.texts(i, known));
  EXPECT_THAT(
      all, UnorderedElementsAre(
               std::multiset<std::string>{""}, std::multiset<std::string>{"A", "B"},
               testing::AnyOf(std::multiset<std::string>{"A|red", "B|blue", "A|blue"},
                              std::multiset<std::string>{"red|A", "blue|B", "blue|A"}),
               testing::AnyOf(std::multiset<std::string>{"red|x", "red|y", "blue|x", "blue|y"},
                              std::multiset<std::string>{"x|red", "y|red", "x|blue", "y|blue"})));
}

TEST(Rows, WhatIsNoArrayOrNoScalarGivesOneTupleAndSaysSo) {
  Rig d(plan_text("{in: /a/*/x, each: /b/*, plain: /c}",
                  "  - {metrics: \"*\", by: [in, each, plain]}\n"));
  struct Case {
    std::string members, in, each, plain;
    bool noted;
  };
  for (const Case& c : std::vector<Case>{
           {"", "", "", "", false},
           {R"("a":null,"b":null,"c":null)", "", "", "", false},
           {R"("a":[],"b":[],"c":[])", "", "", "", false},
           {R"("a":"s","b":"s","c":"s")", "", "s", "s", false},
           {R"("a":{"x":"s"},"b":{"x":"s"},"c":{"x":"s"})", "", "", "", true},
           {R"("a":[{"x":"s"}],"b":["s"],"c":["s"])", "s", "s", "s", false},
           {R"("a":[["s"]],"b":[["s"]],"c":[["s"]])", "", "", "", true},
           {R"("a":[{"x":["s"]}],"b":[{}],"c":[{}])", "", "", "", true},
           {R"("a":["s"],"b":[""],"c":[null])", "", "", "", false},
       }) {
    const LineOutcome outcome = d.decode(line(c.members));
    ASSERT_EQ(outcome.kind, LineOutcome::Kind::event) << c.members;
    EXPECT_EQ(d.event().rows, 1) << c.members;
    EXPECT_EQ(d.element(0, "in"), d.hasher.element(c.in)) << c.members;
    EXPECT_EQ(d.element(0, "each"), d.hasher.element(c.each)) << c.members;
    EXPECT_EQ(d.element(0, "plain"), d.hasher.element(c.plain)) << c.members;
    EXPECT_EQ(outcome.notes >> int(Note::object_as_scalar) & 1, c.noted) << c.members;
  }
}

TEST(Rows, PresentTellsWhetherSomethingIsThere) {
  Rig d(plan_text("{has: {present: /a}}", "  - {metrics: \"*\", by: [has]}\n"));
  for (const char* nothing : {"", "\"a\":null", "\"a\":\"\"", "\"a\":\" \\t\"", "\"a\":[]"}) {
    ASSERT_EQ(d.verdict(line(nothing)), "event");
    EXPECT_EQ(d.element(0, "has"), d.hasher.element("false")) << nothing;
  }
  for (const char* something :
       {"\"a\":0", "\"a\":false", "\"a\":\"x\"", "\"a\":{}", "\"a\":[null]"}) {
    ASSERT_EQ(d.verdict(line(something)), "event");
    EXPECT_EQ(d.element(0, "has"), d.hasher.element("true")) << something;
  }
  EXPECT_EQ(d.verdict(line("\"a\":\"\\ud800\"")), "invalid_utf8");
}

TEST(Rows, ARowWithoutASkippedPropertyIsInNoneOfItsDimensions) {
  Rig d(plan_text("{plan: {at: /p, missing: skip}, q: /q}",
                  "  - {metrics: \"*\", by: [plan, [plan, q]]}\n"));
  EXPECT_EQ(d.verdict(line(R"("q":"x")")), "unplanned");
  EXPECT_EQ(d.verdict(line(R"("p":"free")")), "event");
  ASSERT_EQ(d.verdict(line(R"("p":["free","",null,"paid"],"q":"x")")), "event");
  EXPECT_EQ(d.event().rows, 2);
  EXPECT_THAT(d.counts(0).size(), 2u);
}

TEST(Rows, WhenIsJudgedRowByRowAndItsPropertyIsNotInTheRow) {
  Rig d(plan_text(
      "{tag: /tags, paid: /paid, sku: /sku}",
      "  - {metrics: \"*\", when: {tag: [x, z], paid: [\"true\", \"\"]}, by: [[], sku]}\n"));
  const std::vector<std::string> known = {"A"};
  ASSERT_EQ(d.verdict(line(R"("tags":["x","y","z"],"sku":"A")")), "event");
  EXPECT_EQ(d.event().rows, 1) << "x and z are one row: both match, and rows do not hold the tag";
  EXPECT_EQ(d.element(0, "tag"), 0u);
  EXPECT_EQ(d.element(0, "sku"), d.hasher.element("A"));
  EXPECT_EQ(d.verdict(line(R"("tags":["x"],"paid":true,"sku":"A")")), "event");
  EXPECT_EQ(d.verdict(line(R"("tags":["x"],"paid":"false","sku":"A")")), "unplanned");
  EXPECT_EQ(d.verdict(line(R"("tags":["y"],"sku":"A")")), "unplanned");
  d.names.take().each(
      [](const NameEntry& e) { EXPECT_EQ(e.text, "A") << "names of what rows hold only"; });
}

TEST(Rows, ARowCountsWhereAnEarlierEqualOneDidNot) {
  // The first row has the tag's sku but does not match; the second does.
  Rig d(plan_text("{sku: /items/*/sku, state: /items/*/state}",
                  "  - {metrics: \"*\", when: {state: [paid]}, by: [sku]}\n  - {metrics: \"*\", "
                  "by: [state]}\n"));
  ASSERT_EQ(d.verdict(line(R"("items":[{"sku":"A","state":"open"},{"sku":"A","state":"paid"}])")),
            "event");
  size_t counted = 0;
  for (uint32_t i = 0; i < 2; ++i)
    if (d.event().metric->dimensions[i].compared == 2) counted = d.counts(i).size();
  EXPECT_EQ(counted, 1u);
}

TEST(Rows, MoreThanTheMaximumAreSetAsideEvenIfMostAreEqual) {
  Rig d(plan_text("{a: /a, b: /b, c: /c}", "  - {metrics: \"*\", by: [a]}\n"));
  auto array = [](const std::string& name, int n) {
    std::string out = "\"" + name + "\":[1";
    for (int i = 1; i < n; ++i) out += ",1";
    return out + "]";
  };
  EXPECT_EQ(d.verdict(line(array("a", 1000))), "event");
  EXPECT_EQ(d.event().rows, 1);
  EXPECT_EQ(d.verdict(line(array("a", 1001))), "too_many_rows");
  EXPECT_EQ(d.verdict(line(array("b", 2000) + "," + array("a", 1000) + "," + array("c", 10))),
            "event")
      << "lists that nobody counts make no rows";
  EXPECT_EQ(d.verdict(line(array("a", 100000))), "too_many_rows");
}

TEST(Rows, NamesAreThoseOfTheRowsWithTheirProperty) {
  Rig d(plan_text("{sku: /items/*/sku, other: /other, never: /never}",
                  "  - {metrics: \"*\", by: [[sku, other]]}\n"));
  ASSERT_EQ(d.verdict(line(R"("items":[{"sku":"A"},{},{"sku":7.0}],"other":"o","never":"n")")),
            "event");
  std::set<std::pair<uint32_t, std::string>> got, want;
  d.names.take().each([&](const NameEntry& e) {
    got.emplace(raw(e.property), e.text);
    EXPECT_EQ(e.element, d.hasher.element(e.text));
    EXPECT_EQ(e.tenant, d.event().tenant);
  });
  const auto& columns = d.registry.plan().columns;
  want = {{raw(columns[d.column("sku")]), "A"},
          {raw(columns[d.column("sku")]), "7"},
          {raw(columns[d.column("other")]), "o"}};
  EXPECT_EQ(got, want);
  EXPECT_EQ(d.verdict(line(R"("items":[{"sku":"A"}],"other":"o")")), "event");
  EXPECT_TRUE(d.names.take().empty()) << "they were handed over";
}

// ---- random arrays ----

// What a property gives for an event: one text an element of its walk; "" is the empty value.
using Texts = std::vector<std::string>;

// An event with lists, and all combinations of their elements as maps from property to text.
struct ListEvent {
  Texts sku, color, tag, kind;
  std::string state;

  ListEvent(std::mt19937_64& random, size_t most) {
    auto pick = [&](const Texts& of) { return of[random() % of.size()]; };
    auto list = [&](const Texts& pool, size_t longest) {
      Texts out(random() % (longest + 1));
      for (std::string& text : out) text = pick(pool);
      return out;
    };
    sku = list({"A", "B", "C", ""}, most);
    color.resize(sku.size());
    for (std::string& c : color) c = pick({"red", "blue", "green", ""});
    tag = list({"p", "q", "r", ""}, most);
    kind = list({"k1", "k2", ""}, 2);
    state = pick({"on", "off", ""});
  }

  std::string members() const {
    auto token = [](const std::string& text) { return text.empty() ? "null" : "\"" + text + "\""; };
    std::string out = "\"items\":[";
    for (size_t i = 0; i < sku.size(); ++i)
      out +=
          (i ? ",{\"sku\":" : "{\"sku\":") + token(sku[i]) + ",\"color\":" + token(color[i]) + "}";
    out += "],\"tags\":[";
    for (size_t i = 0; i < tag.size(); ++i) out += (i ? "," : "") + token(tag[i]);
    out += "],\"kind\":[";
    for (size_t i = 0; i < kind.size(); ++i) out += (i ? "," : "") + token(kind[i]);
    return out + "],\"state\":" + token(state);
  }

  std::vector<std::map<std::string, std::string>> rows() const {
    std::vector<std::map<std::string, std::string>> out;
    for (size_t i = 0; i < std::max<size_t>(sku.size(), 1); ++i)
      for (size_t j = 0; j < std::max<size_t>(tag.size(), 1); ++j)
        for (size_t k = 0; k < std::max<size_t>(kind.size(), 1); ++k)
          out.push_back({{"sku", sku.empty() ? "" : sku[i]},
                         {"color", sku.empty() ? "" : color[i]},
                         {"tag", tag.empty() ? "" : tag[j]},
                         {"kind", kind.empty() ? "" : kind[k]},
                         {"state", state}});
    return out;
  }
};

// The distinct values of a dimension that an event counts in.
std::set<std::vector<uint64_t>> values_of(const ListEvent& event,
                                          const CompiledDimension& dimension, Rig& d) {
  static const std::set<std::string> kSkipped = {"color", "state"};
  const Plan& p = d.registry.plan().parsed;
  std::set<std::vector<uint64_t>> values;
  for (const auto& row : event.rows()) {
    bool in = true;
    std::vector<uint64_t> value;
    for (size_t c = 0; c < dimension.arity; ++c) {
      const std::string& name = p.properties[p.columns[dimension.columns[c]].property].name;
      in &= !(kSkipped.contains(name) && row.at(name).empty());
      value.push_back(d.hasher.element(row.at(name)));
    }
    if (dimension.compared > dimension.arity) {
      for (const auto& [source, alternatives] : p.columns[dimension.columns[dimension.arity]].when)
        in &= std::count(alternatives.begin(), alternatives.end(),
                         row.at(p.properties[p.columns[source].property].name)) > 0;
    }
    if (in) values.insert(value);
  }
  return values;
}

void expect_distinct_rows(Rig& d) {
  std::set<std::vector<uint64_t>> distinct;
  for (uint32_t r = 0; r < d.event().rows; ++r) {
    const uint64_t* elements = d.batch.row_elements(d.event(), r);
    ASSERT_TRUE(distinct.emplace(elements, elements + d.batch.columns).second)
        << "two rows are equal";
    const uint64_t* here = d.batch.row_here(d.event(), r);
    ASSERT_TRUE(std::any_of(here, here + d.event().metric->bitmap_words,
                            [](uint64_t word) { return word != 0; }));
  }
}

TEST(Rows, CountEachDistinctValueOnceInRandomEvents) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string plan = plan_text(
      "{sku: /items/*/sku, color: {at: /items/*/color, missing: skip}, tag: /tags, kind: /kind, "
      "state: {at: /state, missing: skip}}",
      "  - {metrics: \"*\", by: [[], sku, color, tag, kind, state, [sku, color], [tag, kind], "
      "[sku, tag], [sku, color, tag, kind, state]]}\n"
      "  - {metrics: \"*\", when: {tag: [p, \"\"], color: [red, blue]}, by: [[], sku, [kind, "
      "state], [tag, color]]}\n"
      "  - {metrics: \"*\", when: {kind: [k1]}, by: [sku, tag]}\n");
  Rig d(plan);
  int many = 0, unplanned = 0;
  for (int round = 0; round < 1500; ++round) {
    const ListEvent event(random, round % 10 == 0 ? 12 : 3);
    SCOPED_TRACE(event.members());
    const std::string verdict = d.verdict(line(event.members()));
    const CompiledMetric* metric = d.registry.metric("m");
    ASSERT_NE(metric, nullptr);
    size_t counted = 0;
    for (uint32_t dimension = 0; dimension < metric->sections[0].dimensions; ++dimension) {
      const auto want = values_of(event, metric->dimensions[dimension], d);
      counted += want.size();
      if (verdict != "event") continue;
      const std::multiset<std::vector<uint64_t>> got = d.counts(dimension);
      ASSERT_EQ(std::vector(got.begin(), got.end()), std::vector(want.begin(), want.end()))
          << "dimension " << dimension;
    }
    ASSERT_EQ(verdict, counted ? "event" : "unplanned");
    if (verdict != "event") {
      ++unplanned;
      continue;
    }
    many += d.event().rows > 12;
    ASSERT_NO_FATAL_FAILURE(expect_distinct_rows(d));
  }
  EXPECT_GT(many, 20) << "both ways of finding equal rows are met";
  EXPECT_EQ(unplanned, 0) << "the dimension [] counts every event";
}

}  // namespace
}  // namespace quipu
