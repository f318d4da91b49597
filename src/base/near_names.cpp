#include "base/near_names.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"

namespace quipu {
namespace {

constexpr size_t kLongestCompared = 200;
constexpr size_t kLongestShown = 80;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return out;
}

size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

// `always`: however far.
std::vector<std::string_view> ranked(std::string_view name, const std::vector<std::string>& known,
                                     size_t most, bool always) {
  std::vector<std::pair<size_t, std::string_view>> found;
  const std::string asked = lower(name);
  for (const std::string& k : known) {
    if (asked.size() > kLongestCompared || k.size() > kLongestCompared) continue;
    const size_t longer = std::max(asked.size(), k.size()),
                 shorter = std::min(asked.size(), k.size());
    const size_t few = always ? kLongestCompared : std::max<size_t>(2, longer / 3);
    const std::string other = lower(k);
    const bool held = asked.size() >= 2 && other.find(asked) != std::string::npos;
    if (!held && longer - shorter > few) continue;  // so many edits at least
    size_t edits = edits_between(asked, other);
    if (held) edits = std::min<size_t>(edits, 1);
    if (edits <= few) found.emplace_back(edits, k);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> names;
  for (size_t i = 0; i < found.size() && i < most; ++i) names.push_back(found[i].second);
  return names;
}

}  // namespace

std::vector<std::string_view> near_names(std::string_view name,
                                         const std::vector<std::string>& known, size_t most) {
  return ranked(name, known, most, false);
}

std::vector<std::string_view> nearest_name(std::string_view name,
                                           const std::vector<std::string>& known) {
  return ranked(name, known, 1, true);
}

std::string did_you_mean(const std::vector<std::string_view>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "; did you mean " : i + 1 < names.size() ? ", " : " or ";
    text += '"' + printable(names[i], kLongestShown) + '"';
  }
  return names.empty() ? text : text + "?";
}

}  // namespace quipu
