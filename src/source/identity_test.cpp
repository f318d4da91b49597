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
  static SourceOptions moved_and_again() {
    SourceOptions options;
    options.moved = options.again = true;
    return options;
  }
  // A message about content that is known advises nothing that counts it twice.
  static void expect_no_advice_to_count_twice(const std::string& message) {
    EXPECT_EQ(message.find("--again"), std::string::npos) << message;
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
  for (const SourceOptions& options : {again(), moved_and_again()}) {
    auto source = open_good(open_file(path, {known}, options));
    EXPECT_EQ(source->lines_again(), 0u);
    EXPECT_EQ(read_all(*source), new_content);
  }
  files_.write("log", "");
  EXPECT_NE(refused(open_file(path, {known}, {})).find("--again"), std::string::npos);
}

TEST_F(Identity, KnownContentThatWasChangedBehindItsBeginningIsRefusedWithoutNamingAgain) {
  const std::string old_content = content(200000);
  const std::string path = files_.write("log", old_content);
  const SourcePosition known = finish(path);
  std::string changed = old_content;
  changed[changed.size() - 2] ^= 1;  // one byte in the last 64 KiB is enough
  for (const std::string& at : {path, files_.path("other")}) {
    for (const bool compressed : {false, true}) {
      std::ofstream(at, std::ios::binary) << (compressed ? zstd(changed) : changed) + "";
      expect_no_advice_to_count_twice(refused(open_file(at, {known}, {})));
      EXPECT_FALSE(open_file(at, {known}, moved()).ok());
      EXPECT_FALSE(open_file(at, {known}, moved_and_again()).ok());
      auto source = open_good(open_file(at, {known}, again()));
      EXPECT_GT(source->lines_again(), 0u);
      EXPECT_EQ(read_all(*source), changed);
    }
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
    EXPECT_NE(message.find("cut"), std::string::npos) << message;
    expect_no_advice_to_count_twice(message);
    // A cut copy is one, too: all of it was counted.
    expect_no_advice_to_count_twice(refused(open_file(files_.write("copy", shorter), {known}, {})));
    EXPECT_FALSE(open_file(files_.path("copy"), {known}, moved()).ok());
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
    expect_no_advice_to_count_twice(message);
    source = open_good(open_file(copy, {unrelated, known}, moved_and_again()));
    EXPECT_EQ(read_all(*source), more);
    EXPECT_EQ(source->lines_again(), 0u);
    auto twice = open_good(open_file(copy, {unrelated, known}, again()));
    EXPECT_EQ(twice->lines_again(), known.lines);
    EXPECT_EQ(read_all(*twice), text + more);
    // From then on the new path is known, and the old one does not matter.
    EXPECT_TRUE(open_good(open_file(copy, {known, source->position()}, {}))->next()->text.empty());
  }
  // A file that is in fact another is read from its start; who says that it moved is told.
  EXPECT_EQ(read_all(*open_good(open_file(files_.path("other"), {known}, {}))), other);
  EXPECT_EQ(read_all(*open_good(open_file(files_.path("other"), {known}, moved_and_again()))),
            other);
  EXPECT_NE(refused(open_file(files_.path("other"), {known}, moved())).find("no input"),
            std::string::npos);
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

TEST_F(Identity, AFileThatBeginsWithAllThatWasCountedOfASmallOneIsRefusedUntilSaidWhich) {
  const std::string ping = "{\"metric\":\"ping\"}\n", pong = "{\"metric\":\"pong\"}\n";
  for (const bool newline : {true, false}) {
    const std::string first = newline ? ping : ping.substr(0, ping.size() - 1);
    const SourcePosition known = finish(files_.write("a", first));
    const std::string longer = files_.write("b", ping + pong);
    const std::string message = refused(open_file(longer, {known}, {}));
    EXPECT_NE(message.find("--moved"), std::string::npos) << message;
    EXPECT_NE(message.find("--count-twice counts those once more"), std::string::npos) << message;
    EXPECT_EQ(read_all(*open_good(open_file(longer, {known}, moved()))), pong);
    auto twice = open_good(open_file(longer, {known}, again()));
    EXPECT_EQ(twice->lines_again(), 1u);
    EXPECT_EQ(read_all(*twice), ping + pong);
    EXPECT_NE(refused(open_file(files_.write("c", ping), {known}, {})).find("--moved"),
              std::string::npos);
  }
}

TEST_F(Identity, FilesThatShareHalfTheLinesOfTheShorterAreRefusedAndWithLessAreTwo) {
  const auto lines = [](std::initializer_list<int> numbers) {
    std::string text;
    for (int n : numbers) text += "{\"n\":" + std::to_string(n) + "}\n";
    return text;
  };
  const SourcePosition known = finish(files_.write("a", lines({1, 2, 3, 4})));
  for (const std::string& other : {lines({1}), lines({1, 2}), lines({1, 2, 7}), lines({1, 2, 3}),
                                   lines({1, 2, 3, 4}).substr(0, 31), lines({1, 2, 3, 7, 8, 9})}) {
    const bool enough = other != lines({1, 2, 3, 7, 8, 9});
    auto opened = open_file(files_.write("b", other), {known}, {});
    EXPECT_EQ(opened.ok(), !enough) << other;
    if (!opened.ok()) expect_no_advice_to_count_twice(opened.error().message);
    EXPECT_FALSE(open_file(files_.path("b"), {known}, moved()).ok()) << other;
  }
  EXPECT_TRUE(open_file(files_.write("b", lines({7, 2, 3, 4})), {known}, {}).ok());
  EXPECT_TRUE(open_file(files_.write("b", "\n\n"), {known}, {}).ok()) << "nothing to count";
  // Two that share their first and last 64 KiB but not what lies between are refused.
  const std::string ends = content(70000), one = ends + content(1000) + ends,
                    two = ends + content(1300) + ends;
  const SourcePosition known_long = finish(files_.write("d", one));
  expect_no_advice_to_count_twice(refused(open_file(files_.write("e", two), {known_long}, {})));
}

TEST_F(Identity, AHeaderMakesNoTwoFilesOne) {
  SourceOptions options;
  options.header = true;
  for (const size_t columns : {size_t{3}, size_t{30000}}) {
    std::string header;
    for (size_t c = 0; c < columns; ++c) header += "column" + std::to_string(c) + ";";
    header += "\r\n";
    const auto finish_with_header = [&](const std::string& path) {
      auto source = open_good(open_file(path, {}, options));
      read_all(*source);
      return source->position();
    };
    const SourcePosition empty = finish_with_header(files_.write("empty", header));
    const SourcePosition known = finish_with_header(files_.write("a", header + "1;2\r\n3;4\r\n"));
    const std::string other = files_.write("b", header + "5;6\r\n");
    EXPECT_EQ(read_all(*open_good(open_file(other, {empty, known}, options))), "5;6\r\n");
    const std::string copy = files_.write("c", gzip(header + "1;2\r\n3;4\r\n5;6\r\n"));
    EXPECT_NE(refused(open_file(copy, {empty, known}, options)).find("--moved"), std::string::npos);
    options.moved = true;
    EXPECT_EQ(read_all(*open_good(open_file(copy, {empty, known}, options))), "5;6\r\n");
    options.moved = false;
  }
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
