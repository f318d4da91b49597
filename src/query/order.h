// In which order an answer's groups are shown. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/answer.h"

namespace quipu {

// Names of groups: numbers as numbers, before texts; texts by their bytes. 2 < 10 < 9a < a. A total
// order: what is the same number (1 and 1.0) goes by its bytes.
int compare_names(std::string_view a, std::string_view b);

// Whether an answer with these figures has the key of --sort.
Status check_sort(const Answer& answer, const std::string& sort);
// Sorts the groups by a key that check_sort() took; equal ones by their names.
void sort_groups(Answer& answer, const std::string& sort);

}  // namespace quipu
