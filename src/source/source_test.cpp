#include "source/source.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "source/fingerprint.h"
#include "source/scratch_files.h"

namespace quipu {
namespace {

TEST(Source, EveryByteIsGivenOnceInWholeLinesWhateverTheFormatAndTheRestarts) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ScratchFiles files;
  for (int round = 0; round < 25 && !testing::Test::HasFailure(); ++round) {
    const size_t size = round % 4 == 0 ? rng() % 500 : rng() % 400000;
    const std::string content = random_lines(rng, size, rng() % 3 > 0);
    // Members or frames of any size, empty ones too.
    std::string stored;
    const int format = int(rng() % 3);
    for (size_t at = 0; at < content.size() || stored.empty();) {
      const size_t n =
          std::min(content.size() - at, rng() % 5 == 0 ? 0 : 1 + size_t(rng() % 200000));
      const std::string_view part = std::string_view(content).substr(at, n);
      stored += format == 0 ? std::string(part) : format == 1 ? gzip(part) : zstd(part);
      at += n;
      if (content.empty()) break;
    }
    if (format == 1 && rng() % 3 == 0)
      stored += std::string(rng() % 2000, '\0');  // padded, as on tapes
    const std::string path = files.write("f" + std::to_string(round), stored);
    SourceOptions options;
    options.block_bytes = rng() % 3 == 0 ? 1 + rng() % 200 : 1 + rng() % 100000;
    SCOPED_TRACE(testing::Message() << "round " << round << " format " << format << " size "
                                    << content.size() << " block " << options.block_bytes);

    std::vector<SourcePosition> known;
    std::string given;
    uint64_t lines = 0;
    for (int restart = 0;; ++restart) {
      ASSERT_LT(restart, 1000);
      auto source = open_good(open_file(path, known, options));
      ASSERT_TRUE(source);
      bool ended = false;
      for (uint64_t n = rng() % 3 == 0 ? ~uint64_t{0} : 1 + rng() % 50; n > 0; --n) {
        auto block = source->next();
        ASSERT_TRUE(block.ok()) << block.error().message;
        if (block->text.empty()) {
          ended = true;
          break;
        }
        ASSERT_EQ(block->offset, given.size());
        ASSERT_EQ(block->first_line, lines + 1);
        ASSERT_FALSE(block->truncated_line);
        for (size_t i = 0; i < kBlockPadding; ++i)
          ASSERT_LT(block->text.data() + block->text.size() + i,
                    block->buffer->data() + block->buffer->size());
        ASSERT_EQ(block->text, std::string_view(content).substr(given.size(), block->text.size()));
        lines += uint64_t(std::count(block->text.begin(), block->text.end(), '\n'));
        given += block->text;
        ASSERT_TRUE(given.back() == '\n' || given.size() == content.size());
        lines += given.back() != '\n';
        const SourcePosition p = source->position();
        ASSERT_EQ(p.bytes, given.size());
        ASSERT_EQ(p.lines, lines);
        ASSERT_EQ(p.open_line, given.back() != '\n');
        ASSERT_FALSE(p.finished);
        ASSERT_EQ(p.path, path);
      }
      std::string bytes;
      encode_position(source->position(), bytes);
      auto position = decode_position(bytes);
      ASSERT_TRUE(position.ok());
      if (ended) {
        ASSERT_TRUE(position->finished);
        break;
      }
      known = {*position};
    }
    ASSERT_EQ(given.size(), content.size());
  }
}

TEST(Source, FilesOfTheGzipAndZstdProgramsAreRead) {
  if (std::system("gzip --version >/dev/null 2>&1") != 0 ||
      std::system("zstd --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no gzip or zstd program here";
  }
  std::mt19937_64 rng(7);
  ScratchFiles files;
  const std::string content = random_lines(rng, 1 << 20);
  const std::string path = files.write("lines", content);
  for (const char* command : {"gzip -c -1", "gzip -c -9", "zstd -q -c", "zstd -q -c -19 --check",
                              "zstd -q -c --long=27"}) {
    const std::string to = files.path("compressed");
    ASSERT_EQ(std::system((std::string(command) + " " + path + " >" + to).c_str()), 0);
    ASSERT_EQ(std::system((std::string(command) + " " + path + " >>" + to).c_str()), 0);
    auto source = open_good(open_file(to, {}, {}));
    EXPECT_EQ(read_all(*source), content + content) << command;
    EXPECT_EQ(source->bytes_read(), std::filesystem::file_size(to));
    EXPECT_EQ(source->bytes_total(), std::filesystem::file_size(to));
  }
}

TEST(Source, AFileThatGrewContinuesAtItsOldEnd) {
  std::mt19937_64 rng(1);
  for (const bool compressed : {false, true}) {
    ScratchFiles files;
    const std::string one = random_lines(rng, 300000), two = random_lines(rng, 1000);
    const std::string path = files.write("log", compressed ? gzip(one) : one);
    auto source = open_good(open_file(path, {}, {}));
    EXPECT_EQ(read_all(*source), one);
    EXPECT_TRUE(source->position().finished);
    files.append("log", compressed ? gzip(two) : two);
    auto again = open_good(open_file(path, {source->position()}, {}));
    EXPECT_FALSE(again->position().bytes == 0);
    auto block = again->next();
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block->text, two);
    EXPECT_EQ(block->offset, one.size());
    EXPECT_EQ(block->first_line, uint64_t(std::count(one.begin(), one.end(), '\n')) + 1);
    EXPECT_TRUE(again->next()->text.empty());
    auto nothing = open_good(open_file(path, {again->position()}, {}));
    EXPECT_TRUE(nothing->next()->text.empty());
    EXPECT_TRUE(nothing->position().finished);
  }
}

TEST(Source, AnOpenLastLineMayOnlyGetItsNewline) {
  ScratchFiles files;
  const std::string path = files.write("log", "one\ntwo");
  auto source = open_good(open_file(path, {}, {}));
  EXPECT_EQ(read_all(*source), "one\ntwo");
  const SourcePosition open = source->position();
  EXPECT_TRUE(open.open_line);
  EXPECT_EQ(open.lines, 2u);

  for (const char* rest : {"", "\r"}) {  // nothing yet
    files.write("log", std::string("one\ntwo") + rest);
    auto same = open_good(open_file(path, {open}, {}));
    EXPECT_TRUE(same->next()->text.empty());
    EXPECT_EQ(same->position().bytes, open.bytes);
  }
  for (const char* rest : {"\n", "\r\n"}) {
    files.write("log", std::string("one\ntwo") + rest);
    auto closed = open_good(open_file(path, {open}, {}));
    EXPECT_TRUE(closed->next()->text.empty());
    files.append("log", "three\n");
    auto grown = open_good(open_file(path, {open}, {}));
    auto block = grown->next();
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block->text, "three\n");
    EXPECT_EQ(block->first_line, 3u);
    EXPECT_EQ(grown->position().lines, 3u);
    EXPECT_FALSE(grown->position().open_line);
    EXPECT_EQ(grown->position().bytes, std::filesystem::file_size(path));
    EXPECT_TRUE(open_good(open_file(path, {grown->position()}, {}))->next()->text.empty());
  }
  files.write("log", "one\ntwo and more\nthree\n");
  EXPECT_NE(refused(open_file(path, {open}, {})).find("turned out longer"), std::string::npos);
  files.write("log", "one\ntwo\rx\n");
  EXPECT_NE(refused(open_file(path, {open}, {})).find("turned out longer"), std::string::npos);
}

