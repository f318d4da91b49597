// A plan guessed from a survey of a sample: which field is the tenant, the metric, the time, the
// profile, the id, what can be summed and what is worth counting by. A guess goes by names and by
// what the values look like; the text says for each choice on what it rests. Pure functions, any
// thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/sample_survey.h"

namespace quipu {

inline constexpr size_t kMaxGuessedProperties = 12;

// The sample that a plan is guessed from.
struct GuessedFrom {
  InputFormat input;
  std::string sample;     // its path as given, or "-"
  uint64_t unread = 0;    // its lines that the survey lacks
  bool has_more = false;  // there are lines behind those that were looked at
};

// A plan's text. Without a field that reads as a time no plan can be guessed: then it is a
// skeleton, and `missing` says what is to be done.
struct PlanGuess {
  std::string text;
  std::string missing;
};
PlanGuess guess_plan(const SampleSurvey& survey, const GuessedFrom& from);

// Whether nearly all of the lines are a web server's, in the common or combined log format; and the
// plan of it.
bool is_web_log(const std::vector<std::string>& lines, bool& combined);
std::string web_log_plan(const GuessedFrom& from, uint64_t lines, bool combined);

// A text as a YAML scalar: plain where that is safe, else in double quotes.
std::string yaml_text(std::string_view text);

}  // namespace quipu
