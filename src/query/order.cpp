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

// What --sort names.
struct SortKey {
  enum class Of : uint8_t { unknown, count, unique, sum, name, property };
  Of of = Of::unknown;
  size_t place = 0;       // of the sum's value, or of the property in `by`
  bool reversed = false;  // by a - before it
};

SortKey key_of(const Answer& out, const std::string& sort) {
  SortKey key;
  key.reversed = sort.starts_with('-');
  const std::string name = sort.empty() ? "count" : sort.substr(key.reversed ? 1 : 0);
  const auto placed = [&](SortKey::Of of, const std::vector<std::string>& names,
                          std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (key.of != SortKey::Of::unknown || found == names.end()) return;
    key.of = of;
    key.place = size_t(found - names.begin());
  };
  if (name == "count") key.of = SortKey::Of::count;
  if (name == "name") key.of = SortKey::Of::name;
  if (name == "unique" && out.has_unique) key.of = SortKey::Of::unique;
  placed(SortKey::Of::sum, out.values, name);
  if (name.starts_with("sum:")) placed(SortKey::Of::sum, out.values, name.substr(4));
  if (name.starts_with("by:")) placed(SortKey::Of::property, out.question.by, name.substr(3));
  placed(SortKey::Of::property, out.question.by, name);
  return key;
}

bool is_of_names(const SortKey& key) {
  return key.of == SortKey::Of::name || key.of == SortKey::Of::property;
}

}  // namespace

int compare_names(std::string_view a, std::string_view b) {
  const auto x = number_of(a), y = number_of(b);
  if (x.has_value() != y.has_value()) return x ? -1 : 1;
  const int order = x ? compare_numbers(*x, *y) : 0;
  return order != 0 ? order : sign_of(a.compare(b));
}

bool is_by_name(const Answer& out, const std::string& sort) {
  return is_of_names(key_of(out, sort));
}

std::vector<uint32_t>::iterator first_by_figure(const Answer& out, const std::string& sort,
                                                size_t limit, GroupTable& table,
                                                std::vector<uint32_t>& groups) {
  const SortKey key = key_of(out, sort);
  if (is_of_names(key)) return groups.end();
  const auto total = [&](const auto& figures) {
    Fixed6 sum{};
    for (const auto n : figures) sum += key.reversed ? -Fixed6(n) : Fixed6(n);
    return sum;
  };
  std::optional<Fixed6> least;  // of the last that is among the first ones so far
  if (out.groups.size() >= limit) {
    const Group& last = out.groups[limit - 1];
    least = key.of == SortKey::Of::count    ? total(last.count)
            : key.of == SortKey::Of::unique ? total(last.unique)
                                            : total(last.sums[key.place]);
  }
  std::vector<Fixed6> totals(table.size());
  for (const uint32_t g : groups) {
    totals[g] = key.of == SortKey::Of::count    ? total(table.count(g))
                : key.of == SortKey::Of::unique ? total(table.unique(g))
                                                : total(table.sum(g, key.place));
  }
  if (groups.size() > limit) {
    std::nth_element(groups.begin(), groups.begin() + ptrdiff_t(limit - 1), groups.end(),
                     [&](uint32_t a, uint32_t b) { return totals[a] > totals[b]; });
    const Fixed6 here = totals[groups[limit - 1]];
    least = least ? std::max(*least, here) : here;
  }
  if (!least) return groups.end();
  return std::partition(groups.begin(), groups.end(),
                        [&](uint32_t g) { return totals[g] >= *least; });
}

void sort_groups(Answer& out, const std::string& sort, size_t limit) {
  const SortKey key = key_of(out, sort);
  auto total = [](const auto& v) {
    return std::accumulate(v.begin(), v.end(), typename std::decay_t<decltype(v)>::value_type{});
  };
  const auto larger = [&](const auto& a, const auto& b) {
    const auto x = total(a), y = total(b);
    return x > y ? -1 : x < y;
  };
  const auto compare = [&](const Group& a, const Group& b) -> int {
    switch (key.of) {
      case SortKey::Of::name:
        return compare_groups(a, b);
      case SortKey::Of::property:
        return compare_names(a.by[key.place], b.by[key.place]);
      case SortKey::Of::unique:
        return larger(a.unique, b.unique);
      case SortKey::Of::sum:
        return larger(a.sums[key.place], b.sums[key.place]);
      default:
        return larger(a.count, b.count);
    }
  };
  const auto before = [&](const Group& a, const Group& b) {
    const int order = key.reversed ? compare(b, a) : compare(a, b);
    return order != 0 ? order < 0 : compare_groups(a, b) < 0;
  };
  auto end = out.groups.end();
  if (limit != 0 && limit < out.groups.size()) {
    end = out.groups.begin() + ptrdiff_t(limit);
    std::nth_element(out.groups.begin(), end, out.groups.end(), before);
  }
  std::sort(out.groups.begin(), end, before);
}

Status check_sort(const Answer& out, const std::string& sort) {
  if (key_of(out, sort).of != SortKey::Of::unknown) return {};
  std::vector<std::string> known = out.values;
  known.insert(known.end(), {"count", "name"});
  if (out.has_unique) known.push_back("unique");
  known.insert(known.end(), out.question.by.begin(), out.question.by.end());
  std::string list;
  for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
  return Error{"this answer cannot be sorted by \"" + sort.substr(sort.starts_with('-') ? 1 : 0) +
               "\"; it has " + list};
}

}  // namespace quipu
