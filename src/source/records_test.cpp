// Text as it comes: records over several lines, ends of lines, byte order marks, last lines that
// may still grow, and what is no text.
#include <gtest/gtest.h>

#include "source/record_scanner.h"
#include "source/scratch_files.h"
#include "source/source.h"

namespace quipu {
namespace {

struct Given {
  std::string text;
  uint64_t line, offset;
  bool operator==(const Given& o) const {
    return text == o.text && line == o.line && offset == o.offset;
  }
};
void PrintTo(const Given& g, std::ostream* out) {
  *out << g.line << " at " << g.offset << ": " << testing::PrintToString(g.text);
}

SourceOptions quoted(size_t block_bytes = 7, size_t max_line_bytes = 1 << 20) {
  SourceOptions options;
  options.records.json = false;
  options.records.quote = '"';
  options.block_bytes = block_bytes;
  options.max_line_bytes = max_line_bytes;
  return options;
}

std::vector<Given> records_of(Source& source, size_t most_blocks = ~size_t{0}) {
  std::vector<Given> out;
  for (size_t i = 0; i < most_blocks; ++i) {
    auto block = source.next();
    EXPECT_TRUE(block.ok()) << block.error().message;
    if (!block.ok() || block->text.empty()) break;
    for (BlockRecords records(*block); records.next();) {
      const std::string cut = block->truncated_line ? " (cut)" : "";
      out.push_back({std::string(records.text()) + cut, records.line(), records.offset()});
    }
  }
  return out;
}

class Records : public testing::Test {
 protected:
  std::vector<Given> all(const std::string& content, const SourceOptions& options) {
    auto source = open_good(open_file(files_.write("f", content), {}, options));
    std::vector<Given> out = records_of(*source);
    left_ = source->unfinished();
    position_ = source->position();
    return out;
  }
  ScratchFiles files_;
  Unfinished left_;
  SourcePosition position_;
};

TEST_F(Records, LineBreaksWithinQuotesBelongToTheirRecordWhereverBlocksAreCut) {
  const std::string content = "a,\"b\nc\",d\n\"\"\"\n\n\",x\ny\"z,\"\"\n\"\n\"";
  const std::vector<Given> right = {
      {"a,\"b\nc\",d", 1, 0}, {"\"\"\"\n\n\",x", 3, 10}, {"y\"z,\"\"", 6, 19}, {"\"\n\"", 7, 26}};
  for (size_t block_bytes = 1; block_bytes < 40; ++block_bytes)
    EXPECT_EQ(all(content, quoted(block_bytes)), right) << block_bytes;
  EXPECT_EQ(position_.lines, 8u);
  EXPECT_EQ(position_.bytes, content.size());
}

TEST_F(Records, AQuoteThatIsNotClosedWithinTheLimitSpoilsItsLineAlone) {
  const std::string rows = "1,a\n2,b\n3,c\n";
  const std::string content =
      "x,y\n\"p\nq\",\"open\n" + rows + std::string(60, 'z') + "\n\"late\"\n";
  for (size_t block_bytes : {1, 5, 30, 1000}) {
    const std::vector<Given> got = all(content, quoted(block_bytes, 64));
    ASSERT_EQ(got.size(), 7u) << block_bytes;
    EXPECT_EQ(got[1], (Given{"\"p\nq\",\"open", 2, 4}))
        << "the record ends with the line that opened the quote";
    EXPECT_EQ(got[2], (Given{"1,a", 4, 16}));
    EXPECT_EQ(got[6].text, "\"late\"");
  }
}

TEST_F(Records, AnOpenQuoteAtTheEndOfACompleteInputSpoilsItsLineAlone) {
  EXPECT_EQ(all("x,\"open\n1,a\n2,\"open\n3,c", quoted()),
            (std::vector<Given>{{"x,\"open\n1,a\n2,\"open", 1, 0}, {"3,c", 4, 20}}))
      << "the second quote closes the first";
  EXPECT_EQ(
      all("x,y\nx,\"open\n1,a\n2,b", quoted()),
      (std::vector<Given>{{"x,y", 1, 0}, {"x,\"open", 2, 4}, {"1,a", 3, 12}, {"2,b", 4, 16}}));
  EXPECT_EQ(left_.bytes, 0u);
}

TEST_F(Records, WhatMayStillGrowIsLeft) {
  SourceOptions growing = quoted();
  growing.complete = false;
  EXPECT_EQ(all("x,y\n1,2", growing), (std::vector<Given>{{"x,y", 1, 0}}));
  EXPECT_EQ(left_.bytes, 3u);
  EXPECT_EQ(left_.line, 2u);
  EXPECT_FALSE(left_.open_quote);
  EXPECT_EQ(position_.bytes, 4u);
  EXPECT_TRUE(position_.finished);
  EXPECT_EQ(all("x,y\n1,\"2\n3,4\n", growing), (std::vector<Given>{{"x,y", 1, 0}}));
  EXPECT_EQ(left_.bytes, 9u);
  EXPECT_TRUE(left_.open_quote);
  EXPECT_EQ(all("x,y\n \r", growing), (std::vector<Given>{{"x,y", 1, 0}}));
  EXPECT_EQ(left_.bytes, 0u) << "blanks are worth no word";
  growing = SourceOptions();
  growing.complete = false;
  for (const char* open : {"{\"a\":1", "{\"a\":\"}", "{\"a\":\"\\\"}", "12", "{}x", "[]", "{{}"}) {
    EXPECT_TRUE(all(open, growing).empty()) << open;
    EXPECT_EQ(left_.bytes, std::string_view(open).size());
  }
  for (const char* closed : {"{}", " {\"a\":[{\"b\":\"}\\\"\\\\\"}]} \t", "{\"a\":01}"}) {
    EXPECT_EQ(all(closed, growing), (std::vector<Given>{{closed, 1, 0}}));
    EXPECT_EQ(left_.bytes, 0u);
    EXPECT_TRUE(position_.open_line);
  }
}

TEST_F(Records, ALineTooLongThatHasNoEndYetIsLeft) {
  SourceOptions growing;
  growing.complete = false;
  growing.max_line_bytes = 100;
  growing.block_bytes = 10;
  const std::string begin = "{}\n" + std::string(250, 'x');
  EXPECT_EQ(all(begin, growing), (std::vector<Given>{{"{}", 1, 0}}));
  EXPECT_EQ(left_.bytes, 250u);
  EXPECT_EQ(position_.bytes, 3u);
  EXPECT_EQ(
      all(begin + "\n{}\n", growing),
      (std::vector<Given>{{"{}", 1, 0}, {std::string(100, 'x') + " (cut)", 2, 3}, {"{}", 3, 254}}));
}

TEST_F(Records, WhatACompressedInputEndsWithIsWhole) {
  SourceOptions growing = quoted();
  growing.complete = false;
  for (const std::string& content : {gzip("x,y\n1,2"), zstd("x,y\n1,2")})
    EXPECT_EQ(all(content, growing), (std::vector<Given>{{"x,y", 1, 0}, {"1,2", 2, 4}}));
}

TEST_F(Records, AByteOrderMarkIsReadOver) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(all(mark + "{}\n{}\n", {}), (std::vector<Given>{{"{}", 1, 3}, {"{}", 2, 6}}));
  SourceOptions options = quoted();
  options.header = true;
  auto source = open_good(
      open_file(files_.write("csv", mark + "\r\n \r\na,\"b\nc\"\r\n1,2\r\n3,4\r\n"), {}, options));
  EXPECT_EQ(source->header(), "a,\"b\nc\"") << "the first line that is not blank, with its quotes";
  EXPECT_EQ(records_of(*source, 1), (std::vector<Given>{{"1,2\r", 5, 17}}));
  auto again = open_good(open_file(files_.path("csv"), {source->position()}, options));
  EXPECT_EQ(again->header(), "a,\"b\nc\"");
  EXPECT_EQ(records_of(*again), (std::vector<Given>{{"3,4\r", 6, 22}}));
}

TEST_F(Records, LinesThatEndWithCarriageReturnsAloneAreLines) {
  for (size_t block_bytes : {1, 4, 100}) {
    EXPECT_EQ(all("a,b\r1,\"2\r3\"\r4,5\r", quoted(block_bytes)),
              (std::vector<Given>{{"a,b", 1, 0}, {"1,\"2\n3\"", 2, 4}, {"4,5", 4, 12}}));
    EXPECT_EQ(all("a,b\r\n1,2\r3\n", quoted(block_bytes)),
              (std::vector<Given>{{"a,b\r", 1, 0}, {"1,2\r3", 2, 5}}))
        << "the first line says how lines end";
  }
  SourceOptions growing = quoted();
  growing.complete = false;
  EXPECT_TRUE(all("a,b\r", growing).empty()) << "it may be half of CR LF";
}

TEST_F(Records, WhatIsNoTextIsNamed) {
  using namespace std::string_literals;
  for (const auto& [content, name] : std::vector<std::pair<std::string, std::string>>{
           {"PAR1\x15\x04\x15"s, "Parquet"},
           {"PK\x03\x04\x14\0"s, "zip"},
           {"\xFF\xFE{\0\"\0"s, "UTF-16"},
           {"\xFE\xFF\0{\0\""s, "UTF-16"},
           {"{\0\"\0a\0\"\0:\0"s, "UTF-16"},
           {"\0{\0\"\0a\0\""s, "UTF-16"},
           {"\xFF\xFE\0\0{\0\0\0"s, "UTF-32"},
           {"SQLite format 3\0"s, "SQLite"},
           {"BZh91AY&SY\x01"s, "bzip2"},
           {gzip(gzip("{}\n")), "twice"},
           {"a"s + std::string(256, '\0') + "ustar\0"s, "tar"}}) {
    const std::string message = refused(open_file(files_.write("f", content), {}, {}));
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_NE(message.find("/f: is "), std::string::npos) << message;
  }
  for (const char* text : {"PAR1,PAR2\n", "ORCID,name\n", "BZh,a\n", "{}\n", ""})
    EXPECT_TRUE(open_file(files_.write("f", text), {}, {}).ok()) << text;
}

}  // namespace
}  // namespace quipu
