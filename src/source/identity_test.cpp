// When content is the same input, and when it is another.
#include <gtest/gtest.h>

#include "source/scratch_files.h"
#include "source/source.h"

namespace quipu {
namespace {

class Identity : public testing::Test {
 protected:
  std::string content(size_t bytes) { return random_lines(rng_, bytes); }
  SourcePosition finish(const std::string& path) {
    auto source = open_good(open_file(path, {}, {}));
    read_all(*source);
    return source->position();
  }
  SourcePosition first_block(const std::string& path, size_t block_bytes) {
    SourceOptions options;
    options.block_bytes = block_bytes;
    auto source = open_good(open_file(path, {}, options));
    EXPECT_TRUE(source->next().ok());
    return source->position();
  }
  static SourceOptions again() {
    SourceOptions options;
    options.again = true;
    return options;
  }
  static SourceOptions moved() {
    SourceOptions options;
    options.moved = true;
    return options;
  }

  std::mt19937_64 rng_{20130310};
  ScratchFiles files_;
};

TEST_F(Identity, AnotherContentUnderAKnownPathIsRefusedNamingAgain) {
  const std::string old_content = content(200000), new_content = content(250000);
  const std::string path = files_.write("log", old_content);
  const SourcePosition known = finish(path);
  files_.write("log", new_content);
  EXPECT_NE(refused(open_file(path, {known}, {})).find("--again"), std::string::npos);
  EXPECT_NE(refused(open_file(path, {known}, moved())).find("--again"), std::string::npos);
  EXPECT_EQ(read_all(*open_good(open_file(path, {known}, again()))), new_content);
  // One byte in the last 64 KiB, or in the first, is enough.
  for (size_t at : {old_content.size() - 2, size_t{1}}) {
    std::string changed = old_content;
    changed[at] ^= 1;
    files_.write("log", changed + "more\n");
    EXPECT_NE(refused(open_file(path, {known}, {})).find("--again"), std::string::npos);
  }
}

TEST_F(Identity, AFileShorterThanCommittedIsRefused) {
  const std::string old_content = content(200000);
  for (const bool compressed : {false, true}) {
    const std::string path = files_.write("log", compressed ? gzip(old_content) : old_content);
    const SourcePosition known = finish(path);
    const std::string shorter = old_content.substr(0, 100000);
    files_.write("log", compressed ? gzip(shorter) : shorter);
    const std::string message = refused(open_file(path, {known}, {}));
    EXPECT_NE(message.find("shorter"), std::string::npos);
    EXPECT_NE(message.find("--again"), std::string::npos);
  }
}

TEST_F(Identity, KnownContentUnderAnotherPathIsRefusedNamingMoved) {
  const std::string text = content(200000), more = content(5000);
  const std::string path = files_.write("log", text);
  const SourcePosition known = finish(path);
  const std::string other = content(300000);
  const SourcePosition unrelated = finish(files_.write("other", other));
  for (const std::string& copy :
       {files_.write("copy", text + more), files_.write("copy.gz", gzip(text) + gzip(more)),
        files_.write("copy.zst", zstd(text + more))}) {
    const std::string message = refused(open_file(copy, {unrelated, known}, {}));
    EXPECT_NE(message.find("--moved"), std::string::npos);
    EXPECT_NE(message.find(path), std::string::npos);
    auto source = open_good(open_file(copy, {unrelated, known}, moved()));
    EXPECT_EQ(source->position().path, copy);
    EXPECT_EQ(source->position().bytes, text.size());
    EXPECT_EQ(read_all(*source), more);
    EXPECT_EQ(read_all(*open_good(open_file(copy, {unrelated, known}, again()))), text + more);
    // From then on the new path is known, and the old one does not matter.
    EXPECT_TRUE(open_good(open_file(copy, {known, source->position()}, {}))->next()->text.empty());
  }
  // A file that is in fact another is read from its start, --moved or not.
  EXPECT_EQ(read_all(*open_good(open_file(files_.path("other"), {known}, {}))), other);
  EXPECT_EQ(read_all(*open_good(open_file(files_.path("other"), {known}, moved()))), other);
}

TEST_F(Identity, OfSeveralKnownPositionsTheFurthestIsGoneOnFrom) {
  const std::string text = content(300000);
  const std::string path = files_.write("log", text);
  SourcePosition half = first_block(path, 100000), whole = finish(path);
  half.path = "/elsewhere/half";
  whole.path = "/elsewhere/whole";
  const std::string copy = files_.write("copy", zstd(text + "tail\n"));
  EXPECT_EQ(read_all(*open_good(open_file(copy, {whole, half}, moved()))), "tail\n");
  EXPECT_EQ(read_all(*open_good(open_file(copy, {half}, moved()))),
            text.substr(half.bytes) + "tail\n");
}

TEST_F(Identity, TwoSmallFilesThatBeginAlikeAreTwo) {
  const SourcePosition known = finish(files_.write("a", "{\"metric\":\"ping\"}\n"));
  const std::string longer = "{\"metric\":\"ping\"}\n{\"metric\":\"pong\"}\n";
  EXPECT_EQ(read_all(*open_good(open_file(files_.write("b", longer), {known}, {}))), longer);
  // The same as a whole is the same.
  EXPECT_NE(
      refused(open_file(files_.write("c", "{\"metric\":\"ping\"}\n"), {known}, {})).find("--moved"),
      std::string::npos);
  // Two that share their first and last 64 KiB but not what lies between are two.
  const std::string ends = content(70000), one = ends + content(1000) + ends,
                    two = ends + content(1300) + ends;
  const SourcePosition known_long = finish(files_.write("d", one));
  EXPECT_EQ(read_all(*open_good(open_file(files_.write("e", two), {known_long}, {}))), two);
}

TEST_F(Identity, AgainGoesOnWithWhatItDidNotFinish) {
  const std::string text = content(200000);
  const std::string path = files_.write("log", text);
  const SourcePosition finished = finish(path), begun = first_block(path, 50000);
  EXPECT_EQ(read_all(*open_good(open_file(path, {finished}, again()))), text);
  EXPECT_EQ(read_all(*open_good(open_file(path, {begun}, again()))), text.substr(begun.bytes));
}

TEST_F(Identity, ALinkIsTheFileItLeadsTo) {
  const std::string text = content(200000);
  const std::string path = files_.write("log", text);
  const SourcePosition known = finish(path);
  std::filesystem::create_symlink(path, files_.path("link"));
  auto source = open_good(open_file(files_.path("link"), {known}, {}));
  EXPECT_TRUE(source->next()->text.empty());
  EXPECT_EQ(source->position().path, path);
  EXPECT_EQ(source->name(), files_.path("link"));
}

TEST_F(Identity, EmptyFilesAreAllNewAndKnowNothing) {
  const std::string path = files_.write("empty", "");
  auto source = open_good(open_file(path, {}, {}));
  EXPECT_TRUE(source->next()->text.empty());
  const SourcePosition nothing = source->position();
  EXPECT_EQ(nothing.bytes, 0u);
  EXPECT_EQ(nothing.first, Hash128{});
  files_.write("empty", "line\n");
  EXPECT_EQ(read_all(*open_good(open_file(path, {nothing}, {}))), "line\n");
  EXPECT_EQ(read_all(*open_good(open_file(files_.write("new", "line\n"), {nothing}, {}))),
            "line\n");
}

}  // namespace
}  // namespace quipu
