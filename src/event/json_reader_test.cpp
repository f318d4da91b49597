#include "event/json_reader.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "event/decode.h"
#include "event/plan_paths.h"

namespace quipu {
namespace {

using Outcome = JsonReader::Outcome;

std::vector<std::string> tokens(const std::string& path) {
  std::vector<std::string> out;
  for (char c : path) {
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

// A reader of some paths; `walks` are of the form {array path, path within an element}.
class Rig {
 public:
  explicit Rig(const std::vector<std::string>& paths,
               const std::vector<std::pair<std::string, std::string>>& walks = {}) {
    for (const std::string& path : paths) index_of_[path] = trie_.add_path(tokens(path));
    for (const auto& [array, rest] : walks)
      walk_of_[array + "/*" + rest] = trie_.add_walk(tokens(array), tokens(rest));
    trie_.finish(found_);
    reader_ = std::make_unique<JsonReader>(trie_, found_);
  }
  Outcome read(const std::string& line) {
    const std::vector<char> alone(line.begin(), line.end());
    return reader_->read(std::string_view(alone.data(), alone.size()));
  }
  const Value& at(const std::string& path) const { return found_.values[index_of_.at(path)]; }
  std::vector<Value> each(const std::string& path) const {
    const PathTrie::WalkValue& where = walk_of_.at(path);
    const PlannedValues::Walk& walk = found_.walks[where.walk];
    std::vector<Value> out;
    for (size_t i = where.position; i < walk.values.size(); i += walk.width)
      out.push_back(walk.values[i]);
    return out;
  }
  uint32_t array_size(const std::string& path) const {
    return found_.values[walk_of_.at(path).array].size;
  }
  const JsonReader& reader() const { return *reader_; }

 private:
  PathTrie trie_;
  PlannedValues found_;
  std::map<std::string, uint32_t> index_of_;
  std::map<std::string, PathTrie::WalkValue> walk_of_;
  std::unique_ptr<JsonReader> reader_;
};

TEST(JsonReader, TakesWhatRfc8259Allows) {
  Rig rig({"/a"});
  for (const char* line :
       {"{}", " {\t} ", R"({"a":1})", R"({"a" : [ ] , "b":{ }})",
        R"({"a":-0.5e+10,"b":0,"c":-0,"d":1E5})",
        R"({"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\uD83D\uDE00"})", R"({"a":true,"b":false,"c":null})",
        R"({"":{"":[[],{}]}})", R"({"a":1,"a":2})", "{\"a\":\"\x7f\xc3\xa9\"}",
        "{\"\xff\":\"\xff\"}", R"({"x":"\ud800"})"}) {
    EXPECT_EQ(rig.read(line), Outcome::good) << line << ": " << rig.reader().error();
  }
}

TEST(JsonReader, RefusesEverythingElseWhereverItStands) {
  Rig rig({"/a"});
  const std::vector<std::string> bad_values = {"",
                                               "tru",
                                               "nul",
                                               "falsy",
                                               "True",
                                               "01",
                                               "-",
                                               "-a",
                                               "1.",
                                               ".5",
                                               "1e",
                                               "1e+",
                                               "+1",
                                               "0x1",
                                               "NaN",
                                               "Infinity",
                                               "1 2",
                                               "\"",
                                               "\"a",
                                               "'a'",
                                               "\"\\q\"",
                                               "\"\\u12g4\"",
                                               "\"\\u12\"",
                                               "\"\\",
                                               "\"\x01\"",
                                               "\"\n\"",
                                               "[",
                                               "]",
                                               "[1",
                                               "[1,",
                                               "[1,]",
                                               "[,1]",
                                               "[1 2]",
                                               "{",
                                               "{]",
                                               "[}",
                                               "{\"a\"}",
                                               "{\"a\":}",
                                               "{\"a\":1,}",
                                               "{,}",
                                               "{a:1}",
                                               "{\"a\":1 \"b\":2}",
                                               "{\"a\" 1}",
                                               "1,",
                                               "\xff",
                                               "/**/1",
                                               std::string("\0", 1),
                                               std::string("1\0", 2),
                                               std::string("\"\0\"", 3)};
  for (const std::string& value : bad_values) {
    for (const std::string& line : {"{\"a\":" + value + "}", "{\"z\":" + value + "}",
                                    "{\"z\":[" + value + "]}", "{\"a\":{\"a\":" + value + "}}"})
      if (!(value.empty() && line.find("[]") != std::string::npos)) {
        EXPECT_EQ(rig.read(line), Outcome::not_json) << line;
      }
  }
  for (const std::string& line :
       {std::string(), std::string("1"), std::string("[]"), std::string("\"a\""),
        std::string("null"), std::string("{}{}"), std::string("{} x"), std::string("{}\0", 3),
        std::string("\xEF\xBB\xBF{}")}) {
    EXPECT_EQ(rig.read(line), Outcome::not_json) << line;
  }
}

TEST(JsonReader, NestingBeyondTheLimitIsTooDeepUnlessAFaultComesFirst) {
  Rig rig({"/a"});
  for (const char* key : {"a", "z"}) {
    auto nested = [&](int depth, const std::string& inside) {  // depth counts the outer object
      return std::string("{\"") + key + "\":" + std::string(size_t(depth - 1), '[') + inside +
             std::string(size_t(depth - 1), ']') + "}";
    };
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth, "1")), Outcome::good);
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth + 1, "1")), Outcome::too_deep);
    EXPECT_EQ(rig.read(nested(kMaxJsonDepth, "{}")), Outcome::too_deep);
    EXPECT_EQ(rig.read("{\"b\":tru," + nested(100, "1").substr(1)), Outcome::not_json);
    EXPECT_EQ(rig.read(nested(100, "tru")), Outcome::too_deep);
  }
  EXPECT_EQ(rig.read("{\"a\":" + std::string(1000000, '[')), Outcome::too_deep);
}

