// Several lists in an event: they multiply only where a dimension joins them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "event/test_decoder.h"

namespace quipu {
namespace {

std::string plan_text(const std::string& properties, const std::string& count) {
  return "quipu: 1\nevent: {tenant: {const: t}, metric: {const: m}, time: {at: /t, unit: unix_s}}\n"
         "properties: " +
         properties + "\ncount:\n" + count;
}

std::string list(const std::string& name, int n) {
  std::string out = ",\"" + name + "\":[";
  for (int i = 0; i < n; ++i) out += (i ? ",\"" : "\"") + name + std::to_string(i) + "\"";
  return out + "]";
}

std::string line(const std::string& members) { return "{\"t\":0" + members + "}"; }

// How many values the event counts in, by dimension, sorted.
std::vector<size_t> values(const TestDecoder& d) {
  std::vector<size_t> out;
  for (uint32_t i = 0; i < d.event().metric->sections[0].dimensions; ++i)
    out.push_back(d.counts(i).size());
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Lists, ThatNoDimensionJoinsAddUp) {
  TestDecoder d(
      plan_text("{tag: /tags, item: /items, country: /country}",
                "  - {metrics: \"*\", by: [[], tag, item, [tag, country], [item, country]]}\n"));
  ASSERT_EQ(d.verdict(line(list("tags", 40) + list("items", 30) + ",\"country\":\"CH\"")), "event");
  EXPECT_EQ(d.event().rows, 69) << "one with the first of both, and one for each other element";
  EXPECT_EQ(values(d), (std::vector<size_t>{1, 30, 30, 40, 40}));
  EXPECT_EQ(d.verdict(line(list("tags", 500) + list("items", 501))), "event");
  EXPECT_EQ(d.event().rows, 1000);
  EXPECT_EQ(d.verdict(line(list("tags", 501) + list("items", 501))), "too_many_rows");
}

TEST(Lists, ThatADimensionJoinsMultiply) {
  TestDecoder d(plan_text("{tag: /tags, item: /items, code: /codes}",
                          "  - {metrics: \"*\", by: [[], [tag, item], [item, code]]}\n"));
  ASSERT_EQ(d.verdict(line(list("tags", 20) + list("items", 5) + list("codes", 30))), "event");
  EXPECT_EQ(d.event().rows, 20 * 5 + 5 * 30 - 5) << "tags and codes do not multiply";
  EXPECT_EQ(values(d), (std::vector<size_t>{1, 100, 150}));
  EXPECT_EQ(d.verdict(line(list("tags", 20) + list("items", 50))), "event");
  EXPECT_EQ(d.verdict(line(list("tags", 20) + list("items", 51))), "too_many_rows");
  EXPECT_EQ(d.verdict(line(list("tags", 20) + list("items", 50) + list("codes", 2))),
            "too_many_rows");
}

TEST(Lists, OfAWhenAreJoinedWithThoseOfItsDimensions) {
  TestDecoder d(plan_text("{tag: /tags, item: /items}",
                          "  - {metrics: \"*\", by: [[]]}\n"
                          "  - {metrics: \"*\", when: {tag: [tags3, tags4]}, by: [[], item]}\n"));
  ASSERT_EQ(d.verdict(line(list("tags", 6) + list("items", 7))), "event");
  EXPECT_EQ(values(d), (std::vector<size_t>{1, 1, 7}));
  ASSERT_EQ(d.verdict(line(list("tags", 3) + list("items", 7))), "event");
  EXPECT_EQ(values(d), (std::vector<size_t>{0, 0, 1}));
  EXPECT_EQ(d.event().rows, 1);
  EXPECT_EQ(d.verdict(line(list("tags", 10) + list("items", 101))), "too_many_rows");
}

TEST(Lists, EachRowIsTrueOfTheEventInEveryDimension) {
  // A profile's stored rows answer for all dimensions: no row may say "no item" of an event that
  // has items.
  TestDecoder d(plan_text("{tag: /tags, item: /items}", "  - {metrics: \"*\", by: [tag, item]}\n"));
  ASSERT_EQ(d.verdict(line(list("tags", 9) + list("items", 4))), "event");
  for (uint32_t r = 0; r < d.event().rows; ++r) {
    EXPECT_NE(d.element(r, "tag"), kEmptyElement);
    EXPECT_NE(d.element(r, "item"), kEmptyElement);
  }
}

TEST(Lists, OfTwoElementsEachMayBeMoreThanAnyoneCouldJoin) {
  std::string properties, all, members;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "p" + std::to_string(i);
    properties += (i ? ", " : "") + name + ": /" + name;
    all += (i ? ", " : "") + name + ": [" + name + "0]";
    members += list(name, 2);
  }
  TestDecoder each(plan_text("{" + properties + "}",
                             "  - {metrics: \"*\", combinations: {of: [p0, p1, p2, p3, p4, p5, p6, "
                             "p7, p8, p9, p10, p11], up_to: 2}}\n"));
  ASSERT_EQ(each.verdict(line(members)), "event");
  EXPECT_EQ(each.event().rows, 1 + 12 + 66) << "pairs of lists, not all twelve";
  TestDecoder joined(
      plan_text("{" + properties + "}", "  - {metrics: \"*\", when: {" + all + "}, by: [[]]}\n"));
  EXPECT_EQ(joined.verdict(line(members)), "too_many_rows");
}

// Values of a dimension by its own lists alone, each combination of them.
const std::vector<std::string> kLists = {"a", "b", "c", "e", "f"};

std::string draw_dimensions(std::mt19937_64& random) {
  std::set<std::set<std::string>> dimensions{{}};
  for (int n = 0; n < 6; ++n) {
    std::set<std::string> chosen;
    for (uint64_t k = 1 + random() % 3; k > 0; --k) chosen.insert(kLists[random() % kLists.size()]);
    dimensions.insert(chosen);
  }
  std::string by;
  for (const auto& dimension : dimensions) {
    std::string entry;
    for (const std::string& name : dimension) entry += (entry.empty() ? "" : ", ") + name;
    by += (by.empty() ? "[" : ", [") + entry + "]";
  }
  return by;
}

// An event's texts by property; c and e are members of one list.
struct ListsEvent {
  std::map<std::string, std::vector<std::string>> texts;
  size_t lines = 0;

