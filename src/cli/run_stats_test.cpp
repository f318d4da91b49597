// GCC 12 with sanitizers warns of <regex> itself (its bug 105562).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
// The figures of a run as text: each is worked out again here, from what is printed.
#include "cli/run_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <regex>
#include <sstream>

namespace quipu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// First column -> the others, as printed.
std::map<std::string, std::vector<std::string>> table_of(const std::string& text) {
  std::map<std::string, std::vector<std::string>> table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(' '));
    const std::regex gap(" {2,}");
    std::vector<std::string> columns(std::sregex_token_iterator(line.begin(), line.end(), gap, -1),
                                     {});
    const std::string label = columns.front();
    columns.erase(columns.begin());
    EXPECT_TRUE(table.emplace(label, columns).second) << "twice: " << label;
  }
  return table;
}

const std::vector<std::string> kParts = {"read",
                                         "decode",
                                         "tally",
                                         "pane",
                                         "group into cells",
                                         "records",
                                         "names",
                                         "rest of the commit",
                                         "flush, compaction, else"};

RunFigures figures() {
  RunFigures f;
  f.read = 2'000;
  f.tallied = 1'000;
  f.seconds = 0.25;
  f.cpu = {1'000'000, 2'000'000, 3'000'000, 4'000'000, 5'000'000,
           6'000'000, 7'000'000, 8'000'000, 40'000'000};
  f.hot.events_waited = 50;
  f.hot.loads = 60;
  f.hot.loads_found = 20;
  f.hot.evictions = 7;
  f.checkpoints.checkpoints = 4;
  f.checkpoints.ingested = 3;
  f.checkpoints.commit_s = 2;
  f.checkpoints.group_s = 1;
  f.checkpoints.longest_s = 0.75;
  f.checkpoints.cell_bytes = 6'000;
  f.checkpoints.record_bytes = 3'000;
  f.checkpoints.name_bytes = 1'000;
  f.checkpoints.names = 2'500;
  f.checkpoints.name_rows = 20;
  f.waiting_runs = 17;
  f.filter = {true, 4'321, 1'048'576};
  f.longest_stall_us = 77;
  f.families = {{"cells", 12, 34'567, 1, 1.234, 5'678, 20'000}, {"names", 1, 2, 3, 0, 1, 5'000}};
  return f;
}

TEST(RunStats, PartsAreNanosecondsOverEventsReadAndTheRestIsWhatNoPartClaims) {
  const auto table = table_of(stats_text(figures()));
  EXPECT_EQ(table.at("read"), (std::vector<std::string>{"0.500", "2.5%"}));
  EXPECT_EQ(table.at("rest of the commit"), (std::vector<std::string>{"4.000", "20.0%"}));
  EXPECT_EQ(table.at("flush, compaction, else"),
            (std::vector<std::string>{"2.000", "10.0%"}));  // 40 - 36 ms
  EXPECT_EQ(table.at("whole"), (std::vector<std::string>{"20.000", "100.0%"}));
}

TEST(RunStats, PartsAndSharesAddUpWhateverTheClocksSay) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    auto any = [&] { return random() % 3 ? random() >> (24 + random() % 40) : 0; };
    RunFigures f = figures();
    f.read = 1 + random() % 1'000'000;
    f.cpu = {any(), any(), any(), any(), any(),
             any(), any(), any(), any()};  // the process's may be below the sum of its parts
    const auto table = table_of(stats_text(f));
    double us = 0, share = 0;
    for (const std::string& part : kParts) {
      const std::string& figure = table.at(part).at(0);
      EXPECT_EQ(figure.find('-'), std::string::npos) << part << " is negative";
      us += std::stod(figure);
      if (table.at(part).at(1) != "-") share += std::stod(table.at(part).at(1));
    }
    const double whole = std::stod(table.at("whole").at(0));
    EXPECT_NEAR(us, whole, 0.0006 * double(kParts.size()));
    EXPECT_GE(whole + 0.0006, double(f.cpu.process) / 1000 / double(f.read));
    if (table.at("whole").at(1) != "-") {
      EXPECT_NEAR(share, 100, 0.051 * double(kParts.size()));
    }
  }
}

