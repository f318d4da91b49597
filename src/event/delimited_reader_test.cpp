#include "event/delimited_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "event/test_decoder.h"

namespace quipu {
namespace {

// A plan that reads the given columns as properties q0, q1, ...
std::string plan_text(const std::string& input, const std::vector<std::string>& columns) {
  std::string text = "quipu: 1\ninput: {format: delimited" + input +
                     "}\nevent: {tenant: {const: t}, metric: {const: m}, time: /" + columns[0] +
                     "}\nproperties:\n";
  for (size_t i = 0; i < columns.size(); ++i)
    text += "  q" + std::to_string(i) + ": \"/" + columns[i] + "\"\n";
  return text + "count: [{metrics: \"*\", by: [[]]}]\n";
}

class Rig {
 public:
  Rig(const std::string& input, const std::vector<std::string>& columns)
      : registry_(test_registry(plan_text(input, columns))),
        paths_(registry_->plan().parsed),
        reader_(paths_),
        columns_(columns) {}
  Status header(std::string_view line) { return reader_.set_header(line); }
  bool read(const std::string& line) {
    alone_.assign(line.begin(), line.end());
    alone_.shrink_to_fit();
    outcome_ = reader_.read(std::string_view(alone_.data(), alone_.size()));
    return outcome_ == DelimitedReader::Outcome::good;
  }
  const Value& at(size_t column) const {
    const Property& p = registry_->plan().parsed.properties[column];
    return paths_.found.values[paths_.columns[p.column].index];
  }
  // Texts of the planned columns; "?" for a missing one.
  std::vector<std::string> texts(const std::string& line) {
    if (!read(line))
      return {outcome_ == DelimitedReader::Outcome::open_quote ? "open quote"
                                                               : "wrong number of fields"};
    std::vector<std::string> out;
    for (size_t i = 0; i < columns_.size(); ++i)
      out.push_back(at(i).kind == ValueKind::string ? std::string(at(i).text()) : "?");
    return out;
  }

