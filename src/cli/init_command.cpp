// `init`: prints a plan guessed from a sample, or that for a vendor's clients.
#include <algorithm>

#include "cli/plan_commands.h"
#include "cli/plan_guess.h"
#include "cli/sample_lines.h"
#include "cli/vendor_plans.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr size_t kMaxInitLines = 10000;
constexpr size_t kMaxInitBytes = size_t(64) << 20;

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
}

std::string head(const std::string& line) {
  std::string out = line.substr(0, 60);
  while (!out.empty() && (uint8_t(out.back()) & 0xc0) == 0x80) out.pop_back();
  if (!out.empty() && uint8_t(out.back()) >= 0xc0) out.pop_back();
  return yaml_text(out) + (out.size() < line.size() ? "..." : "");
}

Error not_json(const std::string& sample, const std::string& line, size_t bad, size_t all) {
  std::string advice = "an event is one JSON object on one line";
  const size_t first = line.find_first_not_of(" \t");
  if (first != std::string::npos && line[first] == '[')
    advice += "; an array becomes that with: jq -c '.[]' " + sample;
  else if (first != std::string::npos && line[first] == '{')
    advice += "; objects over several lines become that with: jq -c . " + sample;
  return Error{sample + ": " + with_thousands(bad) + " of " + with_thousands(all) +
               " lines are no JSON objects, first " + head(line) + "; " + advice};
}

// `sample`: as it was given; `path`: where it is read from.
Result<PlanGuess> guess(const std::string& sample, const std::string& path) {
  GuessedFrom from;
  from.sample = sample;
  std::vector<std::string> lines;
  SourceOptions options;  // of lines, as long as it is not known how fields are quoted
  Status read =
      read_sample_lines(path, options, {}, [&, bytes = size_t(0)](const SampleLine& line) mutable {
        std::string text(line.text);
        if (!text.empty() && text.back() == '\r') text.pop_back();
        if (line.too_long || !is_blank(text)) lines.push_back(std::move(text));
        bytes += line.text.size();
        from.has_more = lines.size() >= kMaxInitLines || bytes >= kMaxInitBytes;
        return !from.has_more;
      });
  if (!read.ok()) return read.error();
  if (lines.empty())
    return Error{
        sample +
        " holds no lines; a sample is a file of some events, one a line (a thousand are plenty)"};

  if (bool combined = false; is_web_log(lines, combined))
    return PlanGuess{web_log_plan(from, lines.size(), combined), ""};
  SampleSurvey survey;
  InputFormat& format = from.input;
  std::vector<SampleValue> values;
  const size_t first = lines[0].find_first_not_of(" \t");
  const bool bracket =
      first != std::string::npos && (lines[0][first] == '{' || lines[0][first] == '[');
  if (!bracket && guess_delimited(lines, format)) {
    std::vector<std::string> fields, header;
    split_sample_line(lines[0], format, header);
    const std::vector<std::string> paths = column_paths(format, header, header.size());
    for (size_t i = format.header ? 1 : 0; i < lines.size(); ++i) {
      if (!split_sample_line(lines[i], format, fields) || fields.size() != paths.size()) continue;
      values.clear();
      for (size_t c = 0; c < paths.size(); ++c) {
        SampleValue& value = values.emplace_back();
        value.path = paths[c];
        value.kind = SampleValue::Kind::text;
        value.text = std::move(fields[c]);
      }
      survey.add_line(values);
    }
    from.unread = lines.size() - survey.lines() - (format.header ? 1 : 0);
    return guess_plan(survey, from);
  }
  JsonSampleReader reader;
  const std::string* first_bad = nullptr;
  for (const std::string& line : lines) {
    if (reader.read(line, values))
      survey.add_line(values);
    else if (!first_bad)
      first_bad = &line;
  }
  const size_t bad = lines.size() - survey.lines();
  if (bad * 2 > lines.size()) {
    if (bracket) return not_json(sample, *first_bad, bad, lines.size());
    return Error{sample +
                 ": its lines are neither JSON objects nor have they equally many fields between "
                 "tabs, commas, semicolons, bars or blanks; first " +
                 head(*first_bad) + "; write one event a line in one of these ways"};
  }
  format = InputFormat();
  from.unread = bad;
  return guess_plan(survey, from);
}

}  // namespace

int init_command(const Arguments& arguments, const Console& console) {
  if (const auto plan = vendor_plan(arguments.vendor)) {
    console.out(*plan);
    return kExitDone;
  }
  auto file = SampleFile::open(arguments.sample);
  if (!file.ok()) {
    console.err("quipu init: " + file.error().message + "\n");
    return kExitUsage;
  }
  auto plan = guess(arguments.sample, file->path());
  if (!plan.ok()) {
    console.err("quipu init: " + plan.error().message + "\n");
    return kExitError;
  }
  console.out(plan->text);
  if (plan->missing.empty()) return kExitDone;
  console.err("quipu init: " + plan->missing + "\n");
  return kExitError;
}

}  // namespace quipu