TEST(RunStats, HitsAreEventsOfTheTallyThatWaitedForNothing) {
  RunFigures f = figures();
  auto table = table_of(stats_text(f));
  EXPECT_EQ(table.at("hits").at(0), "95.00%");
  EXPECT_THAT(table.at("hits").at(1), HasSubstr("1,000 events; 50 waited"));
  EXPECT_EQ(table.at("loads").at(0), "60");
  EXPECT_THAT(table.at("loads").at(1), HasSubstr("20 found"));
  EXPECT_EQ(table.at("reads a cold event").at(0), "1.20");
  EXPECT_EQ(table.at("evictions").at(0), "7");
  f.hot.events_waited = 1'000;
  EXPECT_EQ(table_of(stats_text(f)).at("hits").at(0), "0.00%");
  f.hot.events_waited = f.hot.loads = 0;
  table = table_of(stats_text(f));
  EXPECT_EQ(table.at("hits").at(0), "100.00%");
  EXPECT_EQ(table.at("reads a cold event").at(0), "-");
}

TEST(RunStats, CheckpointsHaveTheirMeansAndTheirLongest) {
  const auto table = table_of(stats_text(figures()));
  EXPECT_EQ(table.at("checkpoints"), (std::vector<std::string>{"4", "3 by files"}));
  EXPECT_EQ(table.at("mean seconds").at(0), "0.500");
  EXPECT_THAT(table.at("mean seconds").at(1), HasSubstr("0.250 of them"));
  EXPECT_EQ(table.at("longest seconds").at(0), "0.750");
  EXPECT_EQ(table.at("mean bytes of cells").at(0), "1,500");
  EXPECT_EQ(table.at("mean bytes of records").at(0), "750");
  EXPECT_EQ(table.at("mean bytes of names"),
            (std::vector<std::string>{"250", "2,500 names in all, in 20 rows"}));
  EXPECT_EQ(table.at("longest stall, us").at(0), "77");
  EXPECT_EQ(table.at("backlog").at(0), "17");
  EXPECT_EQ(table.at("filter of profiles"),
            (std::vector<std::string>{"4,321", "1,048,576 bytes; it says which are new"}));
  EXPECT_EQ(table.at("bytes of cells"), (std::vector<std::string>{"34,567", "12 rows in 1 file"}));
  EXPECT_EQ(table.at("compaction of cells"),
            (std::vector<std::string>{"1.23 s", "of CPU time; 5,678 rows read"}));
  EXPECT_EQ(table.at("bytes of names"), (std::vector<std::string>{"2", "1 row in 3 files"}));
  EXPECT_EQ(table.at("compaction of names"),
            (std::vector<std::string>{"0.00 s", "of CPU time; 1 row read"}));
}

TEST(RunStats, WriteAmplificationIsWhatIsWrittenForAByteGiven) {
  RunFigures f = figures();
  EXPECT_EQ(table_of(stats_text(f)).at("write amplification"),
            (std::vector<std::string>{
                "3.50", "10,000 bytes given to the store, and 25,000 written by compaction"}));
  f.families.clear();
  EXPECT_EQ(table_of(stats_text(f)).at("write amplification").at(0), "1.00");
  f.checkpoints.cell_bytes = f.checkpoints.record_bytes = f.checkpoints.name_bytes = 0;
  EXPECT_EQ(table_of(stats_text(f)).at("write amplification").at(0), "-");
}

TEST(RunStats, NothingReadGivesNoFigureInPlaceOfADivisionByZero) {
  const RunFigures none;
  const auto table = table_of(stats_text(none));
  for (const std::string& part : kParts)
    EXPECT_EQ(table.at(part), (std::vector<std::string>{"-", "-"})) << part;
  for (const char* label :
       {"hits", "reads a cold event", "mean seconds", "longest seconds", "mean bytes of cells",
        "mean bytes of records", "write amplification"}) {
    EXPECT_EQ(table.at(label).at(0), "-") << label;
  }
  EXPECT_EQ(summary_line(none), "0.00 s, 0 events/s, 0 checkpoints\n");
  RunFigures idle;  // it took time all the same
  idle.seconds = 1;
  idle.cpu.process = 5'000'000;
  EXPECT_EQ(table_of(stats_text(idle)).at("whole"), (std::vector<std::string>{"-", "100.0%"}));
  for (const std::string& text : {stats_text(none), stats_text(idle), summary_line(idle)}) {
    EXPECT_FALSE(std::regex_search(text, std::regex("\\b(nan|inf)\\b"))) << text;
  }
}

TEST(RunStats, TheSummaryIsOneLineAndTellsHitsOnlyWhereStoredProfilesWereRead) {
  RunFigures f = figures();
  EXPECT_EQ(
      summary_line(f),
      "0.25 s, 8,000 events/s, 4 checkpoints, 95.00% of events found their profile in memory\n");
  f.hot.loads_found = 0;  // all were new
  f.checkpoints.checkpoints = 1;
  EXPECT_EQ(summary_line(f), "0.25 s, 8,000 events/s, 1 checkpoint\n");
}

}  // namespace
}  // namespace quipu::test
