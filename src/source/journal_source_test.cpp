#include "source/journal_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <random>

#include "journal/journal.h"
#include "source/unpack.h"

namespace quipu {
namespace {

// Lines of random lengths in random groups and segments, read in blocks of any size and opened anew
// at random positions, come out as they went in.
// A byte weighs one.
class ByBytes final : public LineWeigher {
 public:
  uint64_t of_line(std::string_view line) const override { return line.size() + 1; }
  uint64_t of_text(std::string_view text) const override { return text.size(); }
};

FeedPositions at(const std::optional<SourcePosition>& position) {
  return [position](const std::string&) { return Result<std::optional<SourcePosition>>(position); };
}

TEST(JournalSource, gives_every_line_once_wherever_it_is_opened_again) {
  std::string root = (std::filesystem::temp_directory_path() / "quipu-source-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(root.data()));
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    JournalOptions journal_options;
    journal_options.segment_bytes = 1 + random() % 3000;
    auto journal = Journal::open(root + "/" + std::to_string(seed), 0, journal_options);
    ASSERT_TRUE(journal.ok());
    std::string all;
    for (int i = 0; i < 100; ++i) {
      std::string lines;
      for (unsigned n = random() % 3 + 1; n > 0; --n) {
        const size_t size = random() % 8 ? random() % 200 : random() % 5000;
        for (size_t c = 0; c < size; ++c) lines += char('a' + random() % 26);
        lines += '\n';
      }
      all += lines;
      std::promise<void> done;
      (*journal)->append(lines, [&](const Status&) { done.set_value(); });
      done.get_future().wait();
    }
    (*journal)->close();
    SourceOptions options;
    options.block_bytes = 1 + random() % 4000;
    const ByBytes weigher;
    if (random() % 2) options.weigher = &weigher;
    options.block_weight = 1 + random() % 1000;
    std::string got;
    std::optional<SourcePosition> known;
    for (bool more = true; more;) {
      auto source = open_journal(**journal, at(known), options);
      ASSERT_TRUE(source.ok());
      for (unsigned blocks = random() % 5 + 1; blocks > 0 && more; --blocks) {
        auto block = (*source)->next();
        ASSERT_TRUE(block.ok()) << block.error().message;
        more = !block->text.empty();
        if (more) {
          EXPECT_EQ(block->offset, got.size());
        }
        if (options.weigher && more) {
          const bool one_line = block->text.find('\n') + 1 == block->text.size();
          EXPECT_TRUE(block->weight <= options.block_weight || one_line) << "seed " << seed;
        }
        got += block->text;
      }
      known = (*source)->position();
    }
    EXPECT_EQ(got, all) << "seed " << seed;
    EXPECT_EQ(known->lines, uint64_t(std::count(all.begin(), all.end(), '\n')));
  }
  std::filesystem::remove_all(root);
}

TEST(JournalSource, waits_for_more_and_a_stop_wakes_it) {
  std::string root = (std::filesystem::temp_directory_path() / "quipu-source-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(root.data()));
  {
    auto journal = Journal::open(root + "/journal", 0);
    StopFlag stop;
    SourceOptions options;
    options.stop = &stop;
    auto source = open_journal(**journal, at({}), options);
    auto waiting = std::async(std::launch::async, [&] { return (*source)->next(); });
    (*journal)->append("{}\n", [](const Status&) {});
    auto block = waiting.get();
    EXPECT_EQ(block->text, "{}\n");
    waiting = std::async(std::launch::async, [&] { return (*source)->next(); });
    stop.set();
    EXPECT_FALSE(waiting.get().ok());
  }
  std::filesystem::remove_all(root);
}

TEST(Unpack, refuses_what_is_no_whole_stream) {
  for (const Packing packing : {Packing::gzip, Packing::zstd}) {
    for (const char* bytes : {"x", "\x1f\x8b", "\x28\xb5\x2f\xfd"})
      EXPECT_NE(unpack(packing, bytes, 100).outcome, Unpacked::Outcome::good);
  }
  EXPECT_EQ(unpack(Packing::none, "abc", 2).outcome, Unpacked::Outcome::too_long);
  EXPECT_EQ(unpack(Packing::none, "abc", 3).bytes, "abc");
}

}  // namespace
}  // namespace quipu