TEST(Source, ALineTooLongIsGivenByItsHeadAlone) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ScratchFiles files;
  for (int round = 0; round < 60 && !testing::Test::HasFailure(); ++round) {
    SourceOptions options;
    options.max_line_bytes = 1 + rng() % 300;
    options.block_bytes = 1 + rng() % 1000;
    std::vector<std::string> lines;
    std::string content;
    for (int n = int(rng() % 30); n >= 0; --n) {
      const size_t most = options.max_line_bytes;
      const size_t length = rng() % 3 == 0   ? most + rng() % 3 - 1
                            : rng() % 6 == 0 ? most + rng() % 200000
                                             : rng() % (most + 1);
      lines.push_back(std::string(length, char('a' + n % 26)));
      content += lines.back() + "\n";
    }
    if (rng() % 2 == 0) {
      content.pop_back();
      if (lines.back().empty()) lines.pop_back();
    }
    if (content.empty()) continue;
    const bool compressed = rng() % 2 == 0;
    const std::string path =
        files.write("f" + std::to_string(round), compressed ? zstd(content) : content);
    SCOPED_TRACE(testing::Message() << "round " << round << " max " << options.max_line_bytes
                                    << " block " << options.block_bytes);
    std::vector<SourcePosition> known;
    size_t line = 0;
    bool ended = false;
    while (!ended) {
      auto source = open_good(open_file(path, known, options));
      ASSERT_TRUE(source);
      for (uint64_t n = 1 + rng() % 5; n > 0 && !ended; --n) {
        auto block = source->next();
        ASSERT_TRUE(block.ok());
        ended = block->text.empty();
        if (ended) break;
        ASSERT_EQ(block->first_line, line + 1);
        if (block->truncated_line) {
          ASSERT_LT(line, lines.size());
          ASSERT_GT(lines[line].size(), options.max_line_bytes);
          ASSERT_EQ(block->text, lines[line].substr(0, options.max_line_bytes));
          ++line;
        } else {
          std::string_view rest = block->text;
          while (!rest.empty()) {
            const size_t end = std::min(rest.find('\n'), rest.size());
            ASSERT_LT(line, lines.size());
            ASSERT_EQ(rest.substr(0, end), lines[line]);
            ASSERT_LE(end, options.max_line_bytes);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            ++line;
          }
        }
        ASSERT_EQ(source->position().lines, line);
      }
      known = {source->position()};
    }
    ASSERT_EQ(line, lines.size());
    ASSERT_EQ(known[0].bytes, content.size());
    ASSERT_EQ(known[0].open_line, content.back() != '\n');
  }
}

