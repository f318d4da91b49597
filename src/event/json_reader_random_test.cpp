// The JSON reader against simdjson's own parser, on lines made at random.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "event/test_json_rig.h"

namespace quipu {
namespace {

using test::Outcome;
using test::Rig;
using test::tokens;

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

}  // namespace
}  // namespace quipu
