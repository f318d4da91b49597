// What is known of inputs, whatever people do to their files: random sequences of operations on
// files, runs over them and crashes, against a model of which lines there are.
#include "source/known_inputs.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "source/scratch_files.h"

namespace quipu {
namespace {

// A log: its lines are told by its number, so copies that grow, grow alike.
struct Log {
  int number = 0;
  size_t lines = 0;
};

std::string text_of(const Log& log) {
  std::string text;
  for (size_t i = 0; i < log.lines; ++i) {
    text += "{\"log\":" + std::to_string(log.number) + ",\"line\":" + std::to_string(i) +
            ",\"pad\":\"" + std::string((i * 7919) % 300, 'x') + "\"}\n";
    if (i % 11 == 3) text += "\n";
  }
  return text;
}

// Counts lines as an engine does: what a block holds and the rows behind it are committed together,
// or lost together.
class Counting {
 public:
  // Reads an input to its end, or crashes on the way. Gives the error, or "".
  std::string read(const std::string& path, SourceOptions options, std::mt19937_64& random,
                   bool& crashed) {
    options.block_bytes = size_t(1) << (8 + random() % 8);
    auto source = open_file(path, *known_, options);
    if (!source.ok()) return source.error().message;
    if ((*source)->lines_again() > 0) return "lines would be counted twice";
    while (!crashed) {
      auto block = (*source)->next();
      if (!block.ok()) return block.error().message;
      InputRows changed;
      EXPECT_TRUE(known_->note((*source)->position(), changed).ok());
      for (auto& [key, row] : changed) rows_[key] = std::move(row);
      if (block->text.empty()) break;
      for (size_t at = 0; at < block->text.size();) {
        const size_t end = std::min(block->text.find('\n', at), block->text.size());
        if (end > at) ++lines_[std::string(block->text.substr(at, end - at))];
        at = end + 1;
      }
      if (random() % 3 == 0) commit();
      crashed = random() % 40 == 0;
    }
    return "";
  }
  void begin_again(const std::vector<std::string>& paths, SourceOptions& options) {
    InputRows changed;
    auto round = known_->begin_again(paths, changed);
    ASSERT_TRUE(round.ok());
    options.again_round = *round;
    for (auto& [key, row] : changed) rows_[key] = std::move(row);
  }
  void end_again() {
    InputRows changed;
    known_->end_again(changed);
    for (auto& [key, row] : changed) rows_[key] = std::move(row);
  }
  void commit() {
    committed_rows_ = rows_;
    committed_lines_ = lines_;
  }
  void restart(bool crash) {
    if (crash) {
      rows_ = committed_rows_;
      lines_ = committed_lines_;
    } else {
      commit();
    }
    known_ = std::make_unique<KnownInputs>(get_);
  }
  const std::map<std::string, int>& lines() const { return lines_; }

 private:
  InputRows rows_, committed_rows_;
  std::map<std::string, int> lines_, committed_lines_;
  const KnownInputs::Get get_ = [this](const std::string& key) -> Result<std::string> {
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::string() : found->second;
  };
  std::unique_ptr<KnownInputs> known_ = std::make_unique<KnownInputs>(get_);
};

class Folder {
 public:
  explicit Folder(std::mt19937_64& random) : random_(random) {}

  std::string operate() {
    const std::string name = any_name(), other = any_name();
    switch (random_() % 8) {
      case 0:
        logs_[name] = {next_++, size()};
        return "new " + name;
      case 1:
      case 2:
        if (logs_.contains(name)) logs_[name].lines += size();
        return "grow " + name;
      case 3:  // copy-truncate: a copy, and a new log under the old name
        if (!logs_.contains(name) || name == other) return "";
        logs_[other] = logs_[name];
        logs_[name] = {next_++, size()};
        return "rotate " + name + " to " + other;
      case 4:
        std::swap(logs_[name], logs_[other]);
        return "swap " + name + " and " + other;
      case 5:
        if (logs_.contains(name)) logs_[other] = logs_[name];
        return "copy " + name + " to " + other;
      case 6:
        if (logs_.contains(name)) logs_[name].lines = logs_[name].lines * (random_() % 4) / 4;
        return "cut " + name;
      default:
        compressed_[name] = int(random_() % 3);
        return "compress " + name;
    }
  }
  std::string write(const std::string& name) {
    const std::string text = text_of(logs_[name]);
    const int how = compressed_[name];
    return files_.write(name, how == 0 ? text : how == 1 ? gzip(text) : zstd(text));
  }
  std::string any_name() { return std::string(1, char('a' + random_() % 4)); }
  const Log& log(const std::string& name) { return logs_[name]; }

 private:
  // From one line to beyond the first 64 KiB.
  size_t size() { return random_() % 3 == 0 ? 1 + random_() % 3 : 1 + random_() % 700; }