 private:
  const std::unique_ptr<PlanRegistry> registry_;
  PlanPaths paths_;
  DelimitedReader reader_;
  std::vector<std::string> columns_;
  std::vector<char> alone_;
  DelimitedReader::Outcome outcome_ = DelimitedReader::Outcome::good;
};

using Texts = std::vector<std::string>;

TEST(DelimitedReader, ColumnsAreFoundByTheHeadersNamesOrByPlace) {
  Rig rig(", missing_columns: empty", {"user", "time", "2", "9"});
  ASSERT_TRUE(rig.header("time,user,page").ok());
  EXPECT_EQ(rig.texts("t,u,p"), (Texts{"u", "t", "p", "?"}));
  EXPECT_EQ(rig.texts(",,"), (Texts{"", "", "", "?"}));
  ASSERT_TRUE(rig.header("9,2,time,user").ok())
      << "another file, another order; names come before places";
  EXPECT_EQ(rig.texts("a,b,c,d"), (Texts{"d", "c", "b", "a"}));
}

TEST(DelimitedReader, LinesWithAnotherNumberOfFieldsAreRefusedWhereColumnsAreNamed) {
  Rig named("", {"a"});
  ASSERT_TRUE(named.header("a,b").ok());
  EXPECT_FALSE(named.read("1"));
  EXPECT_FALSE(named.read("1,2,3"));
  EXPECT_TRUE(named.read("1,2"));
  Rig listed(", header: no, columns: [a, b]", {"a"});
  EXPECT_FALSE(listed.read("1"));
  EXPECT_TRUE(listed.read("1,2"));
  Rig unnamed(", header: no", {"0"});
  EXPECT_TRUE(unnamed.read("1"));
  EXPECT_TRUE(unnamed.read("1,2,3"));
}

TEST(DelimitedReader, QuotesHoldDelimitersAndDoubledQuotes) {
  Rig rig(", header: no", {"0", "1", "2"});
  EXPECT_EQ(rig.texts(R"("a,b",c,d)"), (Texts{"a,b", "c", "d"}));
  EXPECT_EQ(rig.texts(R"("say ""hi""","",x)"), (Texts{"say \"hi\"", "", "x"}));
  EXPECT_EQ(rig.texts(R"(a"b,c""d, "e")"), (Texts{"a\"b", "c\"\"d", " \"e\""}))
      << "a quote counts at a field's beginning only";
  EXPECT_EQ(rig.texts(R"("a"b,"c" ,d)"), (Texts{"ab", "c ", "d"}));
  EXPECT_EQ(rig.texts(R"(a,"b,c)"), Texts{"open quote"});
  EXPECT_EQ(rig.texts(R"(a,")"), Texts{"open quote"});
  EXPECT_EQ(rig.texts("a,\"b\nc\r\n\",d"), (Texts{"a", "b\nc\r\n", "d"}))
      << "line breaks in quotes are the field's";
  Rig unquoted(", header: no, quote: none", {"0", "1"});
  EXPECT_EQ(unquoted.texts(R"("a,b")"), (Texts{"\"a", "b\""}));
}

TEST(DelimitedReader, WhitespaceIsRunsOfBlanksAndTabs) {
  Rig rig(", header: no, delimiter: whitespace", {"0", "1", "2"});
  EXPECT_EQ(rig.texts("  a \t b\t\tc  "), (Texts{"a", "b", "c"}));
  EXPECT_EQ(rig.texts("a \"b c\" d"), (Texts{"a", "b c", "d"}));
  EXPECT_EQ(rig.texts("00001 19970101  1"), (Texts{"00001", "19970101", "1"}));
  Rig tabs(", header: no, delimiter: \"\\t\"", {"0", "1", "2"});
  EXPECT_EQ(tabs.texts("a\t\tb c"), (Texts{"a", "", "b c"}));
}

TEST(DelimitedReader, AHeaderThatNamesNothingPlannedIsAnError) {
  Rig rig("", {"user", "time"});
  const Status wrong = rig.header("user;time");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("\"user;time\""), std::string::npos)
      << wrong.error().message;
  EXPECT_NE(wrong.error().message.find("delimiter"), std::string::npos) << wrong.error().message;
  Rig places("", {"0", "1"});
  EXPECT_TRUE(places.header("x,y").ok());
}

TEST(DelimitedReader, AHeaderThatLacksAPlannedColumnIsAnErrorThatNamesIt) {
  Rig rig("", {"user", "time", "3"});
  const Status wrong = rig.header("user,when,x");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("lacks what the plan reads: /3, /time (it names"),
            std::string::npos)
      << wrong.error().message;
  EXPECT_NE(wrong.error().message.find("\"when\""), std::string::npos) << wrong.error().message;
  EXPECT_TRUE(rig.header("time,x,user,y").ok()) << "the next file is judged by itself";
  Rig allowed(", missing_columns: empty", {"user", "time"});
  ASSERT_TRUE(allowed.header("user,page").ok());
  EXPECT_EQ(allowed.texts("u,p"), (Texts{"u", "?"}));
  EXPECT_FALSE(allowed.header("a,b").ok()) << "nothing that is planned is no such file";
}

TEST(DelimitedReader, AHeaderNeedsOneOfAlternativesAndNoPropertyThatMayBeMissing) {
  const std::unique_ptr<PlanRegistry> registry = test_registry(
      "quipu: 1\ninput: {format: delimited}\nevent: {tenant: {first: [/a, /b]}, metric: {const: "
      "m}, "
      "time: {join: [/day, /clock]}, id: {first: [/id], else: time_to_second}}\n"
      "properties: {p: {at: /p, missing: skip}, q: {present: /q}}\n"
      "count: [{metrics: \"*\", by: [p]}]\n");
  PlanPaths paths(registry->plan().parsed);
  DelimitedReader reader(paths);
  EXPECT_TRUE(reader.set_header("b,day,clock,q").ok());
  EXPECT_TRUE(reader.set_header("day,clock,q,a").ok());
  for (const auto& [header, lacks] :
       {std::pair("day,clock,q", "/a or /b"), std::pair("a,day,q", "/clock"),
        std::pair("a,clock,q", "/day"), std::pair("a,clock,day,p", "/q")}) {
    const Status status = reader.set_header(header);
    ASSERT_FALSE(status.ok()) << header;
    EXPECT_NE(status.error().message.find(std::string("reads: ") + lacks + " ("), std::string::npos)
        << status.error().message;
  }
}

TEST(DelimitedReader, BlanksAroundNamesAreNoneOfTheirs) {
  Rig rig("", {"user", " time"});
  ASSERT_TRUE(rig.header(" time ,\tuser,page one ").ok());
  EXPECT_EQ(rig.texts(" t , u,p"), (Texts{" u", " t "})) << "values keep theirs";
}

TEST(DelimitedReader, AHeaderHoldsForItsFileAlone) {
  Rig rig("", {"a", "b"});
  ASSERT_TRUE(rig.header("a,b").ok());
  EXPECT_EQ(rig.texts("1,2"), (Texts{"1", "2"}));
  ASSERT_TRUE(rig.header("b,a").ok());
  EXPECT_EQ(rig.texts("1,2"), (Texts{"2", "1"}));
  ASSERT_TRUE(rig.header("").ok());
  EXPECT_EQ(rig.texts("1,2"), (Texts{"?", "?"})) << "no name is left of the file before";
}

TEST(DelimitedReader, AWebServersLogIsReadAsItIs) {
  const std::unique_ptr<PlanRegistry> registry = test_registry(
      "quipu: 1\ninput: {format: combined_log}\nevent: {tenant: {const: t}, metric: /method, time: "
      "/time}\nproperties: {target: /target, path: /path, protocol: /protocol, agent: /agent, "
      "referer: /referer, user: /user, request: /request}\ncount: [{metrics: \"*\", by: [[]]}]\n");
  PlanPaths paths(registry->plan().parsed);
  DelimitedReader reader(paths);
  const auto texts = [&](std::string_view line) -> Texts {
    switch (reader.read(line)) {
      case DelimitedReader::Outcome::field_count:
        return {"wrong number of fields"};
      case DelimitedReader::Outcome::open_quote:
        return {"open quote"};
      default:
        break;
    }
    Texts out{std::string(paths.found.values[paths.metric.indexes[0]].text()),
              std::string(paths.found.values[paths.time].text())};
    for (const Property& p : registry->plan().parsed.properties)
      out.emplace_back(paths.found.values[paths.columns[p.column].index].text());
    return out;
  };
  const std::string begin = "192.0.2.1 - ann [10/Oct/2026:13:55:36 +0200] ";
  const std::string time = "10/Oct/2026:13:55:36 +0200";
  EXPECT_EQ(texts(begin + R"("GET /x/y?z=1 HTTP/1.1" 200 12 "https://a.example/" "Moz \"5\" [x]")"),
            (Texts{"GET", time, "/x/y?z=1", "/x/y", "HTTP/1.1", "Moz \"5\" [x]",
                   "https://a.example/", "ann", "GET /x/y?z=1 HTTP/1.1"}));
  EXPECT_EQ(texts(begin + R"("POST /a b HTTP/2.0" 404 - "-" "-" 0.003 "more")"),
            (Texts{"POST", time, "/a b", "/a b", "HTTP/2.0", "", "", "ann", "POST /a b HTTP/2.0"}))
      << "what follows the agent is not read";
  EXPECT_EQ(texts(begin + R"("-" 408 0)"), (Texts{"", time, "", "", "", "", "", "ann", ""}));
  EXPECT_EQ(texts(begin + R"("\x16\x03" 400 0)"),
            (Texts{"", time, "", "", "", "", "", "ann", "\\x16\\x03"}));
  EXPECT_EQ(texts(begin + R"("GET /" 200)"), Texts{"wrong number of fields"});
  EXPECT_EQ(texts(begin + R"("GET / HTTP/1.1 200 12)"), Texts{"open quote"});
  EXPECT_EQ(texts("a b c [10/Oct"), Texts{"open quote"});
}

TEST(DelimitedReader, TwoColumnsOfOneNameAndBadTextAreFaultsOfPlannedColumns) {
  Rig rig("", {"a", "b"});
  ASSERT_TRUE(rig.header("a,b,b,c,c").ok());
  ASSERT_TRUE(rig.read("1,2,3,\xff,\xff"));
  EXPECT_EQ(rig.at(0).fault, ValueFault::none);
  EXPECT_EQ(rig.at(1).fault, ValueFault::duplicate_key);
  ASSERT_TRUE(rig.read("\xff,2,3,4,5"));
  EXPECT_EQ(rig.at(0).fault, ValueFault::invalid_utf8);
}

TEST(DelimitedReader, GivesBackWhatACarefulWriterWrote) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const char* delimiter : {",", ";", "|", " ", "x"}) {
    Rig rig(std::string(", header: no, delimiter: \"") + delimiter + "\"", {"0", "1", "2", "3"});
    for (int round = 0; round < 300; ++round) {
      Texts fields;
      std::string line;
      for (int f = 0; f < 4; ++f) {
        std::string field;
        for (size_t n = random() % 5; n > 0; --n) field += std::string("ax\",;| ")[random() % 7];
        const bool must_quote =
            field.find(delimiter) != std::string::npos || field.starts_with('"');
        line += f ? delimiter : "";
        if (must_quote || random() % 3 == 0) {
          line += '"';
          for (char c : field) line += c == '"' ? "\"\"" : std::string(1, c);
          line += '"';
        } else {
          line += field;
        }
        fields.push_back(field);
      }
      ASSERT_EQ(rig.texts(line), fields) << line;
    }
  }
}

}  // namespace
}  // namespace quipu
