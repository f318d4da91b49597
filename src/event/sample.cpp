#include "event/sample.h"

#include <simdjson.h>

#include <algorithm>
#include <set>

#include "base/decimal.h"
#include "base/json_text.h"
#include "event/decode.h"

namespace quipu {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// Bytes that are no UTF-8 become U+FFFD, so that the rest of the line can be read.
std::string repaired_utf8(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    while (length <= 4 && i + length <= text.size() && !is_valid_utf8(text.substr(i, length)))
      ++length;
    if (length > 4 || i + length > text.size()) {
      out += kReplacement;
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
  return out;
}

void append_token(std::string_view key, std::string& path) {
  path += '/';
  for (char c : key) {
    if (c == '~')
      path += "~0";
    else if (c == '/')
      path += "~1";
    else
      path += c;
  }
}

struct Place {
  std::string path;
  std::string array;
  size_t tokens = 0;
  bool repeated = false;
  bool starred = false;
  bool named = true;  // a plan can name it
};

}  // namespace

struct JsonSampleReader::Impl {
  ondemand::parser parser;
  std::string padded;
  std::vector<uint8_t> unescaped;
  std::vector<SampleValue>* values = nullptr;
  bool repaired = false;

  bool unescape(ondemand::raw_json_string raw, std::string& out) {
    uint8_t* end = unescaped.data();
    std::string_view text;
    if (parser.unescape(raw, end).get(text)) return false;
    out.assign(text);
    return true;
  }

  void give(const Place& at, SampleValue::Kind kind, std::string text, bool element) {
    if (!at.named || at.tokens == 0) return;
    SampleValue& value = values->emplace_back();
    value.path = at.path;
    value.kind = kind;
    value.text = std::move(text);
    value.array = element ? at.path : at.array;
    value.repeated = at.repeated;
  }

  // False: the line is broken.
  bool walk(ondemand::value value, const Place& at, bool element, int depth) {
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    switch (type) {
      case ondemand::json_type::object:
        return walk_object(value, at, element, depth + 1);
      case ondemand::json_type::array:
        return walk_array(value, at, element, depth + 1);
      case ondemand::json_type::string:
        return give_string(value, at, element);
      default:
        return give_token(value, at, element);
    }
  }

  bool give_string(ondemand::value value, const Place& at, bool element) {
    ondemand::raw_json_string raw;
    if (value.get_raw_json_string().get(raw)) return false;
    std::string text;
    const bool good =
        unescape(raw, text) && !(repaired && text.find(kReplacement) != std::string::npos);
    give(at, good ? SampleValue::Kind::text : SampleValue::Kind::unreadable, good ? text : "",
         element);
    return true;
  }

  bool give_token(ondemand::value value, const Place& at, bool element) {
    std::string_view token = value.raw_json_token();
    while (!token.empty() && uint8_t(token.back()) <= ' ') token.remove_suffix(1);
    SampleValue::Kind kind;
    if (token == "null")
      kind = SampleValue::Kind::null;
    else if (token == "true" || token == "false")
      kind = SampleValue::Kind::boolean;
    else if (is_json_number(token))
      kind = SampleValue::Kind::number;
    else
      return false;
    give(at, kind, kind == SampleValue::Kind::null ? "" : std::string(token), element);
    return true;
  }

  bool walk_array(ondemand::value value, const Place& at, bool element, int depth) {
    ondemand::array array;
    if (depth > kMaxJsonDepth || value.get_array().get(array)) return false;
    const bool inner = element || at.starred;
    bool empty = true;
    for (auto item : array) {
      ondemand::value child;
      if (item.get(child)) return false;
      empty = false;
      Place place = at;
      place.named = at.named && !inner;
      if (!walk(child, place, true, depth)) return false;
    }
    if (inner)
      give(at, SampleValue::Kind::structure, "", element);
    else if (empty)
      give(at, SampleValue::Kind::null, "", true);
    return true;
  }