  std::mt19937_64& random_;
  ScratchFiles files_;
  std::map<std::string, Log> logs_;
  std::map<std::string, int> compressed_;
  int next_ = 1;
};

TEST(KnownInputs, EachLineOfEachContentIsCountedOnceOrTheInputIsRefused) {
  int accepted = 0, refusals = 0, crashes = 0;
  for (uint64_t seed = 1; seed <= 30 && !testing::Test::HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    Folder folder(random);
    Counting counting;
    std::string story = "seed " + std::to_string(seed) + ":";
    for (int step = 0; step < 40 && !testing::Test::HasFailure(); ++step) {
      for (uint64_t n = random() % 4; n > 0; --n) story += " " + folder.operate() + ";";
      const std::string name = folder.any_name(), path = folder.write(name);
      SourceOptions options;
      options.again = random() % 2 == 0;
      options.moved = random() % 2 == 0;
      story += "\n  run " + std::string() + (options.again ? "--again " : "") +
               (options.moved ? "--moved " : "") + name + " (log " +
               std::to_string(folder.log(name).number) + ", " +
               std::to_string(folder.log(name).lines) + " lines);";
      if (options.again) counting.begin_again({path}, options);
      bool crashed = false;
      const std::string refusal = counting.read(path, options, random, crashed);
      if (options.again && refusal.empty() && !crashed) counting.end_again();
      const Log log = folder.log(name);
      if (crashed) {
        ++crashes;
        story += " crash;";
      } else if (refusal.empty()) {
        ++accepted;
      } else {
        ++refusals;
        story += " refused;";
      }
      counting.restart(crashed);
      for (const auto& [line, times] : counting.lines())
        ASSERT_EQ(times, 1) << line << "\n" << story;
      size_t of_log = 0;
      const std::string prefix = "{\"log\":" + std::to_string(log.number) + ",";
      for (const auto& [line, times] : counting.lines()) of_log += line.starts_with(prefix);
      if (!crashed && refusal.empty()) {
        ASSERT_GE(of_log, log.lines) << story;
      }
      // With both, only what is cut is refused.
      if (!refusal.empty() && options.again && options.moved) {
        ASSERT_LT(log.lines, of_log) << story << "\n" << refusal;
      }
    }
  }
  std::printf("known inputs: %d inputs read, %d refused, %d crashes\n", accepted, refusals,
              crashes);
  EXPECT_GT(accepted, 300);
  EXPECT_GT(refusals, 300);
  EXPECT_GT(crashes, 80);
}

TEST(KnownInputs, DamagedRowsAreErrors) {
  InputRows rows;
  KnownInputs known([&](const std::string& key) -> Result<std::string> { return rows[key]; });
  SourcePosition position;
  position.path = "/a";
  position.bytes = 10;
  position.lines = 2;
  position.content = *known.new_content();
  position.beginnings = {{1, 2}, {3, 4}};
  InputRows changed;
  ASSERT_TRUE(known.note(position, changed).ok());
  EXPECT_EQ(changed.size(), 5u) << "path, content, two beginnings, numbers";
  const auto read_all_rows = [&] {
    KnownInputs fresh([&](const std::string& key) -> Result<std::string> { return rows[key]; });
    return fresh.at_path("/a").ok() && fresh.beginning({1, 2}).ok() &&
           fresh.beginning({3, 4}).ok() && fresh.new_content().ok();
  };
  rows = changed;
  EXPECT_TRUE(read_all_rows());
  for (const auto& [key, row] : changed) {
    rows = changed;
    rows[key] += "x";
    EXPECT_FALSE(read_all_rows()) << key;
    rows[key] = row.substr(0, row.size() - 1);
    EXPECT_FALSE(read_all_rows()) << key;
    rows[key] = row;
    rows[key][0] = 9;
    EXPECT_FALSE(read_all_rows()) << key;
  }
}

TEST(KnownInputs, KnowSinceWhenAPathIsFollowed) {
  InputRows rows;
  KnownInputs known([&](const std::string& key) -> Result<std::string> { return rows[key]; });
  EXPECT_EQ(*known.followed_since_ms("/logs/app.log"), 0);
  KnownInputs::note_followed("/logs/app.log", 1'772'700'000'123, rows);
  EXPECT_EQ(*known.followed_since_ms("/logs/app.log"), 1'772'700'000'123);
  EXPECT_EQ(*known.followed_since_ms("/logs/app.log.1"), 0);
  EXPECT_TRUE(known.at_path("/logs/app.log").ok());
  EXPECT_FALSE(known.at_path("/logs/app.log")->has_value());
  ASSERT_EQ(rows["follow//logs/app.log"], std::string("\x01\xfb\xbe\x9d\xe9\xcb\x33", 7));
  for (const char* damaged : {"\x02\x01", "\x01", "\x01\x01\x01"}) {
    rows["follow//logs/app.log"] = damaged;
    EXPECT_FALSE(known.followed_since_ms("/logs/app.log").ok());
  }
}

}  // namespace
}  // namespace quipu