TEST(Source, TheHeaderIsTheFirstLineAndNoBlockHoldsIt) {
  ScratchFiles files;
  SourceOptions options;
  options.header = true;
  options.block_bytes = 10;
  const std::string content = "a,b,c\r\n1,2,3\n4,5,6\n";
  for (const bool compressed : {false, true}) {
    const std::string path = files.write("csv", compressed ? gzip(content) : content);
    auto source = open_good(open_file(path, {}, options));
    EXPECT_EQ(source->header(), "a,b,c");
    auto block = source->next();
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block->text, "1,2,3\n");
    EXPECT_EQ(block->first_line, 2u);
    EXPECT_EQ(block->offset, 7u);
    EXPECT_EQ(source->position().lines, 2u);
    EXPECT_EQ(source->position().bytes, 13u);
    auto resumed = open_good(open_file(path, {source->position()}, options));
    EXPECT_EQ(resumed->header(), "a,b,c");
    EXPECT_EQ(read_all(*resumed), "4,5,6\n");
    EXPECT_EQ(resumed->position().lines, 3u);
  }
  for (const char* only : {"", "a,b", "a,b\n"}) {
    const std::string path = files.write("csv", only);
    auto source = open_good(open_file(path, {}, options));
    EXPECT_EQ(source->header(), std::string_view(only).substr(0, 3));
    EXPECT_TRUE(source->next()->text.empty());
    EXPECT_EQ(source->position().bytes, 0u);
  }
  const std::string wide = "a" + std::string(20000, 'b') + "\nrow\n";
  auto source = open_good(open_file(files.write("csv", wide), {}, options));
  EXPECT_EQ(source->header(), wide.substr(0, 20001));
  EXPECT_EQ(read_all(*source), "row\n");
  options.max_line_bytes = 1000;
  EXPECT_NE(refused(open_file(files.path("csv"), {}, options)).find("header"), std::string::npos);
}

TEST(Source, DamagedCompressedFilesGiveAnErrorAndNothingWrong) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  ScratchFiles files;
  SourceOptions options;
  options.block_bytes = 5000;
  const std::string content = random_lines(rng, 100000);
  for (int round = 0; round < 90 && !testing::Test::HasFailure(); ++round) {
    const bool is_gzip = round % 2 == 0;
    const std::string whole = is_gzip ? gzip(content) : zstd(content);
    std::string damaged = whole;
    const int kind = int(rng() % 3);
    if (kind == 0) damaged.resize(5 + rng() % (whole.size() - 5));
    if (kind == 1) damaged += "garbage";
    if (kind == 2) {
      // zstd without a checksum does not notice every flip; what it notices must be an error.
      damaged[10 + rng() % (whole.size() - 10)] ^= char(1 << rng() % 8);
    }
    SCOPED_TRACE(testing::Message() << "round " << round << " kind " << kind);
    const std::string path = files.write("d" + std::to_string(round), damaged);
    auto source = open_good(open_file(path, {}, options));
    ASSERT_TRUE(source);
    std::string given, error;
    while (true) {
      auto block = source->next();
      if (!block.ok()) {
        error = block.error().message;
        break;
      }
      if (block->text.empty()) break;
      given += block->text;
    }
    if (is_gzip || kind != 2) {
      ASSERT_FALSE(error.empty());
      if (kind < 2) {
        ASSERT_EQ(given, content.substr(0, given.size()));
      }
    }
    if (error.empty()) continue;
    EXPECT_NE(error.find(path), std::string::npos);
    EXPECT_NE(error.find("at byte "), std::string::npos);
    EXPECT_EQ(source->position().bytes, given.size());
    EXPECT_FALSE(source->position().finished);
    // What was given is a position to go on from, once the file is whole.
    if (kind < 2 && !given.empty()) {
      files.write("d" + std::to_string(round), whole);
      auto mended = open_good(open_file(path, {source->position()}, options));
      ASSERT_TRUE(mended);
      EXPECT_EQ(given + read_all(*mended), content);
    }
  }
}