TEST(JsonReader, GivesNumbersAsSpelledAndStringsUnescaped) {
  Rig rig({"/n", "/s", "/t", "/f", "/z", "/missing", "/o", "/o/x"});
  ASSERT_EQ(rig.read(R"({"n":1.50e+3,"s":"\u0000a\u00e9\ud83d\ude00\/","t":true,"f":false,)"
                     R"("z":null,"o":{"x":""}})"),
            Outcome::good);
  EXPECT_EQ(rig.at("/n").text(), "1.50e+3");
  EXPECT_EQ(rig.at("/n").kind, ValueKind::number);
  EXPECT_EQ(rig.at("/s").text(), std::string_view("\0a\xc3\xa9\xf0\x9f\x98\x80/", 9));
  EXPECT_EQ(rig.at("/t").text(), "true");
  EXPECT_EQ(rig.at("/f").text(), "false");
  EXPECT_EQ(rig.at("/z").kind, ValueKind::null);
  EXPECT_EQ(rig.at("/missing").kind, ValueKind::missing);
  EXPECT_EQ(rig.at("/o").kind, ValueKind::object);
  EXPECT_EQ(rig.at("/o/x").kind, ValueKind::string);
  EXPECT_EQ(rig.at("/o/x").size, 0u);
  ASSERT_EQ(rig.read("{}"), Outcome::good);
  EXPECT_EQ(rig.at("/n").kind, ValueKind::missing) << "nothing stays of the line before";
}

TEST(JsonReader, KeysAreComparedUnescapedInAnyOrder) {
  Rig rig({"/tenant", "/a long key of many bytes", "/qu\"ote", "/\xc3\xa9", "/"});
  const std::vector<std::string> members = {R"("t\u0065nant":1)",
                                            R"("a long key of many byte\u0073":2)",
                                            R"("qu\"ote":3)",
                                            R"("\u00e9":4)",
                                            R"("":5)",
                                            R"("tenan":9)",
                                            R"("tenant2":9)",
                                            R"("a long key of many bytez":9)"};
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5, 6, 7};
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    std::string line;
    for (size_t i : order) line += (line.empty() ? "{" : ",") + members[i];
    ASSERT_EQ(rig.read(line + "}"), Outcome::good);
    EXPECT_EQ(rig.at("/tenant").text(), "1");
    EXPECT_EQ(rig.at("/a long key of many bytes").text(), "2");
    EXPECT_EQ(rig.at("/qu\"ote").text(), "3");
    EXPECT_EQ(rig.at("/\xc3\xa9").text(), "4");
    EXPECT_EQ(rig.at("/").text(), "5");
  }
}

