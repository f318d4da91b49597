// Faults seen in public counting systems, as inputs with their right answers (cases.jsonl;
// docs/cases.md). Each is counted in many ways - orders, split over files and process restarts,
// sent twice, in batches as the fault had them, with tiny engine settings - and asked each time.
// The whole export is compared with the oracle's, too.
//
// cases.jsonl, a case a line: id, name, what must hold, refs (public threads where it was seen),
// plan, lines or numbered ({line, to}: {n} and {n%M} stand for 1..to), batches (indices of lines),
// set_aside (by reason, of the lines sent once), asks. An ask has the arguments of a query and
// `right`, the list of all non-zero entries (by, at, count, unique, sum; what is not given is not
// compared), or `groups` and their total `count`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "invariance/store_run.h"
#include "oracle/oracle.h"
#include "oracle/parts.h"
#include "query/answer.h"

namespace quipu::test {
namespace {

using oracle::Json;

const Json* find(const Json& object, const std::string& key) {
  for (const auto& [name, value] : object.fields) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string text_of(const Json& object, const std::string& key) {
  const Json* value = find(object, key);
  return value ? value->text : "";
}

std::vector<std::string> texts_of(const Json& object, const std::string& key) {
  std::vector<std::string> texts;
  if (const Json* list = find(object, key)) {
    for (const Json& item : list->items) texts.push_back(item.text);
  }
  return texts;
}

struct Case {
  std::string id, name, plan;
  std::vector<std::string> lines;
  std::vector<std::vector<size_t>> batches;
  std::map<std::string, uint64_t> set_aside;
  std::vector<Json> asks;
};

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::string numbered_line(std::string line, uint64_t n) {
  replace_all(line, "{n}", std::to_string(n));
  for (size_t at = line.find("{n%"); at != std::string::npos; at = line.find("{n%")) {
    const size_t end = line.find('}', at);
    line.replace(at, end - at + 1,
                 std::to_string(n % std::stoull(line.substr(at + 3, end - at - 3))));
  }
  return line;
}

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  std::ifstream file(QUIPU_CASES_FILE);
  for (std::string line; std::getline(file, line);) {
    Json json;
    if (!oracle::read_json(line, &json).empty()) {
      ADD_FAILURE() << "cases.jsonl: no JSON: " << line;
      continue;
    }
    Case& c = cases.emplace_back();
    c.id = text_of(json, "id");
    c.name = text_of(json, "name");
    c.plan = text_of(json, "plan");
    c.lines = texts_of(json, "lines");
    if (const Json* numbered = find(json, "numbered")) {
      for (uint64_t n = 1; n <= std::stoull(text_of(*numbered, "to")); ++n)
        c.lines.push_back(numbered_line(text_of(*numbered, "line"), n));
    }
    if (const Json* batches = find(json, "batches")) {
      for (const Json& batch : batches->items) {
        std::vector<size_t>& indices = c.batches.emplace_back();
        for (const Json& index : batch.items) indices.push_back(std::stoull(index.text));
      }
    }
    if (const Json* reasons = find(json, "set_aside")) {
      for (const auto& [reason, count] : reasons->fields)
        c.set_aside[reason] = std::stoull(count.text);
    }
    c.asks = find(json, "asks")->items;
  }
  return cases;
}

Question question_of(const Json& ask) {
  Question q;
  const Json& a = *find(ask, "ask");
  auto optional = [&](const char* key) {
    return find(a, key) ? std::optional<std::string>(text_of(a, key)) : std::nullopt;
  };
  q.metric = text_of(a, "metric");
  q.tenant = optional("tenant");
  q.calendar = optional("calendar");
  q.in = optional("in");
  q.from = optional("from");
  q.to = optional("to");
  q.by = texts_of(a, "by");
  for (const std::string& where : texts_of(a, "where")) {
    const size_t equal = where.find('=');
    q.where.push_back({where.substr(0, equal), Filter::Kind::any_of, {where.substr(equal + 1)}});
  }
  if (auto interval = optional("interval")) q.interval = parse_interval(*interval);
  return q;
}

// One entry of an answer as a text, with the measures that are compared.
std::string entry_text(const std::vector<std::string>& by, const std::string& at,
                       const std::map<std::string, std::string>& measures) {
  std::string text;
  for (const std::string& b : by) text += oracle::json_quoted(b) + " ";
  text += at;
  for (const auto& [name, value] : measures) text += " " + name + "=" + value;
  return text;
}

void expect_answer(StoreView& view, const Json& ask) {
  auto result = answer(view, question_of(ask));
  ASSERT_TRUE(result.ok()) << result.error().message;
  if (const Json* buckets = find(ask, "buckets")) {
    EXPECT_EQ(std::stoull(buckets->text), result->buckets.size());
  }
  if (find(ask, "groups")) {
    uint64_t count = 0;
    for (const Group& g : result->groups) count += g.count.at(0);
    EXPECT_EQ(text_of(ask, "groups"), std::to_string(result->groups.size()));
    EXPECT_EQ(text_of(ask, "count"), std::to_string(count));
    return;
  }
  // The measures of the first right entry are those of all.
  const std::vector<Json>& right = find(ask, "right")->items;
  std::vector<std::string> want, got;
  for (const Json& entry : right) {
    std::map<std::string, std::string> measures;
    for (const char* name : {"count", "unique"}) {
      if (find(entry, name)) measures[name] = text_of(entry, name);
    }
    if (const Json* sums = find(entry, "sum")) {
      for (const auto& [name, value] : sums->fields) measures["sum " + name] = value.text;
    }
    want.push_back(entry_text(texts_of(entry, "by"), text_of(entry, "at"), measures));
  }
  ASSERT_FALSE(right.empty());
  const bool at = find(right[0], "at");
  for (const Group& g : result->groups) {
    for (size_t i = 0; i < g.count.size(); ++i) {
      if (g.count[i] == 0) continue;
      std::map<std::string, std::string> measures;
      if (find(right[0], "count")) measures["count"] = std::to_string(g.count[i]);
      if (find(right[0], "unique"))
        measures["unique"] = result->has_unique ? std::to_string(g.unique.at(i)) : "-";
      if (const Json* sums = find(right[0], "sum")) {
        for (const auto& [name, value] : sums->fields) {
          const size_t v = size_t(std::find(result->values.begin(), result->values.end(), name) -
                                  result->values.begin());
          measures["sum " + name] = v < g.sums.size() ? format_fixed6(g.sums[v].at(i)) : "-";
        }
      }
      got.push_back(entry_text(g.by, at ? result->buckets.at(i) : "", measures));
    }
  }
  std::sort(want.begin(), want.end());
  std::sort(got.begin(), got.end());
  EXPECT_EQ(want, got);
}

// One way to count a case.
struct Way {
  std::string name;
  std::vector<std::vector<std::string>> files;  // lines of each file
  std::vector<size_t> files_of_run;  // how many files each process counts; sums to files.size()
  Settings settings;
};

class CaseRun {
 public:
  explicit CaseRun(const Case& c) : case_(c) { write_file(folder_.path() + "/plan.yaml", c.plan); }

