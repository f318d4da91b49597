#include "cli/sample_survey.h"

#include <algorithm>
#include <set>

#include "base/decimal.h"
#include "base/json_text.h"
#include "plan/normalise.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

constexpr size_t kLinesToGuessFrom = 200;
constexpr double kNearlyAll = 0.95;

// Numbers of a unit are taken for times between 1990 and 2100.
constexpr int64_t kFirstLikelyS = 631152000, kLastLikelyS = 4102444800;

bool is_email(std::string_view text) {
  const size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos &&
         text.find(' ') == std::string_view::npos;
}

bool has_capitals(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool reads_as_time(const std::string& text, const ZoneRules& utc) {
  if (parse_time_text(text, utc).error == TimeError::none) return true;
  return std::any_of(kTimeFormats.begin(), kTimeFormats.end(), [&](const char* format) {
    return parse_time_format(text, format, utc).error == TimeError::none;
  });
}

}  // namespace

SampleSurvey::SampleSurvey() { utc_.name = "UTC"; }

FieldSurvey* SampleSurvey::field(const SampleValue& value) {
  // An array and a scalar at one path are one field.
  auto [at, fresh] = index_.try_emplace(value.path, fields_.size());
  if (fresh && fields_.size() == kMaxSurveyedFields) {
    index_.erase(at);
    left_out_ = true;
    return nullptr;
  }
  if (fresh) fields_.emplace_back().path = value.path;
  return &fields_[at->second];
}

void SampleSurvey::add_line(const std::vector<SampleValue>& values) {
  ++lines_;
  std::map<std::string, uint64_t> elements;  // of the fields of arrays, in this line
  for (const SampleValue& value : values) {
    FieldSurvey* f = field(value);
    if (!f) continue;
    if (!value.array.empty()) {
      f->array = value.array;
      uint64_t& most = most_elements_[value.array];
      most = std::max(most, ++elements[value.path]);
    }
    add_value(*f, value);
  }
}

void SampleSurvey::add_value(FieldSurvey& f, const SampleValue& value) {
  f.repeated += value.repeated;
  switch (value.kind) {
    case SampleValue::Kind::null:
      return;
    case SampleValue::Kind::structure:
      ++f.structures;
      return;
    case SampleValue::Kind::unreadable:
      ++f.unreadable;
      return;
    default:
      break;
  }
  const std::string_view trimmed = trim_ascii(value.text);
  if (trimmed.empty()) return;
  if (f.last_line != lines_) ++f.lines;
  f.last_line = lines_;
  ++f.values;
  f.longest = std::max(f.longest, value.text.size());
  std::string scratch;
  const std::string_view canonical = value.kind == SampleValue::Kind::boolean
                                         ? std::string_view(value.text)
                                         : canonical_text(value.text, scratch);
  f.seen.insert(std::hash<std::string_view>()(canonical));
  if (value.kind == SampleValue::Kind::boolean) {
    ++f.booleans;
    return;
  }
  (value.kind == SampleValue::Kind::number ? f.numbers : f.texts) += 1;
  if (parse_fixed6(trimmed).error == DecimalError::none) {
    ++f.amounts;
    f.fractions += trimmed.find('.') != std::string_view::npos;
  } else if (is_email(trimmed)) {
    ++f.emails;
    f.upper_case += has_capitals(trimmed) || trimmed.size() != value.text.size();
  }
  add_time(f, value, trimmed);
}

void SampleSurvey::add_time(FieldSurvey& f, const SampleValue& value, std::string_view text) {
  if (!f.array.empty() || text.size() > 64) return;
  const bool number = parse_fixed6(text).error == DecimalError::none;
  if (number) {
    for (int unit = 0; unit < 4; ++unit) {
      const ParsedTime time = parse_time_number(text, TimeUnit(int(TimeUnit::s) + unit));
      f.times[size_t(TimeReading::unix_s) + size_t(unit)] += time.error == TimeError::none &&
                                                             time.ms >= kFirstLikelyS * 1000 &&
                                                             time.ms < kLastLikelyS * 1000;
    }
  } else if (text.size() >= 8 && value.kind == SampleValue::Kind::text) {
    const bool good = parse_time_text(text, utc_).error == TimeError::none;
    f.times[size_t(TimeReading::text)] += good;
    if (good && text.size() > 10)
      f.times_without_offset += text.find_first_of("Zz+-", 10) == std::string_view::npos;
  }
  for (size_t i = 0; i < kTimeFormats.size(); ++i) {
    const ParsedTime time = parse_time_format(text, kTimeFormats[i], utc_);
    f.times[size_t(TimeReading::first_format) + i] += time.error == TimeError::none &&
                                                      time.ms >= kFirstLikelyS * 1000 &&
                                                      time.ms < kLastLikelyS * 1000;
  }
}

uint64_t SampleSurvey::most_elements(const std::string& array) const {
  auto found = most_elements_.find(array);
  return found == most_elements_.end() ? 1 : std::max<uint64_t>(found->second, 1);
}

bool guess_delimited(const std::vector<std::string>& lines, InputFormat& format) {
  const size_t look = std::min(lines.size(), kLinesToGuessFrom);
  format.delimited = true;
  bool found = false;
  for (char delimiter : {'\t', ',', ';', '|', ' '}) {
    format.delimiter = delimiter;
    format.whitespace = delimiter == ' ';
    std::vector<std::string> fields;
    size_t columns = 0, same = 0;
    for (size_t i = 0; i < look; ++i) {
      const bool good = split_sample_line(lines[i], format, fields);
      if (i == 0) columns = good ? fields.size() : 0;
      same += good && fields.size() == columns;
    }
    if (columns >= 2 && double(same) >= kNearlyAll * double(look)) {
      found = true;
      break;
    }
  }
  if (!found) return false;
  // A header is different names, none of them a number or a time (and every event has a time).
  std::vector<std::string> first;
  split_sample_line(lines[0], format, first);
  ZoneRules utc;
  utc.name = "UTC";
  std::set<std::string_view> names;
  format.header = lines.size() > 1;
  for (const std::string& name : first) {
    const std::string trimmed(trim_ascii(name));
    const bool good = !trimmed.empty() && names.insert(name).second && !is_json_number(trimmed) &&
                      !reads_as_time(trimmed, utc);
    format.header = format.header && good;
  }
  return true;
}

std::vector<std::string> column_paths(const InputFormat& format,
                                      const std::vector<std::string>& header, size_t columns) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < columns; ++i) {
    std::string path = "/";
    bool good = format.header && i < header.size() && header[i] != "*" &&
                is_valid_utf8(header[i]) && header[i].size() < kMaxSamplePathBytes / 2 &&
                header[i].find_first_not_of("0123456789") != std::string::npos &&
                std::count(header.begin(), header.end(), header[i]) == 1;
    for (size_t c = 0; good && c < header[i].size(); ++c) {
      const char letter = header[i][c];
      good =
          uint8_t(letter) >= 0x20 && letter != 0x7f && header[i].compare(c, 3, "\xEF\xBB\xBF") != 0;
      if (letter == '~')
        path += "~0";
      else if (letter == '/')
        path += "~1";
      else
        path += letter;
    }
    paths.push_back(good ? path : "/" + std::to_string(i));
  }
  return paths;
}

}  // namespace quipu