TEST(JsonReader, AKeyTwiceMarksExactlyThePathsThroughIt) {
  Rig rig({"/a/x", "/a/y", "/b"}, {{"/items", "/sku"}, {"/items", "/color"}});
  auto faults = [&](const std::string& line) {
    EXPECT_EQ(rig.read(line), Outcome::good) << line;
    std::string out;
    for (const char* path : {"/a/x", "/a/y", "/b"})
      out += rig.at(path).fault == ValueFault::duplicate_key ? 'd' : '-';
    return out;
  };
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2},"b":3,"z":1,"z":2})"), "---");
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2},"b":3,"a":0})"), "dd-");
  EXPECT_EQ(faults(R"({"a":0,"b":3,"\u0061":{"x":1}})"), "dd-");
  EXPECT_EQ(faults(R"({"a":{"x":1,"y":2,"x":1},"b":3})"), "d--");
  EXPECT_EQ(faults(R"({"a":{"z":1,"z":2},"b":3,"b":null})"), "--d");
  EXPECT_EQ(faults(R"({"z":{"b":1,"b":2},"b":3})"), "---");
  EXPECT_EQ(faults(R"({"z":[{"b":1},{"b":2}],"b":3})"), "---");

  ASSERT_EQ(
      rig.read(
          R"({"items":[{"sku":1,"color":2},{"sku":1,"color":2,"sku":3},{"sku":4,"z":1,"z":1}]})"),
      Outcome::good);
  const std::vector<Value> skus = rig.each("/items/*/sku"), colors = rig.each("/items/*/color");
  ASSERT_EQ(skus.size(), 3u);
  EXPECT_EQ(skus[0].fault, ValueFault::none);
  EXPECT_EQ(skus[1].fault, ValueFault::duplicate_key);
  EXPECT_EQ(skus[2].fault, ValueFault::none);
  for (const Value& color : colors) EXPECT_EQ(color.fault, ValueFault::none);
}

TEST(JsonReader, BadTextIsAFaultOfPlannedValuesOnly) {
  Rig rig({"/a"});
  struct Case {
    std::string text;
    bool bad;
  };
  for (const auto& [text, bad] : std::vector<Case>{{"ok", false},
                                                   {"\xc3\xa9", false},
                                                   {"\xff", true},
                                                   {"\xc3", true},
                                                   {"\xed\xa0\x80", true},
                                                   {"\xc0\xaf", true},
                                                   {"\xf4\x90\x80\x80", true},
                                                   {"\\ud800", true},
                                                   {"\\udc00", true},
                                                   {"\\ud800x", true},
                                                   {"\\ud800\\u0041", true},
                                                   {"\\udc00\\ud800", true},
                                                   {"\\ud800\\udc00", false},
                                                   {"long enough to fill a block \xff", true},
                                                   {"long enough to fill a block\\n\xff", true},
                                                   {"\xff long enough to fill a block", true}}) {
    ASSERT_EQ(rig.read("{\"a\":\"" + text + "\"}"), Outcome::good) << text;
    EXPECT_EQ(rig.at("/a").fault == ValueFault::invalid_utf8, bad) << text;
    ASSERT_EQ(rig.read("{\"z\":\"" + text + "\",\"" + text + "\":1,\"a\":\"fine\"}"), Outcome::good)
        << text;
    EXPECT_EQ(rig.at("/a").fault, ValueFault::none) << text;
  }
}

TEST(JsonReader, ArraysGiveTheirElementsByIndexAndByWalkTogether) {
  Rig rig({"/a/0/x", "/a/2", "/a/01", "/a/10/x"}, {{"/a", "/x"}, {"/a", ""}, {"/a/0/b", "/y"}});
  ASSERT_EQ(rig.read(R"({"a":[{"x":"\u0031","b":[{"y":"\u0037"},{}]},2,3,{"x":4}]})"),
            Outcome::good);
  EXPECT_EQ(rig.at("/a/0/x").text(), "1");
  EXPECT_EQ(rig.at("/a/2").text(), "3");
  EXPECT_EQ(rig.at("/a/01").kind, ValueKind::missing);
  EXPECT_EQ(rig.at("/a/10/x").kind, ValueKind::missing);
  EXPECT_EQ(rig.array_size("/a/*"), 4u);
  const std::vector<Value> x = rig.each("/a/*/x"), elements = rig.each("/a/*"),
                           y = rig.each("/a/0/b/*/y");
  ASSERT_EQ(x.size(), 4u);
  EXPECT_EQ(x[0].text(), "1");
  EXPECT_EQ(x[1].kind, ValueKind::missing);
  EXPECT_EQ(x[3].text(), "4");
  EXPECT_EQ(elements[0].kind, ValueKind::object);
  EXPECT_EQ(elements[1].text(), "2");
  ASSERT_EQ(y.size(), 2u);
  EXPECT_EQ(y[0].text(), "7");

  ASSERT_EQ(rig.read(R"({"a":{"0":{"x":"key"},"2":"two","01":"one"}})"), Outcome::good)
      << "a token that is a number is a key of objects";
  EXPECT_EQ(rig.at("/a/0/x").text(), "key");
  EXPECT_EQ(rig.at("/a/2").text(), "two");
  EXPECT_EQ(rig.at("/a/01").text(), "one");
  EXPECT_TRUE(rig.each("/a/*").empty());
}