  void count(const Way& way, std::mt19937_64& random) {
    SCOPED_TRACE(case_.id + " (" + case_.name + "), " + way.name + ": " + way.settings.describe());
    const std::string run = folder_.path() + "/run" + std::to_string(runs_++);
    std::filesystem::create_directory(run);
    oracle::Counter right(oracle::Plan::parse(case_.plan));
    size_t file = 0;
    for (size_t process = 0; process < way.files_of_run.size(); ++process) {
      std::vector<std::string> paths;
      for (size_t i = 0; i < way.files_of_run[process]; ++i, ++file) {
        std::string text(file, '\n');  // blank lines, so that no two files are the same input
        for (const std::string& line : way.files[file]) {
          right.add_line(line);
          text += line + "\n";
        }
        paths.push_back(run + "/" + std::to_string(file) + ".jsonl");
        write_file(paths.back(), text);
      }
      const bool last = process + 1 == way.files_of_run.size();
      count_in_a_process(run, paths, way.settings, random, last ? &right : nullptr);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  // Opens the engine, counts, closes it; the last time, asks.
  void count_in_a_process(const std::string& run, const std::vector<std::string>& paths,
                          const Settings& settings, std::mt19937_64& random,
                          const oracle::Counter* right) {
    while (true) {
      auto plan = Plan::parse(case_.plan, "plan.yaml", folder_.path());
      ASSERT_TRUE(plan.ok()) << plan.error().message;
      EngineOptions options = settings.engine;
      options.data_folder = run + "/store";
      auto engine = Engine::open(std::move(*plan), options);
      ASSERT_TRUE(engine.ok()) << engine.error().message;
      RunOptions run_options;
      run_options.anyway = true;  // a file may hold one bad line alone
      if (settings.restart_every_blocks && random() % 2)
        run_options.abandon_after_blocks = 1 + random() % settings.restart_every_blocks;
      auto summary = (*engine)->run(paths, run_options);
      ASSERT_TRUE(summary.ok()) << summary.error().message;
      if (run_options.abandon_after_blocks && summary->committed.checkpoint == 0)
        continue;  // as after a crash
      if (right) expect_right(**engine, *right);
      return;
    }
  }

  void expect_right(Engine& engine, const oracle::Counter& right) {
    const Tallies tallies = engine.store().committed().tallies;
    EXPECT_EQ(right.tallies().read, tallies.read);
    EXPECT_EQ(right.tallies().counted, tallies.counted);
    EXPECT_EQ(right.tallies().duplicate, tallies.duplicate);
    EXPECT_EQ(right.tallies().set_aside_total(), tallies.set_aside_total());
    for (size_t r = 1; r < tallies.set_aside.size(); ++r) {
      EXPECT_EQ(case_.set_aside.count(std::string(reason_name(Reason(r)))) > 0,
                tallies.set_aside[r] > 0)
          << reason_name(Reason(r));
    }
    EXPECT_EQ(first_differences(right.export_lines(), sorted_export(engine)), "");
    auto snapshot = engine.store().snapshot();
    auto view = StoreView::open(engine.catalogue(), *snapshot, engine.store().hasher());
    ASSERT_TRUE(view.ok()) << view.error().message;
    for (const Json& ask : case_.asks) {
      SCOPED_TRACE("asked: " + [&] {
        std::string text;
        for (const auto& [key, value] : find(ask, "ask")->fields)
          text += key + " " +
                  (value.text.empty() && !value.items.empty() ? value.items[0].text : value.text) +
                  ", ";
        return text;
      }());
      expect_answer(**view, ask);
    }
  }

  const Case& case_;
  TemporaryFolder folder_;
  int runs_ = 0;
};

Settings tiny_settings(std::mt19937_64& random) {
  Settings s = draw_settings(random);
  s.engine.hot_bytes = 200 << 10;
  s.engine.pane_bytes = 32 << 10;
  s.engine.block_bytes = 64;
  s.engine.tally.matrix_rows = 1 + int(random() % 3);
  s.engine.tally.inlined_rows = int(random() % 4);
  s.engine.tally.chunk_words = s.engine.tally.deep_chunk_words = 2;
  s.engine.checkpoint_blocks = 1 + random() % 3;
  return s;
}

// Cuts lines into files at random, and the files into processes.
Way cut(const std::string& name, const std::vector<std::string>& lines, Settings settings,
        std::mt19937_64& random) {
  Way way{name, {{}}, {}, std::move(settings)};
  const size_t files = 1 + random() % 4;
  for (const std::string& line : lines) {
    if (way.files.size() < files && random() % std::max<size_t>(1, lines.size() / files) == 0 &&
        !way.files.back().empty())
      way.files.emplace_back();
    way.files.back().push_back(line);
  }
  for (size_t left = way.files.size(); left > 0; left -= way.files_of_run.back())
    way.files_of_run.push_back(1 + random() % left);
  return way;
}

Settings plain_settings() {
  Settings s;
  s.engine.relative_now = false;
  s.engine.shards = 2;
  return s;
}

class Cases : public ::testing::TestWithParam<size_t> {
 public:
  static const std::vector<Case>& all() {
    static const std::vector<Case> cases = read_cases();
    return cases;
  }
};

constexpr int kOrders = 6;

TEST_P(Cases, AnswersAreRightInEveryWay) {
  const Case& c = all()[GetParam()];
  const uint64_t seed = 20260101 + GetParam();
  std::printf("%s, %s: seed %llu\n", c.id.c_str(), c.name.c_str(), (unsigned long long)seed);
  std::mt19937_64 random(seed);
  CaseRun run(c);
  run.count({"as given", {c.lines}, {1}, plain_settings()}, random);
  std::vector<std::string> lines(c.lines.rbegin(), c.lines.rend());
  run.count(cut("reversed", lines, plain_settings(), random), random);
  run.count({"sent twice", {c.lines, c.lines}, {1, 1}, plain_settings()}, random);
  if (!c.batches.empty()) {
    Way way{"in its batches, a process each", {}, {}, plain_settings()};
    for (const auto& batch : c.batches) {
      std::vector<std::string>& file = way.files.emplace_back();
      for (size_t i : batch) file.push_back(c.lines.at(i));
      way.files_of_run.push_back(1);
    }
    run.count(way, random);
  }
  for (int order = 0; order < kOrders && !HasFailure(); ++order) {
    std::shuffle(lines.begin(), lines.end(), random);
    run.count(
        cut("shuffled", lines, order % 2 ? tiny_settings(random) : draw_settings(random), random),
        random);
    std::vector<std::string> twice = lines;
    twice.insert(twice.end(), c.lines.begin(), c.lines.end());
    std::shuffle(twice.begin(), twice.end(), random);
    run.count(cut("shuffled, twice", twice, tiny_settings(random), random), random);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Cases, ::testing::Range<size_t>(0, Cases::all().size()),
                         [](const auto& info) {
                           std::string name = Cases::all()[info.param].id;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(CasesFile, HoldsEveryCaseOfTheList) {
  std::vector<std::string> ids;
  for (const Case& c : Cases::all()) {
    ids.push_back(c.id);
    EXPECT_FALSE(c.lines.empty()) << c.id;
    EXPECT_FALSE(c.asks.empty()) << c.id;
  }
  for (int i = 1; i <= 29; ++i) {
    char id[16];
    std::snprintf(id, sizeof id, "O%02d", i);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), id), 1) << id;
  }
}

}  // namespace
}  // namespace quipu::test
