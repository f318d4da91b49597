// What the fields of a sample look like, over all its lines: how often they are there, how many
// different values they have, whether they read as times or amounts. For `quipu init`. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "event/sample.h"
#include "time/zone.h"

namespace quipu {

inline constexpr size_t kMaxSurveyedFields = 2000;  // further ones are not looked at

// Ways to read a time, in the order in which they are tried. The first is text without `format`.
enum class TimeReading : uint8_t { text, unix_s, unix_ms, unix_us, unix_ns, first_format };
inline constexpr std::array kTimeFormats = {
    "%Y%m%d", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z",
    // RFC 2822 and those like it
    "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z", "%d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y",
    // US dates, then others that could be taken for them
    "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%y", "%m/%d/%y %H:%M", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y",
    "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"};
inline constexpr size_t kTimeReadings = size_t(TimeReading::first_format) + kTimeFormats.size();

struct FieldSurvey {
  std::string path;
  std::string array;   // it is, or lies in, this array; else ""
  uint64_t lines = 0;  // lines that have it: not null, not ""
  uint64_t last_line = 0;
  uint64_t values = 0;  // those values; more than lines in arrays
  uint64_t texts = 0, numbers = 0, booleans = 0;
  uint64_t structures = 0, unreadable = 0, repeated = 0;
  uint64_t amounts = 0;     // values that can be summed: numbers, or texts that are numbers
  uint64_t fractions = 0;   // amounts with a point
  uint64_t emails = 0;      // texts with one @ inside
  uint64_t upper_case = 0;  // of those, with capitals or blanks at an end
  std::array<uint64_t, kTimeReadings> times{};
  uint64_t times_without_offset = 0;  // of times[text], with an hour
  size_t longest = 0;
  std::unordered_set<uint64_t> seen;  // hashes of different values
  size_t distinct() const { return seen.size(); }
};

class SampleSurvey {
 public:
  SampleSurvey();
  void add_line(const std::vector<SampleValue>& values);

  uint64_t lines() const { return lines_; }
  const std::vector<FieldSurvey>& fields() const { return fields_; }  // by first appearance
  bool left_fields_out() const { return left_out_; }
  // The most elements that the array at a path has in a line.
  uint64_t most_elements(const std::string& array) const;

 private:
  FieldSurvey* field(const SampleValue& value);
  void add_value(FieldSurvey& field, const SampleValue& value);
  void add_time(FieldSurvey& field, const SampleValue& value, std::string_view text);

  ZoneRules utc_;
  uint64_t lines_ = 0;
  std::vector<FieldSurvey> fields_;
  std::unordered_map<std::string, size_t> index_;
  std::map<std::string, uint64_t> most_elements_;
  bool left_out_ = false;
};

// How a sample's lines are cut into fields, by their looks: tab, comma, semicolon, bar or blanks
// between them, and whether the first line is a header. False if no way gives (nearly) every line
// the same number of fields.
bool guess_delimited(const std::vector<std::string>& lines, InputFormat& format);

// A delimited line's fields as values: at /name where the header gives a good name, else at /0, /1
// ...
std::vector<std::string> column_paths(const InputFormat& format,
                                      const std::vector<std::string>& header, size_t columns);

}  // namespace quipu