  explicit ListsEvent(std::mt19937_64& random) : lines(1 + random() % 4) {
    for (const std::string& name : kLists) {
      const size_t n = name == "c" || name == "e" ? lines : 1 + random() % 5;
      for (size_t i = 0; i < n; ++i) texts[name].push_back(name + std::to_string(random() % 3));
    }
  }

  std::string members() const {
    std::string out;
    for (const char* name : {"a", "b", "f"}) {
      out += std::string(",\"") + name + "\":[";
      for (size_t i = 0; i < texts.at(name).size(); ++i)
        out += (i ? ",\"" : "\"") + texts.at(name)[i] + "\"";
      out += "]";
    }
    out += ",\"l\":[";
    for (size_t i = 0; i < lines; ++i)
      out += (i ? "," : "") + std::string("{\"c\":\"") + texts.at("c")[i] + "\",\"e\":\"" +
             texts.at("e")[i] + "\"}";
    return out + "]";
  }

  // Of these properties, by every choice of an element of each list.
  std::set<std::vector<uint64_t>> values(const std::vector<std::string>& names,
                                         const Hasher& hasher) const {
    const std::vector<std::pair<std::string, size_t>> lists = {{"a", texts.at("a").size()},
                                                               {"b", texts.at("b").size()},
                                                               {"l", lines},
                                                               {"f", texts.at("f").size()}};
    size_t all = 1;
    for (const auto& [name, size] : lists) all *= size;
    std::set<std::vector<uint64_t>> distinct;
    std::map<std::string, size_t> place;
    for (size_t n = 0; n < all; ++n) {
      size_t rest = n;
      for (const auto& [name, size] : lists) {
        place[name] = rest % size;
        rest /= size;
      }
      std::vector<uint64_t> value;
      for (const std::string& c : names)
        value.push_back(hasher.element(texts.at(c)[place[c == "c" || c == "e" ? "l" : c]]));
      distinct.insert(value);
    }
    return distinct;
  }
};

void expect_counts(TestDecoder& d, const ListsEvent& event, const std::string& by) {
  const CompiledMetric& metric = *d.event().metric;
  for (uint32_t i = 0; i < metric.sections[0].dimensions; ++i) {
    std::vector<std::string> names;
    for (size_t k = 0; k < metric.dimensions[i].arity; ++k)
      for (const std::string& name : kLists)
        if (d.column(name) == metric.dimensions[i].columns[k]) names.push_back(name);
    const std::set<std::vector<uint64_t>> distinct = event.values(names, d.hasher);
    ASSERT_EQ(d.counts(i), std::multiset(distinct.begin(), distinct.end()))
        << line(event.members()) << " by " << by << ", dimension " << i;
  }
}

TEST(Lists, CountWhatEachDimensionJoinsInRandomEvents) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  int more = 0;
  for (int plan = 0; plan < 60; ++plan) {
    const std::string by = draw_dimensions(random);
    TestDecoder d(plan_text("{a: /a, b: /b, c: \"/l/*/c\", e: \"/l/*/e\", f: /f}",
                            "  - {metrics: \"*\", by: [" + by + "]}\n"));
    for (int n = 0; n < 20; ++n) {
      const ListsEvent event(random);
      const std::string verdict = d.verdict(line(event.members()));
      if (verdict == "too_many_rows") continue;
      ASSERT_EQ(verdict, "event");
      more += d.event().rows > 12;
      ASSERT_NO_FATAL_FAILURE(expect_counts(d, event, by));
    }
  }
  EXPECT_GT(more, 100);
}

}  // namespace
}  // namespace quipu
