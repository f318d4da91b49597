// In which order an answer's groups are shown. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/answer.h"
#include "query/group_table.h"

namespace quipu {

// Names of groups: numbers as numbers, before texts; texts by their bytes. 2 < 10 < 9a < a. A total
// order: what is the same number (1 and 1.0) goes by its bytes.
int compare_names(std::string_view a, std::string_view b);

// Whether an answer with these figures has the key of --sort.
Status check_sort(const Answer& answer, const std::string& sort);
// Whether such an order looks at the groups' names before their figures.
bool is_by_name(const Answer& answer, const std::string& sort);
// Moves the groups of a table that may be among the first `limit` of such an order, beside those
// that the answer has, to the begin of `groups`, and says where they end: by their figures alone,
// so all that are equal to the last are among them. The answer's are sorted.
std::vector<uint32_t>::iterator first_by_figure(const Answer& answer, const std::string& sort,
                                                size_t limit, GroupTable& table,
                                                std::vector<uint32_t>& groups);
// Sorts the groups by a key that check_sort() took; equal ones by their names. With a limit the
// first ones, and those behind them stay in any order.
void sort_groups(Answer& answer, const std::string& sort, size_t limit = 0);

}  // namespace quipu
