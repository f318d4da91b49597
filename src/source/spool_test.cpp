#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "source/scratch_files.h"
#include "source/source.h"

namespace quipu {
namespace {

class StandardInput : public testing::Test {
 protected:
  // A source over `input` as it would come in; the fd stays open until the test ends.
  Result<std::unique_ptr<Source>> open(const std::string& input, const std::string& name,
                                       const std::vector<SourcePosition>& known,
                                       const SourceOptions& options = {}) {
    const int fd =
        ::open(files_.write("stdin" + std::to_string(fds_.size()), input).c_str(), O_RDONLY);
    fds_.push_back(fd);
    return open_standard_input(fd, name, files_.path("store/spool"), known, options);
  }
  std::string spooled(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(files_.path("store/spool/" + name), std::ios::binary).rdbuf();
    return text.str();
  }
  void SetUp() override { std::filesystem::create_directories(files_.path("store")); }
  void TearDown() override {
    for (int fd : fds_) ::close(fd);
  }

  ScratchFiles files_;
  std::vector<int> fds_;
  std::mt19937_64 rng_{42};
};

TEST_F(StandardInput, IsSpooledAndAnEqualPrefixSkipped) {
  const std::string one = random_lines(rng_, 700000), two = random_lines(rng_, 300000);
  auto first = open_good(open(one, "feed", {}));
  EXPECT_EQ(read_all(*first), one);
  EXPECT_EQ(first->position().path, "-feed");
  EXPECT_EQ(first->name(), "-feed");
  EXPECT_EQ(spooled("feed"), one);
  // The same again: nothing new. More behind it: only that.
  EXPECT_TRUE(open_good(open(one, "feed", {first->position()}))->next()->text.empty());
  auto grown = open_good(open(one + two, "feed", {first->position()}));
  EXPECT_EQ(read_all(*grown), two);
  EXPECT_EQ(spooled("feed"), one + two);
  // Ended early: what was spooled stays, also for what is still to be counted.
  auto early = open_good(open(one.substr(0, 1000), "feed", {first->position()}));
  EXPECT_EQ(read_all(*early), two);
  EXPECT_EQ(spooled("feed"), one + two);
}

TEST_F(StandardInput, WhatWasSpooledButNotCommittedIsCountedAfterACrash) {
  const std::string text = random_lines(rng_, 700000);
  SourceOptions options;
  options.block_bytes = 10000;
  auto first = open_good(open(text, "feed", {}, options));
  const std::string part = read_all(*first, 3);
  const SourcePosition committed = first->position();
  first.reset();
  EXPECT_GT(spooled("feed").size(), part.size());
  EXPECT_EQ(part + read_all(*open_good(open("", "feed", {committed}))),
            text.substr(0, spooled("feed").size()));
  EXPECT_EQ(part + read_all(*open_good(open(text, "feed", {committed}))), text);
}

TEST_F(StandardInput, WhatDiffersFromTheSpoolIsRefusedOrTakesItsPlaceWithAgain) {
  const std::string text = random_lines(rng_, 500000);
  auto first = open_good(open(text, "feed", {}));
  read_all(*first);
  std::string other = text;
  const size_t place = text.size() - 1000;
  other[place] ^= 1;
  const std::string message = refused(open(other, "feed", {first->position()}));
  EXPECT_NE(message.find("byte " + std::to_string(place)), std::string::npos);
  EXPECT_NE(message.find("--as"), std::string::npos);
  EXPECT_EQ(spooled("feed"), text);
  EXPECT_EQ(message.find("--again"), std::string::npos) << "its first bytes are known";
  // Under another name it still begins as known content.
  const std::string alike = refused(open(other, "other", {first->position()}));
  EXPECT_NE(alike.find("begins with the same"), std::string::npos) << alike;
  const std::string unknown = random_lines(rng_, 500000);
  EXPECT_EQ(read_all(*open_good(open(unknown, "unknown", {first->position()}))), unknown);
  SourceOptions again;
  again.again = true;
  auto instead = open_good(open(other, "feed", {first->position()}, again));
  EXPECT_GT(instead->lines_again(), 0u);
  EXPECT_EQ(read_all(*instead), other);
  EXPECT_EQ(spooled("feed"), other);
  EXPECT_EQ(read_all(*open_good(open("short\n", "new", {}))), "short\n");
}

TEST_F(StandardInput, MayBeCompressed) {
  const std::string text = random_lines(rng_, 300000);
  auto source = open_good(open(gzip(text), "packed", {}));
  EXPECT_EQ(read_all(*source), text);
  auto more = open_good(open(gzip(text) + gzip("more\n"), "packed", {source->position()}));
  EXPECT_EQ(read_all(*more), "more\n");
}

TEST_F(StandardInput, AFileOfTheSameContentIsKnown) {
  const std::string text = random_lines(rng_, 300000);
  auto source = open_good(open(text, "feed", {}));
  read_all(*source);
  const std::string path = files_.write("file", text);
  EXPECT_NE(refused(open_file(path, {source->position()}, {})).find("standard input feed"),
            std::string::npos);
  // And the other way about, as well as under another name.
  auto file = open_good(open_file(path, {}, {}));
  read_all(*file);
  EXPECT_NE(refused(open(text + "more\n", "other", {file->position()})).find(path),
            std::string::npos);
  SourceOptions moved;
  moved.moved = true;
  EXPECT_EQ(read_all(*open_good(open(text + "more\n", "other", {file->position()}, moved))),
            "more\n");
}

TEST_F(StandardInput, IsWaitedForOnlyWhileItBeginsAsKnownContent) {
  const SourcePosition known = [&] {
    auto file = open_good(open_file(files_.write("file", "a\nb\nc\nd\n"), {}, {}));
    read_all(*file);
    return file->position();
  }();
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const std::string begin = "a\nb\nx\ny\n";  // the writer stays
  ASSERT_EQ(::write(pipe_fds[1], begin.data(), begin.size()), ssize_t(begin.size()));
  auto source =
      open_good(open_standard_input(pipe_fds[0], "live", files_.path("store/spool"), {known}, {}));
  EXPECT_EQ(source->next()->text, begin);
  ::close(pipe_fds[1]);
  ::close(pipe_fds[0]);
}

TEST_F(StandardInput, GivesWhatThereIsRatherThanWait) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  auto send = [&](const std::string& text) {
    ASSERT_EQ(::write(pipe_fds[1], text.data(), text.size()), ssize_t(text.size()));
  };
  send("one\ntwo\nthr");
  auto source =
      open_good(open_standard_input(pipe_fds[0], "live", files_.path("store/spool"), {}, {}));
  EXPECT_EQ(source->next()->text, "one\ntwo\n");
  EXPECT_EQ(spooled("live"), "one\ntwo\nthr");
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    send("ee\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    send("four");
    ::close(pipe_fds[1]);
  });
  std::string rest;
  for (auto block = source->next(); !block->text.empty(); block = source->next())
    rest += block->text;
  later.join();
  EXPECT_EQ(rest, "three\nfour");
  EXPECT_TRUE(source->position().open_line);
  EXPECT_TRUE(source->position().finished);
  ::close(pipe_fds[0]);
}

TEST_F(StandardInput, NeedsANameThatIsAFileName) {
  EXPECT_NE(refused(open("x\n", "", {})).find("--as"), std::string::npos);
  for (const char* name : {"../up", "a/b", ".hidden", "a b", "a\nb"})
    EXPECT_FALSE(open("x\n", name, {}).ok()) << name;
  EXPECT_FALSE(open("x\n", std::string(200, 'a'), {}).ok());
}

TEST_F(StandardInput, ALostSpoolIsMadeAnewByTheSameInputAndNoOther) {
  const std::string text = random_lines(rng_, 300000);
  for (const bool same : {true, false}) {
    const std::string name = same ? "same" : "other";
    auto source = open_good(open(text, name, {}));
    read_all(*source);
    std::filesystem::remove(files_.path("store/spool/" + name));
    if (same) {
      EXPECT_TRUE(open_good(open(text, name, {source->position()}))->next()->text.empty());
    } else {
      EXPECT_NE(refused(open("other\n", name, {source->position()})).find("not what it was"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace quipu