TEST(JsonReader, HugeArraysAreCountedButNotKept) {
  Rig rig({}, {{"/a", ""}});
  std::string line = "{\"a\":[1";
  for (int i = 1; i < 100000; ++i) line += i == 50000 ? ",\"\xff\"" : ",1";
  ASSERT_EQ(rig.read(line + "]}"), Outcome::good);
  EXPECT_EQ(rig.array_size("/a/*"), 100000u);
  const std::vector<Value> kept = rig.each("/a/*");
  EXPECT_EQ(kept.size(), kKeptElements);
  EXPECT_EQ(kept.back().fault, ValueFault::invalid_utf8)
      << "a fault beyond what is kept is not lost";
}

// ---- against simdjson's own parser, on lines made at random ----

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}
  size_t below(size_t n) { return random_() % n; }
  std::string blanks() { return below(8) ? "" : std::string(1 + below(3), " \t\r\n"[below(4)]); }
  std::string text() {
    static const std::vector<std::string> kPieces = {"a",
                                                     "B",
                                                     " ",
                                                     "\\n",
                                                     "\\\\",
                                                     "\\\"",
                                                     "\\u00e9",
                                                     "\\ud83d\\ude00",
                                                     "\xc3\xa9",
                                                     "\xf0\x9f\x98\x80",
                                                     "0123456789abcdef",
                                                     "\\/",
                                                     "{",
                                                     "]",
                                                     ",",
                                                     ":"};
    std::string out = "\"";
    for (size_t n = below(6); n > 0; --n) out += kPieces[below(kPieces.size())];
    return out + "\"";
  }
  std::string number() {
    std::string out = below(2) ? "-" : "";
    out += below(3) ? std::to_string(1 + below(1000000)) : "0";
    if (below(3) == 0) out += "." + std::to_string(below(1000));
    if (below(4) == 0)
      out += std::string(1, "eE"[below(2)]) +
             (below(2)   ? "-"
              : below(2) ? "+"
                         : "") +
             std::to_string(below(30));
    return out;
  }
  std::string value(int depth) {
    switch (below(depth > 4 ? 6 : 8)) {
      case 0:
        return "null";
      case 1:
        return below(2) ? "true" : "false";
      case 2:
      case 3:
        return number();
      case 4:
      case 5:
        return text();
      case 6: {
        std::string out = "[" + blanks();
        for (size_t n = below(4), i = 0; i < n; ++i)
          out += (i ? "," : "") + blanks() + value(depth + 1) + blanks();
        return out + "]";
      }
      default:
        return object(depth);
    }
  }
  std::string object(int depth) {
    static const std::vector<std::string> kKeys = {"\"k0\"", "\"k1\"", "\"k2\"", "\"\\u006b3\"",
                                                   "\"k4\""};
    std::string out = "{" + blanks();
    for (size_t n = below(5), i = 0; i < n; ++i)
      out += (i ? "," : "") + blanks() +
             (below(6) ? kKeys[(i + below(2)) % kKeys.size()] : text()) + blanks() + ":" +
             blanks() + value(depth + 1) + blanks();
    return out + "}";
  }
  std::string mutated(std::string line) {
    static const std::string kBytes = "{}[]\",:\\ue0-+.1tfn \t\x01";
    for (size_t n = below(3); n > 0; --n) {
      const size_t at = below(line.size() + 1);
      switch (below(3)) {
        case 0:
          line.insert(at, 1, kBytes[below(kBytes.size())]);
          break;
        case 1:
          if (at < line.size()) line.erase(at, 1 + below(3));
          break;
        default:
          if (at < line.size()) line[at] = kBytes[below(kBytes.size())];
      }
    }
    return line;
  }

 private:
  std::mt19937_64 random_;
};