TEST(Source, WhatIsNoFileIsRefusedWithAdvice) {
  ScratchFiles files;
  EXPECT_NE(refused(open_file(files.path("missing"), {}, {})).find("missing"), std::string::npos);
  EXPECT_NE(refused(open_file(files.path(""), {}, {})).find("a folder"), std::string::npos);
  ASSERT_EQ(::mkfifo(files.path("pipe").c_str(), 0600), 0);
  EXPECT_NE(refused(open_file(files.path("pipe"), {}, {})).find("--as"), std::string::npos);
}

TEST(Position, StoredBytesAreReadBackAndDamageIsNoticed) {
  SourcePosition p;
  p.path = "/data/ä.jsonl";
  p.bytes = ~uint64_t{0};
  p.lines = 12345678901;
  p.first = {1, 2};
  p.last = {~uint64_t{0}, 4};
  p.open_line = true;
  p.content = 300;
  p.round = 7;
  p.beginnings = {{5, 6}, {7, ~uint64_t{0}}};
  std::string bytes;
  encode_position(p, bytes);
  auto back = decode_position(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->path, p.path);
  EXPECT_EQ(back->bytes, p.bytes);
  EXPECT_EQ(back->lines, p.lines);
  EXPECT_EQ(back->first, p.first);
  EXPECT_EQ(back->last, p.last);
  EXPECT_EQ(back->content, p.content);
  EXPECT_EQ(back->round, p.round);
  EXPECT_EQ(back->beginnings, p.beginnings);
  EXPECT_TRUE(back->open_line);
  EXPECT_FALSE(back->finished);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_position(std::string_view(bytes).substr(0, cut)).ok());
  EXPECT_FALSE(decode_position(bytes + "x").ok());
  bytes[bytes.size() - 37] = char(0x80);  // flags stand before content, round and beginnings
  EXPECT_FALSE(decode_position(bytes).ok());
  bytes[0] = 9;
  EXPECT_NE(decode_position(bytes).error().message.find("version 9"), std::string::npos);
}

TEST(Fingerprint, IsOfTheFirstAndLast64KiBHoweverTheBytesCame) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 rng(seed);
  for (int round = 0; round < 30; ++round) {
    const std::string content = random_lines(rng, rng() % 300000);
    Fingerprint pieces, first, last;
    for (size_t at = 0; at < content.size();) {
      const size_t n = rng() % 4 == 0 ? rng() % 150000 : rng() % 5000;
      pieces.add(std::string_view(content).substr(at, n));
      at += std::min(n, content.size() - at);
    }
    const std::string head = content.substr(0, kFingerprintBytes);
    const std::string tail = content.substr(content.size() - head.size());
    first.add(head);
    last.add(tail);
    EXPECT_EQ(pieces.bytes(), content.size());
    EXPECT_EQ(pieces.first(), first.first());
    EXPECT_EQ(pieces.last(), last.first());
    Fingerprint jumped;
    jumped.jump(content.size(), head, tail);
    jumped.add("more");
    pieces.add("more");
    EXPECT_EQ(jumped.last(), pieces.last());
    if (!content.empty()) {
      std::string changed = content;
      changed[0] ^= 1;
      Fingerprint other;
      other.add(changed);
      other.add("more");
      EXPECT_NE(other.first(), pieces.first());
      EXPECT_EQ(other.last() == pieces.last(), content.size() + 4 > kFingerprintBytes);
    }
  }
  EXPECT_EQ(Fingerprint().first(), Hash128{});
}

}  // namespace
}  // namespace quipu
