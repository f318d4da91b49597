// Questions as people write them, on a command line or behind a URL, where both have one grammar.
// Pure functions, any thread.
#pragma once

#include <string>

#include "query/answer.h"

namespace quipu {

// campaign=C1, campaign=C1|C2, campaign!=C1, campaign= (none), campaign!= (not empty),
// campaign^=C (those that begin with C). A value may be a label in quotes (query/label.h); else \|
// and \\ in it are | and \. In the property's name \=, \!, \^ and \\ are =, !, ^ and \.
Result<Filter> parse_filter(const std::string& text);

// hour, day, week, month, year, or lifetime where no other time is named. False: it is none.
bool read_interval(const std::string& text, Question& question);

}  // namespace quipu
