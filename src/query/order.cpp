#include "query/order.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace quipu {
namespace {

// A plain decimal number: its sign, and its digits without zeros that say nothing.
struct Number {
  bool negative = false;
  std::string_view whole, fraction;
};
std::optional<Number> number_of(std::string_view text) {
  Number number;
  if (!text.empty() && text[0] == '-') {
    number.negative = true;
    text.remove_prefix(1);
  }
  const size_t point = std::min(text.find('.'), text.size());
  number.whole = text.substr(0, point);
  if (point < text.size()) number.fraction = text.substr(point + 1);
  const auto digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (number.whole.empty() || !digits(number.whole) || !digits(number.fraction) ||
      (point < text.size() && number.fraction.empty()))
    return std::nullopt;
  number.whole.remove_prefix(std::min(number.whole.find_first_not_of('0'), number.whole.size()));
  while (!number.fraction.empty() && number.fraction.back() == '0')
    number.fraction.remove_suffix(1);
  if (number.whole.empty() && number.fraction.empty()) number.negative = false;
  return number;
}

int sign_of(int order) { return order < 0 ? -1 : order > 0; }

int compare_numbers(const Number& a, const Number& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int order = a.whole.size() != b.whole.size() ? (a.whole.size() < b.whole.size() ? -1 : 1)
                                               : sign_of(a.whole.compare(b.whole));
  if (order == 0) order = sign_of(a.fraction.compare(b.fraction));
  return a.negative ? -order : order;
}

int compare_lists(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const int order = compare_names(a[i], b[i])) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

// Of two groups: by tenant, then by names.
int compare_groups(const Group& a, const Group& b) {
  const int order = compare_names(a.tenant, b.tenant);
  return order != 0 ? order : compare_lists(a.by, b.by);
}

// The value that a key of --sort names, by its name or as "sum:NAME"; values.size() if there is
// none.
size_t value_of(const Answer& out, const std::string& key) {
  const auto named = [&](const std::string& name) {
    return size_t(std::find(out.values.begin(), out.values.end(), name) - out.values.begin());
  };
  const size_t value = named(key);
  return value == out.values.size() && key.rfind("sum:", 0) == 0 ? named(key.substr(4)) : value;
}

// A key of --sort, without the - that turns it round.
std::pair<std::string, bool> key_of(const std::string& sort) {
  if (sort.empty()) return {"count", false};
  return sort[0] == '-' ? std::pair(sort.substr(1), true) : std::pair(sort, false);
}

}  // namespace

int compare_names(std::string_view a, std::string_view b) {
  const auto x = number_of(a), y = number_of(b);
  if (x.has_value() != y.has_value()) return x ? -1 : 1;
  const int order = x ? compare_numbers(*x, *y) : 0;
  return order != 0 ? order : sign_of(a.compare(b));
}

std::vector<uint32_t>::iterator first_by_figure(const Answer& out, const std::string& sort,
                                                size_t limit, GroupTable& table,
                                                std::vector<uint32_t>& groups) {
  const auto [key, reversed] = key_of(sort);
  if (key == "name" || groups.size() <= limit) return groups.end();
  const size_t value = value_of(out, key);
  std::vector<Fixed6> totals(table.size());
  for (const uint32_t g : groups) {
    const auto add = [&, backwards = reversed](const auto& figures) {
      for (const auto n : figures) totals[g] += backwards ? -Fixed6(n) : Fixed6(n);
    };
    key == "count"    ? add(table.count(g))
    : key == "unique" ? add(table.unique(g))
                      : add(table.sum(g, value));
  }
  const auto before = [&](uint32_t a, uint32_t b) { return totals[a] > totals[b]; };
  std::nth_element(groups.begin(), groups.begin() + ptrdiff_t(limit - 1), groups.end(), before);
  const Fixed6 least = totals[groups[limit - 1]];
  return std::partition(groups.begin() + ptrdiff_t(limit), groups.end(),
                        [&](uint32_t g) { return totals[g] == least; });
}

void sort_groups(Answer& out, const std::string& sort) {
  const auto [key, reversed] = key_of(sort);
  auto total = [](const auto& v) {
    return std::accumulate(v.begin(), v.end(), typename std::decay_t<decltype(v)>::value_type{});
  };
  const size_t value = value_of(out, key);
  auto compare = [&, &key = key](const Group& a, const Group& b) -> int {
    if (key == "name") return compare_groups(a, b);
    if (key == "count")
      return total(a.count) > total(b.count) ? -1 : total(a.count) < total(b.count);
    if (key == "unique")
      return total(a.unique) > total(b.unique) ? -1 : total(a.unique) < total(b.unique);
    const Fixed6 x = total(a.sums[value]), y = total(b.sums[value]);
    return x > y ? -1 : x < y;
  };
  std::sort(out.groups.begin(), out.groups.end(),
            [&, reversed = reversed](const Group& a, const Group& b) {
              const int order = compare(a, b) * (reversed ? -1 : 1);
              return order != 0 ? order < 0 : compare_groups(a, b) < 0;
            });
}

Status check_sort(const Answer& out, const std::string& sort) {
  const std::string key = !sort.empty() && sort[0] == '-' ? sort.substr(1) : sort;
  if (sort.empty() || key == "count" || key == "name") return {};
  if (key == "unique" && out.has_unique) return {};
  if (value_of(out, key) < out.values.size()) return {};
  std::vector<std::string> known = out.values;
  known.insert(known.end(), {"count", "name"});
  if (out.has_unique) known.emplace_back("unique");
  std::string list;
  for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
  return Error{"this answer cannot be sorted by \"" + key + "\"; it has " + list};
}

}  // namespace quipu
