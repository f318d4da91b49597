// What `init` guessed of a sample, and its text as a plan file. For the guesser. Pure functions,
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/plan_guess.h"
#include "cli/sample_survey.h"

namespace quipu {

struct TimeGuess {
  const FieldSurvey* field = nullptr;
  TimeReading reading = TimeReading::text;
  bool days_and_months = false;  // 03/04/2026 could be read the other way round, too
};

// Pointers are into the survey; null: no field looks like it.
struct GuessedPlan {
  const FieldSurvey* tenant = nullptr;
  const FieldSurvey* metric = nullptr;
  const FieldSurvey* id = nullptr;
  const FieldSurvey* unsure_id = nullptr;  // named like one, but the same in many lines
  TimeGuess time;
  std::vector<const FieldSurvey*> profile, values, properties, constants;
  std::vector<const FieldSurvey*> persons;  // look like people, so nothing is counted by them
  size_t more_properties = 0;
};

// The plan's text, with a word on each choice.
std::string guessed_plan_text(const GuessedPlan& guess, const SampleSurvey& survey,
                              const GuessedFrom& from);
// Where no time was found: a plan to be completed by hand, with the fields of the sample.
std::string plan_skeleton(const SampleSurvey& survey, const GuessedFrom& from);

}  // namespace quipu
