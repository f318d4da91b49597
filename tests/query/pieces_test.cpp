// Answers, exports and rows in pieces: the same however small the pieces are.
#include <algorithm>
#include <map>
#include <set>

#include "cells/joint_rows.h"
#include "cells/sparse_rows.h"
#include "query/export.h"
#include "query/small_runs.h"

namespace quipu::test {
namespace {

// Many values, some of several events, on a few days; rows of cells of all kinds.
std::vector<Line> lines_of_many_values() {
  std::vector<Line> lines;
  for (int i = 0; i < 3000; ++i) {
    Line line;
    line.campaign = "c" + std::to_string(i * i % 1009 * 7 % 701);
    line.client = "k" + std::to_string(i % 3);
    line.at = "2026-03-0" + std::to_string(1 + i % 4) + "T10:00:00Z";
    line.who = "p" + std::to_string(i % 50);
    lines.push_back(line);
  }
  return lines;
}

TEST_F(SmallRuns, TheFirstGroupsAreTheSameHoweverSmallThePiecesOfValuesAre) {
  const std::vector<Line> lines = lines_of_many_values();
  count(plan_text("  - {metrics: \"*\", by: [[], campaign, [client, campaign]], sum: [worth]}\n"),
        lines);
  std::map<std::vector<std::string>, uint64_t> expected, of_two;
  for (const Line& line : lines) {
    ++expected[{line.campaign}];
    ++of_two[{line.campaign, line.client}];
  }
  auto snapshot = engine_->store().snapshot();
  auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
  ASSERT_TRUE(view.ok());
  for (const auto& [by, right] : {std::pair(std::vector<std::string>{"campaign"}, expected),
                                  {{"campaign", "client"}, of_two}}) {
    Question question = about("Opened", "2026-03", by);
    question.limit = 10;
    auto first = answer(**view, question);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_EQ(first->groups_in_all, right.size());
    for (size_t max_bytes : {3'000, 10'000, 100'000}) {
      auto in_pieces = answer(**view, question, max_bytes);
      ASSERT_TRUE(in_pieces.ok()) << in_pieces.error().message;
      EXPECT_EQ(in_pieces->groups_in_all, right.size());
      ASSERT_EQ(in_pieces->groups.size(), 10u);
      for (size_t g = 0; g < 10; ++g) {
        EXPECT_EQ(in_pieces->groups[g].by, first->groups[g].by);
        EXPECT_EQ(in_pieces->groups[g].count[0], right.at(first->groups[g].by));
        EXPECT_EQ(in_pieces->groups[g].sums, first->groups[g].sums);
      }
    }
    question.limit = 0;
    EXPECT_TRUE(answer(**view, question).ok());
    auto refused = answer(**view, question, 10'000);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("kMaxAnswerBytes"), std::string::npos);
    EXPECT_NE(refused.error().message.find("--limit"), std::string::npos);
    question.limit = 500;
    refused = answer(**view, question, 10'000);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("a smaller --limit"), std::string::npos);
  }
}

TEST_F(SmallRuns, EveryOrderHasItsFirstGroupsAndItsRestHoweverSmallThePiecesAre) {
  std::vector<Line> lines = lines_of_many_values();
  for (size_t i = 0; i < lines.size(); ++i) lines[i].worth = std::to_string(i * 37 % 11);
  count(plan_text("  - {metrics: \"*\", by: [[client, campaign]], sum: [worth]}\n"), lines);
  auto snapshot = engine_->store().snapshot();
  auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
  ASSERT_TRUE(view.ok());
  for (const std::string sort : {"count", "-count", "unique", "-unique", "worth", "-worth", "name",
                                 "-name", "client", "-client", "by:campaign", "-campaign"}) {
    SCOPED_TRACE(sort);
    Question question = about("Opened", "2026-03", {"campaign", "client"});
    question.sort = sort;
    const auto all = answer(**view, question);
    ASSERT_TRUE(all.ok()) << all.error().message;
    for (const size_t limit : {1, 7, 40}) {
      question.limit = limit;
      question.rest = true;
      const auto some = answer(**view, question, 20'000);
      ASSERT_TRUE(some.ok()) << some.error().message;
      ASSERT_EQ(some->groups.size(), limit);
      for (size_t g = 0; g < limit; ++g) EXPECT_EQ(some->groups[g].by, all->groups[g].by);
      uint64_t left = 0;
      for (size_t g = limit; g < all->groups.size(); ++g) left += all->groups[g].count[0];
      EXPECT_EQ(some->rest.value().count[0], left);
    }
    question.limit = 0;
  }
}

TEST_F(SmallRuns, RowsAreBoundedHoweverManyRunsAStoreIsOf) {
  group_by_.sparse_limit = 8;
  group_by_.joint_values = 4;
  for (int run = 0; run < 24; ++run) {
    std::vector<Line> lines(run % 2 ? 1 : 6);  // few go as they are, more as cells
    for (size_t i = 0; i < lines.size(); ++i)
      lines[i].campaign = "c" + std::to_string(run) + "/" + std::to_string(i);
    count(plan_text("  - {metrics: \"*\", by: [[], campaign], lifetime: yes}\n"), lines);
  }
  size_t segments = 0, joint_values = 0;
  const Status scanned = engine_->store().snapshot()->scan_cells(
      "", "", [&](std::string_view bytes, std::string_view value) {
        const auto key = CellKey::parse(bytes);
        CHECK(key.has_value());
        if (key->dimension == DimensionId::none)
          segments = std::max(segments, sparse_segments(value));
        if (!key->joint()) return true;
        std::map<DimensionId, size_t> values;
        CHECK(read_joint_row(value, *key, DimensionId::none, [&](DimensionId d, const CellEntry&) {
                ++values[d];
              }).ok());
        for (const auto& [d, n] : values) joint_values = std::max(joint_values, n);
        return true;
      });
  ASSERT_TRUE(scanned.ok());
  EXPECT_EQ(segments, 4u) << "each is taken for two events";
  EXPECT_GT(joint_values, 0u);
  EXPECT_LE(joint_values, 12u) << "84 values came, at most 6 at a time";
}

TEST_F(SmallRuns, ExportGivesTheSameLinesHoweverSmallThePiecesOfValuesAre) {
  count(plan_text("  - {metrics: \"*\", by: [[], campaign, [client, campaign]], sum: [worth], "
                  "lifetime: yes}\n"),
        lines_of_many_values());
  auto snapshot = engine_->store().snapshot();
  auto view = StoreView::open(engine_->catalogue(), *snapshot, engine_->store().hasher());
  ASSERT_TRUE(view.ok());
  const auto lines = [&](size_t piece_bytes) {
    std::multiset<std::string> all;
    const Status done = visit_counter_buckets(
        **view,
        [&](const CounterBucket& bucket) -> Result<bool> {
          auto line = export_line(**view, bucket, ExportFormat::json);
          if (!line.ok()) return line.error();
          all.insert(*line);
          return true;
        },
        piece_bytes);
    EXPECT_TRUE(done.ok());
    return all;
  };
  const auto whole = lines(kExportPieceBytes);
  EXPECT_GT(whole.size(), 10'000u);
  for (size_t piece_bytes : {10'000, 100'000}) EXPECT_TRUE(lines(piece_bytes) == whole);
  // And where the names of some values are got together.
  std::multiset<std::string> named;
  ASSERT_TRUE(export_all(
                  **view, ExportFormat::json,
                  [&](const std::string& line) { return named.insert(line), true; }, 100'000)
                  .ok());
  EXPECT_TRUE(named == whole);
}

}  // namespace
}  // namespace quipu::test
