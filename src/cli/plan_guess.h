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

// The text of a plan file. `sample`: the file's path as given; `unread`: its lines that the survey
// lacks. An error says which field is missing that a plan cannot be without (a time).
Result<std::string> guess_plan(const SampleSurvey& survey, const InputFormat& input,
                               const std::string& sample, uint64_t unread);

// A text as a YAML scalar: plain where that is safe, else in double quotes.
std::string yaml_text(std::string_view text);

}  // namespace quipu
