#include "query/render.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "query/test_view.h"

namespace quipu {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  std::istringstream in(text);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Two groups over two days, with names that every format has to take care of.
Answer difficult_answer() {
  Answer a;
  a.question.metric = "Opened \"Email\"";
  a.question.by = {"campaign", "a,b"};
  a.question.where = {{"client", Filter::Kind::any_of, {"x", ""}},
                      {"url", Filter::Kind::none_of, {"\t"}},
                      {"who", Filter::Kind::not_empty, {}}};
  a.tenant = "müller";
  a.calendar = {"home", "Europe/Berlin", WeekStart::sunday};
  a.checkpoint = 7;
  a.time_s = 1772445600;
  a.interval = Interval::day;
  a.buckets = {"2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"};
  a.range_text = "2026-03-29 to 2026-03-31 (exclusive)";
  a.since = {{1, 4, 1772000000, 1772100000}, {9, 0, 1772200000, 0}};
  a.partial = {0};
  a.figures = {{"count", a.since, {0}},
               {"unique", {{1, 0, 1772000000, 0}}, {}},
               {"sum.odd \"one\"", {}, {0}}};
  a.values = {"worth", "odd \"one\""};
  a.has_unique = a.unique_planned = true;
  a.groups = {{{"spring,\"sale\"", "é\n"},
               {1234567, 0},
               {12, 0},
               {{Fixed6(1234567890000), 0}, {-1500000, 0}}},
              {{"", "日本"},
               {3, 4},
               {2, 1},
               {{Fixed6(500000), Fixed6(125000)}, {0, Fixed6(-1234567000000)}}}};
  a.groups_in_all = 5;
  return a;
}

TEST(Render, NumbersOfATableStandToTheRightAndTextsToTheLeft) {
  EXPECT_EQ(
      lines_of(aligned({{"name", "count"}, {"é", "5"}, {"longer", "1,234,567"}, {"", "10"}},
                       {false, true})),
      (Lines{"name        count", "é               5", "longer  1,234,567", "               10"}));
  EXPECT_EQ(lines_of(aligned({{"a", "b"}, {"long", ""}}, {false, false})),
            (Lines{"a     b", "long"}))
      << "no blanks at the end";
}

TEST(Render, ThousandsHaveCommas) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(58694), "58,694");
  EXPECT_EQ(with_thousands(100000), "100,000");
  EXPECT_EQ(with_thousands(18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(Render, ATableOfASeriesHasEveryBucketAndMarksWhatIsPartial) {
  const Lines lines = lines_of(render_table(difficult_answer()));
  ASSERT_GE(lines.size(), 7u);
  EXPECT_EQ(lines[0],
            "Opened \"Email\", client x|(none), url not \"\\x09\", who not empty, 2026-03-29 to "
            "2026-03-31 (exclusive), home (Europe/Berlin)");
  EXPECT_EQ(lines[1],
            "campaign       a,b      day                       count  unique         worth   odd "
            "\"one\"");
  EXPECT_EQ(lines[2],
            "spring,\"sale\"  \"é\\x0a\"  2026-03-29 (partial)  1,234,567      12  1,234,567.89    "
            "   -1.50");
  EXPECT_EQ(lines[3],
            "spring,\"sale\"  \"é\\x0a\"  2026-03-30                    0       0             0    "
            "       0");
  EXPECT_EQ(lines[4],
            "(none)         日本       2026-03-29 (partial)          3       2          0.50       "
            "    0");
  EXPECT_EQ(lines[5],
            "(none)         日本       2026-03-30                    4       1         0.125  "
            "-1,234,567");
}

TEST(Render, NothingThatATerminalObeysIsInATable) {
  const std::string hostile =
      "\x1b[2J\xc2\x9b"
      "31m\x9b\x7f";
  const std::string shown = "\\x1b[2J\\u009b31m\\x9b\\x7f";
  Answer a = difficult_answer();
  a.question.metric = a.calendar.name = a.values[0] = a.question.by[0] =
      a.question.where[0].property = a.groups[0].by[0] = hostile;
  a.notes = {hostile};
  const std::string table = render_table(a);
  EXPECT_EQ(table.find_first_of("\x1b\x9b\x7f"), std::string::npos) << table;
  size_t times = 0;
  for (size_t at = 0; (at = table.find(shown, at)) != std::string::npos; at += shown.size())
    ++times;
  EXPECT_EQ(times, 8u) << table;
  const std::string list =
      render_metrics_table({{hostile, false, 1, "2026-03-01", "2026-03-02", {hostile}}});
  EXPECT_EQ(list.find_first_of("\x1b\x9b\x7f"), std::string::npos) << list;
}

TEST(Render, ATableSaysWhatItLeavesOut) {
  Answer a = difficult_answer();
  a.has_unique = false;
  a.counted_in_several_groups = true;
  a.notes = {"unique is - because of something"};
  const std::string table = render_table(a);
  for (const char* text : {"(2 of 5 groups)\n", "some events count in several groups\n",
                           "unique is - because of something\n"}) {
    EXPECT_NE(table.find(text), std::string::npos) << table;
  }
  EXPECT_EQ(lines_of(table)[2].find("12"), std::string::npos) << "no unique is shown";
  // One bucket: where it is partial is told below.
  a.buckets.resize(1);
  for (Group& g : a.groups)
    g.count.resize(1), g.unique.resize(1), g.sums[0].resize(1), g.sums[1].resize(1);
  EXPECT_NE(render_table(a).find("partial: counted only until 2026-02-26T10:00:00+00:00, and since "
                                 "2026-02-27T13:46:40+00:00\n"),
            std::string::npos)
      << render_table(a);
  a.figures[0].since = {{3, 12, 1772200000, 1772300000}};
  EXPECT_NE(render_table(a).find("partial: counted only since 2026-02-27T13:46:40+00:00 until "
                                 "2026-02-28T17:33:20+00:00\n"),
            std::string::npos)
      << render_table(a);
  a.groups.clear();
  EXPECT_NE(render_table(a).find("(nothing counted)\n"), std::string::npos);
}

TEST(Render, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(render_csv(difficult_answer()),
            "campaign,\"a,b\",bucket,count,unique,worth,\"odd \"\"one\"\"\",partial\n"
            "\"spring,\"\"sale\"\"\",\"é\n\",2026-03-29T00:00:00+01:00,1234567,12,1234567.89,-1.50,"
            "\"[\"\"count\"\",\"\"sum.odd \\\"\"one\\\"\"\"\"]\"\n"
            "\"spring,\"\"sale\"\"\",\"é\n\",2026-03-30T00:00:00+02:00,0,0,0,0,\n"
            ",日本,2026-03-29T00:00:00+01:00,3,2,0.50,0,\"[\"\"count\"\",\"\"sum.odd "
            "\\\"\"one\\\"\"\"\"]\"\n"
            ",日本,2026-03-30T00:00:00+02:00,4,1,0.125,-1234567,\n");
  Answer a = difficult_answer();
  a.has_unique = false;
  a.groups.resize(1);
  EXPECT_NE(render_csv(a).find("+01:00,1234567,,1234567.89"), std::string::npos)
      << "no unique is an empty field";
  a.interval.reset();  // a range added up is no bucket
  a.buckets.resize(1);
  for (Group& g : a.groups) g.count.resize(1), g.sums[0].resize(1), g.sums[1].resize(1);
  EXPECT_NE(render_csv(a).find(",,1234567,,1234567.89"), std::string::npos) << render_csv(a);
}

TEST(Render, JsonHasTheFieldsOfTheDocument) {
  const std::string json = render_json(difficult_answer());
  for (const char* text :
       {"{\"question\":{\"tenant\":\"müller\",\"metric\":\"Opened "
        "\\\"Email\\\"\",\"together\":false,\"by\":[\"campaign\",\"a,b\"],\"where\":["
        "{\"property\":\"client\",\"is\":\"any\",\"values\":[\"x\",\"\"]},{\"property\":\"url\","
        "\"is\":\"not\",\"values\":[\"\\t\"]},"
        "{\"property\":\"who\",\"is\":\"not_empty\"}],\"range\":\"2026-03-29 to 2026-03-31 "
        "(exclusive)\",\"interval\":\"day\"}",
        ",\"calendar\":\"home\",\"zone\":\"Europe/"
        "Berlin\",\"as_of\":{\"checkpoint\":7,\"time\":\"2026-03-02T10:00:00+00:00\"}",
        ",\"since\":[[\"2026-02-25T06:13:20+00:00\",\"2026-02-26T10:00:00+00:00\"],[\"2026-02-"
        "27T13:46:40+00:00\",null]]",
        ",\"partial\":[\"2026-03-29T00:00:00+01:00\"],\"figures\":{\"count\":{\"since\":[[",
        "],\"partial\":[\"2026-03-29T00:00:00+01:00\"]},\"unique\":{\"since\":[[\"2026-02-25T06:13:"
        "20+"
        "00:00\",null]],\"partial\":[]},\"sum.odd "
        "\\\"one\\\"\":{\"since\":[],\"partial\":[\"2026-03-29T"
        "00:00:00+01:00\"]}},\"counted_in_several_groups\":false,",
        "{\"by\":{\"campaign\":\"\",\"a,b\":\"日本\"},\"count\":[3,4],\"unique\":[2,1],\"sum\":{"
        "\"worth\":[\"0.50\",\"0.125\"],"
        "\"odd \\\"one\\\"\":[\"0\",\"-1234567\"]}}"}) {
    EXPECT_NE(json.find(text), std::string::npos) << text << "\n" << json;
  }
  Answer lifetime = difficult_answer();
  lifetime.lifetime = true;
  lifetime.interval.reset();
  lifetime.buckets.clear();
  lifetime.partial = {0};
  lifetime.has_unique = false;
  const std::string whole = render_json(lifetime);
  EXPECT_NE(whole.find("\"interval\":\"lifetime\"},\"calendar\":null,\"zone\":null"),
            std::string::npos)
      << whole;
  EXPECT_NE(whole.find("\"unique\":null"), std::string::npos);
  EXPECT_NE(whole.find(",\"partial\":[\"lifetime\"],"), std::string::npos) << whole;
  lifetime.partial.clear();
  EXPECT_NE(render_json(lifetime).find(",\"partial\":[],"), std::string::npos);
}

std::vector<MetricLine> metric_lines() {
  return {{"Opened, \"Email\"",
           false,
           58694,
           "2026-03-01",
           "2026-03-31",
           {"(all)", "campaign, client"},
           true},
          {"Engaged\x01", true, std::nullopt, "2026-03-02", "2026-03-03", {"tags"}}};
}

TEST(Render, MetricsAreListedInEveryFormat) {
  EXPECT_EQ(lines_of(render_metrics_table(metric_lines())),
            (Lines{"metric                               count  first day   last day    counted by",
                   "Opened, \"Email\"           (partial) 58,694  2026-03-01  2026-03-31  (all); "
                   "campaign, client",
                   "\"Engaged\\x01\" (together)                 -  2026-03-02  2026-03-03  tags"}));
  EXPECT_EQ(render_metrics_csv(metric_lines()),
            "metric,together,count,first_day,last_day,partial\n\"Opened, "
            "\"\"Email\"\"\",no,58694,2026-03-01,2026-03-31,yes\nEngaged\x01,yes,,2026-03-02,2026-"
            "03-03,no\n");
  EXPECT_EQ(render_metrics_json(metric_lines()),
            "{\"metrics\":[{\"name\":\"Opened, "
            "\\\"Email\\\"\",\"together\":false,\"count\":58694,\"partial\":true,\"first_day\":"
            "\"2026-03-01\","
            "\"last_day\":\"2026-03-31\","
            "\"counted_by\":[\"(all)\",\"campaign, "
            "client\"]},{\"name\":\"Engaged\\u0001\",\"together\":true,\"count\":null,\"partial\":"
            "false,\"first_"
            "day\":\"2026-03-02\","
            "\"last_day\":\"2026-03-03\",\"counted_by\":[\"tags\"]}]}\n");
}

TEST(Render, OtherProgramsReadTheJsonAndTheCsv) {
  if (std::system("python3 -c 0 2>/dev/null") != 0) GTEST_SKIP() << "no python3";
  TestFolder folder;
  Answer lifetime = difficult_answer();
  lifetime.lifetime = true;
  lifetime.interval.reset();
  lifetime.groups.clear();
  std::ofstream(folder / "answer.json") << render_json(difficult_answer());
  std::ofstream(folder / "lifetime.json") << render_json(lifetime);
  std::ofstream(folder / "metrics.json") << render_metrics_json(metric_lines());
  std::ofstream(folder / "answer.csv") << render_csv(difficult_answer());
  std::ofstream(folder / "read.py") << R"(
import csv, json, sys
folder = sys.argv[1]
answer = json.load(open(folder + "/answer.json", encoding="utf-8"))
assert [g["by"]["campaign"] for g in answer["groups"]] == ['spring,"sale"', ''], answer
assert answer["groups"][0]["by"]["a,b"] == "\u00e9\n"
assert answer["groups"][0]["sum"] == {"worth": ["1234567.89", "0"], 'odd "one"': ["-1.50", "0"]}
assert json.load(open(folder + "/lifetime.json", encoding="utf-8"))["groups"] == []
metrics = json.load(open(folder + "/metrics.json", encoding="utf-8"))["metrics"]
assert metrics[1]["name"] == "Engaged\x01"
rows = list(csv.reader(open(folder + "/answer.csv", encoding="utf-8", newline="")))
assert rows[0] == ["campaign", "a,b", "bucket", "count", "unique", "worth", 'odd "one"',
                   "partial"], rows
assert rows[1] == ['spring,"sale"', "\u00e9\n", "2026-03-29T00:00:00+01:00", "1234567", "12",
                   "1234567.89", "-1.50", '["count","sum.odd \\"one\\""]'], rows
assert len(rows) == 5
)";
  EXPECT_EQ(std::system(("python3 " + (folder / "read.py") + " " + folder.path()).c_str()), 0);
}

}  // namespace
}  // namespace quipu