  bool walk_object(ondemand::value value, const Place& at, bool element, int depth) {
    ondemand::object object;
    if (depth > kMaxJsonDepth || value.get_object().get(object)) return false;
    Place under = at;
    if (element) {
      under.array = at.path;
      append_token("*", under.path);
      ++under.tokens;
      under.starred = true;
    } else {
      give(at, SampleValue::Kind::structure, "", false);
    }
    return walk_members(object, under, depth);
  }

  bool walk_members(ondemand::object object, const Place& at, int depth) {
    std::set<std::string> seen;
    std::set<std::string> again;
    const size_t first = values->size();
    for (auto field : object) {
      ondemand::raw_json_string raw;
      if (field.key().get(raw)) return false;
      ondemand::value child;
      if (field.value().get(child)) return false;
      std::string key;
      Place place = at;
      place.named = at.named && unescape(raw, key) && key != "*" &&
                    at.tokens < kMaxSamplePathTokens &&
                    !(repaired && key.find(kReplacement) != std::string::npos);
      append_token(key, place.path);
      ++place.tokens;
      place.named = place.named && place.path.size() <= kMaxSamplePathBytes;
      if (!seen.insert(place.path).second) again.insert(place.path);
      if (!walk(child, place, false, depth)) return false;
    }
    for (size_t i = first; i < values->size() && !again.empty(); ++i) {
      SampleValue& v = (*values)[i];
      v.repeated =
          v.repeated || std::any_of(again.begin(), again.end(), [&](const std::string& path) {
            return v.path == path || v.path.compare(0, path.size() + 1, path + "/") == 0;
          });
    }
    return true;
  }

  bool read() {
    ondemand::document document;
    if (parser.iterate(padded.data(), padded.size() - simdjson::SIMDJSON_PADDING, padded.size())
            .get(document))
      return false;
    ondemand::json_type type;
    if (document.type().get(type) || type != ondemand::json_type::object) return false;
    ondemand::object object;
    if (document.get_object().get(object)) return false;
    Place root;
    return walk_members(object, root, 1) &&
           document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }
};

JsonSampleReader::JsonSampleReader() : impl_(std::make_unique<Impl>()) {}
JsonSampleReader::~JsonSampleReader() = default;

bool JsonSampleReader::read(std::string_view line, std::vector<SampleValue>& values) {
  values.clear();
  if (line.size() > kMaxLineBytes) return false;
  Impl& impl = *impl_;
  impl.values = &values;
  impl.repaired = !is_valid_utf8(line);
  impl.padded = impl.repaired ? repaired_utf8(line) : std::string(line);
  impl.unescaped.resize(impl.padded.size() + 2 * simdjson::SIMDJSON_PADDING);
  impl.padded.resize(impl.padded.size() + simdjson::SIMDJSON_PADDING, ' ');
  if (impl.read()) return true;
  values.clear();
  return false;
}

bool split_sample_line(std::string_view line, const InputFormat& format,
                       std::vector<std::string>& fields) {
  fields.clear();
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  size_t i = 0;
  auto skip_blanks = [&] {
    while (i < line.size() && blank(line[i])) ++i;
  };
  if (format.whitespace) {
    skip_blanks();
    while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  }
  while (true) {
    std::string& field = fields.emplace_back();
    if (format.quote != '\0' && i < line.size() && line[i] == format.quote) {
      for (++i;; ++i) {
        if (i >= line.size()) return false;
        if (line[i] != format.quote) {
          field += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == format.quote) {
          field += line[++i];
        } else {
          ++i;
          break;
        }
      }
    }
    for (; i < line.size() && !(format.whitespace ? blank(line[i]) : line[i] == format.delimiter);
         ++i)
      field += line[i];
    if (i >= line.size()) return true;
    ++i;
    if (format.whitespace) skip_blanks();
  }
}

}  // namespace quipu
