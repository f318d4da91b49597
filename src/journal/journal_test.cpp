#include "journal/journal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "journal/segments.h"

namespace quipu {
namespace {

namespace fs = std::filesystem;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "quipu-journal-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(pattern.data()));
    root_ = pattern;
    folder_ = pattern + "/journal";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Journal> open(const JournalOptions& options = {}, uint64_t at_least = 0) {
    auto journal = Journal::open(folder_, at_least, options);
    EXPECT_TRUE(journal.ok()) << (journal.ok() ? "" : journal.error().message);
    return journal.ok() ? std::move(*journal) : nullptr;
  }
  static void append(Journal& journal, const std::string& lines) {
    std::promise<bool> done;
    ASSERT_EQ(journal.append(lines, [&](const Status& s) { done.set_value(s.ok()); }),
              Journal::Took::yes);
    EXPECT_TRUE(done.get_future().get());
  }
  std::vector<JournalSegment> segments() { return *list_segments(folder_); }
  static std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  std::string root_, folder_;
};

TEST_F(JournalTest, makes_no_file_before_its_first_frame) {
  open();
  EXPECT_TRUE(segments().empty());
}

TEST_F(JournalTest, is_bytes_written_down_here) {
  append(*open(), "{\"event\":{}}\n");
  ASSERT_EQ(segments().size(), 1u);
  EXPECT_EQ(fs::path(segments()[0].path).filename(), "00000000000000000000.jsonl.zst");
  const std::string golden("\x28\xb5\x2f\xfd\x24\x0d\x69\x00\x00{\"event\":{}}\n",
                           9 + 13);  // magic, head, raw block
  const std::string bytes = bytes_of(segments()[0].path);
  EXPECT_EQ(bytes.substr(0, golden.size()), golden);
  EXPECT_EQ(bytes.size(), golden.size() + 4);  // the checksum
}

TEST_F(JournalTest, goes_on_where_it_ended_with_segments_named_by_their_offset) {
  JournalOptions small;
  small.segment_bytes = 1;
  append(*open(small), "{\"a\":1}\n");
  append(*open(small), "{\"a\":2}\n");
  auto journal = open(small);
  EXPECT_EQ(journal->durable().end, 16u);
  ASSERT_EQ(segments().size(), 2u);
  EXPECT_EQ(segments()[1].begin, 8u);
  EXPECT_TRUE(journal->drop_before(15).ok());
  ASSERT_EQ(segments().size(), 1u);
  EXPECT_TRUE(journal->drop_before(16).ok());
  EXPECT_EQ(segments().size(), 1u) << "the last one stays: it tells where the journal ends";
}

TEST_F(JournalTest, keeps_segments_for_as_long_as_it_is_told) {
  JournalOptions small;
  small.segment_bytes = 1;
  auto journal = open(small);
  for (int i = 0; i < 4; ++i) append(*journal, "{\"a\":1}\n");
  ASSERT_EQ(segments().size(), 4u);
  const auto age = [&](size_t segment, int seconds) {
    fs::last_write_time(segments()[segment].path,
                        fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
  };
  EXPECT_TRUE(journal->drop_before(32, 100).ok());
  EXPECT_EQ(segments().size(), 4u);
  age(0, 110);
  age(2, 110);
  EXPECT_TRUE(journal->drop_before(4, 100).ok());
  EXPECT_EQ(segments().size(), 4u) << "not what is not counted, however old";
  EXPECT_TRUE(journal->drop_before(32, 100).ok());
  EXPECT_EQ(segments().size(), 3u) << "none is taken out of the middle";
  EXPECT_EQ(segments()[0].begin, 8u);
}

TEST_F(JournalTest, cuts_a_torn_tail_at_every_byte_to_the_last_whole_frame) {
  append(*open(), "{\"a\":1}\n");
  const std::string one = bytes_of(segments()[0].path);
  append(*open(), "{\"a\":2}\n");
  const std::string path = segments()[0].path, two = bytes_of(path);
  for (size_t size = 0; size <= two.size(); ++size) {
    write(path, two.substr(0, size));
    const uint64_t end = size == two.size() ? 16 : size >= one.size() ? 8 : 0;
    EXPECT_EQ(open()->durable().end, end) << size;
    EXPECT_EQ(fs::exists(path) ? fs::file_size(path) : 0, end == 16  ? two.size()
                                                          : end == 8 ? one.size()
                                                                     : 0);
  }
}

TEST_F(JournalTest, damage_before_a_whole_frame_is_an_error_and_cuts_nothing) {
  append(*open(), "{\"a\":1}\n");
  append(*open(), "{\"a\":2}\n");
  const std::string path = segments()[0].path;
  std::string bytes = bytes_of(path);
  bytes[10] = char(bytes[10] ^ 1);
  write(path, bytes);
  EXPECT_FALSE(Journal::open(folder_, 0).ok());
  EXPECT_EQ(bytes_of(path), bytes);
}

TEST_F(JournalTest, one_that_ends_before_what_was_committed_is_an_error) {
  append(*open(), "{\"a\":1}\n");
  EXPECT_TRUE(Journal::open(folder_, 8).ok());
  EXPECT_FALSE(Journal::open(folder_, 9).ok());
}

TEST_F(JournalTest, says_full_beyond_its_bound_and_closed_when_closed) {
  JournalOptions options;
  options.max_in_flight = 10;
  auto journal = open(options);
  EXPECT_EQ(journal->append("{\"aaaa\":1}\n", [](const Status&) {}), Journal::Took::full);
  append(*journal, "{\"a\":1}\n");
  journal->close();
  EXPECT_EQ(journal->append("{\"a\":1}\n", [](const Status&) {}), Journal::Took::closed);
}

// A child appends and says through a pipe what was acknowledged, until it is killed.
TEST_F(JournalTest, holds_what_was_acknowledged_after_a_kill_in_the_middle) {
  uint64_t acknowledged = 0;  // lines, over all lives
  for (int life = 0; life < 8; ++life) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      JournalOptions small;
      small.segment_bytes = 2000;
      auto journal = Journal::open(folder_, 0, small);
      if (!journal.ok()) ::_exit(1);
      while (true) {
        (*journal)->append(std::string(99, 'x') + "\n", [&](const Status& status) {
          if (status.ok() && ::write(pipe[1], "y", 1) != 1) ::_exit(1);
        });
        ::usleep(50);
      }
    }
    ::close(pipe[1]);
    char told[64];
    const uint64_t until = acknowledged + 20 + uint64_t(life) * 7;
    while (acknowledged < until) {
      const ssize_t n = ::read(pipe[0], told, 1);
      ASSERT_EQ(n, 1);
      ++acknowledged;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (ssize_t n; (n = ::read(pipe[0], told, sizeof told)) > 0;) acknowledged += uint64_t(n);
    ::close(pipe[0]);
    const uint64_t end = open()->durable().end;
    EXPECT_EQ(end % 100, 0u);
    EXPECT_GE(end / 100, acknowledged);
  }
}

}  // namespace
}  // namespace quipu