// What simdjson finds at a path: the value itself, if no key on the way is twice.
bool find(simdjson::dom::element at, const std::vector<std::string>& path,
          simdjson::dom::element& out, bool& repeated) {
  for (const std::string& token : path) {
    simdjson::dom::object object;
    if (at.get(object)) return false;
    int seen = 0;
    simdjson::dom::element next;
    for (auto field : object) {
      if (field.key != token) continue;
      if (++seen == 1) next = field.value;
    }
    if (seen == 0) return false;
    if (seen > 1) {
      repeated = true;
      return false;
    }
    at = next;
  }
  out = at;
  return true;
}

bool has_lone_surrogate(const std::string& line) {
  for (size_t at = line.find('\\'); at != std::string::npos; at = line.find('\\', at)) {
    if (line.compare(at, 12, "\\ud83d\\ude00") == 0) {
      at += 12;  // the only pair that is made
      continue;
    }
    if (line.compare(at, 3, "\\ud") == 0 || line.compare(at, 3, "\\uD") == 0) return true;
    at += 2;
  }
  return false;
}

bool may_be_beyond_doubles(const std::string& line) {
  size_t digits = 0;
  bool exponent = false;
  for (char c : line) {
    if (c >= '0' && c <= '9') {
      ++digits;
      if (digits > 16 || (exponent && digits > 2)) return true;
    } else {
      digits = 0;
      exponent = c == 'e' || c == 'E' || (exponent && (c == '+' || c == '-'));
    }
  }
  return false;
}

TEST(JsonReader, AgreesWithSimdjsonOnRandomLines) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Maker make(seed);
  const std::vector<std::string> paths = {"/k0", "/k1", "/k1/k0", "/k2/k3/k0", "/k3", "/k4/k4"};
  Rig rig(paths);
  simdjson::dom::parser parser;
  int good = 0, bad = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string line = make.object(0);
    if (make.below(2)) line = make.mutated(line);
    simdjson::dom::element root;
    const auto error = parser.parse(line.data(), line.size()).get(root);
    // Its own limits: numbers beyond its types, lone surrogates, text that is no UTF-8.
    if ((error == simdjson::NUMBER_ERROR && may_be_beyond_doubles(line)) ||
        has_lone_surrogate(line))
      continue;
    if (error == simdjson::UTF8_ERROR) continue;
    const bool accepted = !error && root.is_object();
    ASSERT_EQ(rig.read(line) == Outcome::good, accepted) << line << "\n" << rig.reader().error();
    (accepted ? good : bad)++;
    if (!accepted) continue;
    for (const std::string& path : paths) {
      simdjson::dom::element at;
      bool repeated = false;
      const bool found = find(root, tokens(path), at, repeated);
      const Value& value = rig.at(path);
      ASSERT_EQ(value.fault == ValueFault::duplicate_key, repeated) << line << " " << path;
      if (repeated) continue;
      ASSERT_EQ(value.kind != ValueKind::missing, found) << line << " " << path;
      if (!found) continue;
      std::string_view text;
      int64_t integer;
      if (!at.get(text)) {
        ASSERT_EQ(value.kind, ValueKind::string) << line;
        ASSERT_EQ(value.text(), text) << line;
      } else if (at.is_array()) {
        ASSERT_EQ(value.kind, ValueKind::array) << line;
        ASSERT_EQ(value.size, at.get_array().value().size()) << line;
      } else if (!at.get(integer)) {
        ASSERT_EQ(std::stoll(std::string(value.text())), integer) << line;
      } else if (at.is_double()) {
        ASSERT_EQ(std::strtod(std::string(value.text()).c_str(), nullptr), at.get_double().value())
            << line;
      }
    }
  }
  EXPECT_GT(good, 10000);
  EXPECT_GT(bad, 3000);
}

// Under the address sanitizer: a reader's first line has a buffer that ends with its padding.
TEST(JsonReader, LoadsNothingBeyondItsPaddingHoweverLongThePlannedKeysAre) {
  for (size_t length : {8u, 63u, 72u, 73u, 200u, 1000u}) {
    const std::string key(length, 'k');
    for (size_t ahead = 0; ahead <= length; ahead += 1 + length / 50) {
      Rig cut({"/" + key, "/x"});
      EXPECT_EQ(cut.read("{\"" + key.substr(0, ahead)), Outcome::not_json);
      Rig other({"/" + key, "/x"});
      EXPECT_EQ(other.read("{\"" + key.substr(0, ahead) + "\":1}"), Outcome::good);
      EXPECT_EQ(other.at("/" + key).kind == ValueKind::number, ahead == length);
    }
  }
}

}  // namespace
}  // namespace quipu
