#include "cli/plan_guess.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cli/field_names.h"
#include "cli/guessed_plan.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr uint64_t kFewLines = 20;  // below this many lines, shares mean little
constexpr uint64_t kFewMisses =
    3;  // so many lines may lack what nearly all have, in small samples too
constexpr size_t kMostTenants = 100, kMostMetrics = 200, kMostValues = 10000;
constexpr size_t kMostNamelessMetrics = 30;
constexpr uint64_t kMostProduct = 500;  // of the elements of the planned arrays of a line

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

class Guess {
 public:
  Guess(const SampleSurvey& survey, const InputFormat& input) : survey_(survey), input_(input) {}

  // False: no field reads as a time.
  bool choose() {
    choose_time();
    if (!guess_.time.field) return false;
    note_days_and_months();
    guess_.tenant =
        by_name(kTenantNames, [&](const FieldSurvey& f) { return is_label(f, kMostTenants); });
    choose_metric();
    choose_profile();
    choose_id();
    choose_values();
    choose_properties();
    return true;
  }
  const GuessedPlan& guess() const { return guess_; }
  std::string no_time() const;

 private:
  // Fields that an event's own places may be: one scalar, (nearly) never twice under one key.
  bool is_scalar(const FieldSurvey& f) const {
    return f.array.empty() && is_rare(f.repeated) && f.values > 0;
  }
  bool is_rare(uint64_t lines) const {
    return nearly_all(survey_.lines() - std::min(lines, survey_.lines()));
  }
  bool is_taken(const FieldSurvey* f) const {
    return f == guess_.tenant || f == guess_.metric || f == guess_.time.field || f == guess_.id ||
           std::find(guess_.profile.begin(), guess_.profile.end(), f) != guess_.profile.end() ||
           std::find(guess_.values.begin(), guess_.values.end(), f) != guess_.values.end();
  }
  // Over 95% of the lines.
  bool nearly_all(uint64_t lines) const {
    const uint64_t missing = survey_.lines() - std::min(lines, survey_.lines());
    return missing * 20 < survey_.lines() ||
           (survey_.lines() >= kFewLines && missing <= kFewMisses);
  }
  bool is_label(const FieldSurvey& f, size_t most) const {
    const bool few = survey_.lines() < kFewLines || f.distinct() * 2 <= f.lines;
    return is_scalar(f) && nearly_all(f.lines) && f.structures == 0 && f.unreadable == 0 &&
           f.distinct() <= most && few && !is_taken(&f) && f.longest <= 200;
  }

  // The field whose name stands first in the list; of several with one name the one nearest the
  // root.
  template <typename Fits>
  const FieldSurvey* by_name(NameList names, Fits fits) const {
    const FieldSurvey* best = nullptr;
    std::pair<size_t, size_t> best_rank;
    for (const FieldSurvey& f : survey_.fields()) {
      const auto rank = name_rank(f.path, names);
      if (!rank || !fits(f)) continue;
      const std::pair<size_t, size_t> at{*rank, path_depth(f.path)};
      if (best && at >= best_rank) continue;
      best = &f;
      best_rank = at;
    }
    return best;
  }

  void choose_time() {
    double best = 0;
    for (const FieldSurvey& f : survey_.fields()) {
      if (!is_scalar(f) || f.structures != 0) continue;
      const double name = time_name_score(f.path);
      for (size_t r = 0; r < kTimeReadings; ++r) {
        const bool text = r == size_t(TimeReading::text) || r > size_t(TimeReading::first_format);
        if (!nearly_all(f.times[r]) || (!text && name == 0)) continue;
        // Nearly equal names are settled by depth, then by order of appearance.
        const double score = 1 + name * 10 + (text ? 1 : 0) - 0.1 * double(path_depth(f.path));
        if (score <= best) continue;
        best = score;
        guess_.time = {&f, TimeReading(r), false};
      }
    }
  }

  // A format that begins with the month, and the same with the day first, both fit.
  void note_days_and_months() {
    if (!guess_.time.field || size_t(guess_.time.reading) < size_t(TimeReading::first_format))
      return;
    const auto format_of = [](size_t reading) {
      return std::string(kTimeFormats[reading - size_t(TimeReading::first_format)]);
    };
    const std::string chosen = format_of(size_t(guess_.time.reading));
    if (chosen.rfind("%m/%d/", 0) != 0) return;
    for (size_t r = size_t(TimeReading::first_format); r < kTimeReadings; ++r) {
      if (format_of(r) == "%d/%m/" + chosen.substr(6) && nearly_all(guess_.time.field->times[r]))
        guess_.time.days_and_months = true;
    }
  }

  void choose_metric() {
    const auto may_be = [&](const FieldSurvey& f) {
      return is_label(f, kMostMetrics) && f.texts == f.values;
    };
    // One that varies tells more than one that is always the same ("object": "event").
    guess_.metric =
        by_name(kMetricNames, [&](const FieldSurvey& f) { return may_be(f) && f.distinct() > 1; });
    if (!guess_.metric) guess_.metric = by_name(kMetricNames, may_be);
    if (guess_.metric || !input_.delimited || input_.header) return;
    // Columns without names: the text with the fewest different values.
    for (const FieldSurvey& f : survey_.fields()) {
      const bool words = may_be(f) && f.amounts == 0 && f.emails == 0 && f.distinct() > 1 &&
                         f.distinct() <= kMostNamelessMetrics && f.longest <= 60 &&
                         f.distinct() < f.lines;
      if (words && (!guess_.metric || f.distinct() < guess_.metric->distinct())) guess_.metric = &f;
    }
  }

  void choose_profile() {
    std::vector<const FieldSurvey*> named;
    for (const char* name : kProfileNames) {
      const std::array<const char*, 1> one{name};
      const FieldSurvey* f = by_name(one, [&](const FieldSurvey& c) {
        return is_scalar(c) && !is_taken(&c) && is_rare(c.booleans) &&
               (survey_.lines() < kFewLines || c.distinct() > 1) &&
               std::find(named.begin(), named.end(), &c) == named.end();
      });
      if (f) named.push_back(f);
    }
    if (named.empty()) {
      for (const FieldSurvey& f : survey_.fields()) {  // addresses, whatever their name
        if (is_scalar(f) && !is_taken(&f) && f.emails * 10 > f.values * 9) named.push_back(&f);
      }
    }
    if (named.empty()) return;
    // The best name that most lines have, then alternatives for lines without it.
    auto first = std::find_if(named.begin(), named.end(), [&](const FieldSurvey* f) {
      return share(f->lines, survey_.lines()) >= 0.5;
    });
    if (first == named.end()) {
      first = std::max_element(
          named.begin(), named.end(),
          [](const FieldSurvey* a, const FieldSurvey* b) { return a->lines < b->lines; });
    }
    guess_.profile.push_back(*first);
    if ((*first)->lines == survey_.lines()) return;
    for (const FieldSurvey* f : named) {
      if (f != *first && guess_.profile.size() < 3 && share(f->lines, survey_.lines()) >= 0.05)
        guess_.profile.push_back(f);
    }
  }

  void choose_id() {
    if (survey_.lines() < 2) return;
    auto may_be_id = [&](const FieldSurvey& f) {
      return is_scalar(f) && !is_taken(&f) && f.structures == 0 && f.unreadable == 0 &&
             may_be_event_id(f.path);
    };
    auto different = [&](const FieldSurvey& f) {
      return may_be_id(f) && f.lines == survey_.lines() && f.distinct() == f.lines;
    };
    guess_.id = by_name(kIdNames, different);
    if (guess_.id) return;
    for (const FieldSurvey& f : survey_.fields()) {
      if (different(f) && ends_as_id(f.path) &&
          (!guess_.id || path_depth(f.path) < path_depth(guess_.id->path)))
        guess_.id = &f;
    }
    // What is named as an event's own id is one though some lines come again.
    if (!guess_.id)
      guess_.id = by_name(kSureIdNames, [&](const FieldSurvey& f) {
        return may_be_id(f) && f.distinct() * 10 >= survey_.lines() * 7;
      });
    if (!guess_.id)
      guess_.unsure_id =
          by_name(kIdNames, [&](const FieldSurvey& f) { return may_be_id(f) && f.distinct() > 1; });
  }

  void choose_values() {
    std::vector<std::pair<int, const FieldSurvey*>> ranked;
    for (const FieldSurvey& f : survey_.fields()) {
      if (!is_scalar(f) || is_taken(&f) || f.amounts != f.values || f.repeated || f.structures ||
          f.unreadable || f.booleans || ends_as_id(f.path))
        continue;
      const bool named = is_amount_name(f.path);
      const bool fractions = share(f.fractions, f.values) >= 0.05 && !is_place_name(f.path);
      if (named || fractions) ranked.emplace_back((named ? 2 : 0) + (fractions ? 1 : 0), &f);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (ranked.size() > size_t(kMaxValues)) ranked.resize(size_t(kMaxValues));
    for (const auto& [rank, f] : ranked) guess_.values.push_back(f);
  }

  // Counters by people would be as many as the people; who they are is the profile's affair.
  static bool is_person(const FieldSurvey& f) {
    return name_rank(f.path, kProfileNames).has_value() || f.emails * 2 > f.values;
  }

  void choose_properties() {
    std::vector<std::pair<double, const FieldSurvey*>> ranked;
    for (const FieldSurvey& f : survey_.fields()) {
      if (is_taken(&f) || f.repeated || f.unreadable || f.values == 0 || f.distinct() > kMostValues)
        continue;
      if (&f == guess_.unsure_id) continue;
      if (is_person(f)) {
        guess_.persons.push_back(&f);
        continue;
      }
      const bool texts = f.texts > 0 || f.booleans > 0;
      if (f.distinct() < 2) {
        if (texts && f.longest <= 500) guess_.constants.push_back(&f);
        continue;
      }
      const bool codes = f.numbers > 0 && f.fractions == 0 && f.distinct() <= 100 &&
                         (f.distinct() * 10 <= f.values || survey_.lines() < kFewLines);
      const bool mostly_different = survey_.lines() >= kFewLines && f.distinct() * 2 > f.values;
      const bool time = *std::max_element(f.times.begin(), f.times.end()) * 2 > f.values &&
                        time_name_score(f.path) > 0;
      if (!(texts || codes) || mostly_different || time || f.longest > 500) continue;
      const double cardinality = f.distinct() <= 1000 ? 1 : 0.6;
      ranked.emplace_back(
          share(f.lines, survey_.lines()) * cardinality - 0.02 * double(path_depth(f.path)), &f);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::set<std::string> arrays;
    uint64_t product = 1;
    for (const auto& [rank, f] : ranked) {
      uint64_t with = product;
      if (!f->array.empty() && !arrays.count(f->array)) with *= survey_.most_elements(f->array);
      if (guess_.properties.size() == kMaxGuessedProperties || with > kMostProduct) {
        ++guess_.more_properties;
        continue;
      }
      product = with;
      if (!f->array.empty()) arrays.insert(f->array);
      guess_.properties.push_back(f);
    }
  }

  const SampleSurvey& survey_;
  const InputFormat& input_;
  GuessedPlan guess_;
};

std::string Guess::no_time() const {
  std::string near;
  for (const FieldSurvey& f : survey_.fields()) {
    if (time_name_score(f.path) > 0 && near.size() < 200)
      near += (near.empty() ? "" : ", ") + yaml_text(f.path);
  }
  return "no field of the sample reads as a time in over 95% of its " +
         with_thousands(survey_.lines()) + (survey_.lines() == 1 ? " line" : " lines") +
         ", and every event needs one" +
         (near.empty() ? "" : " (looked at, by their names: " + near + ")") +
         "; what was printed is a plan to be completed: `time: {at: /path, unit: unix_ms}` or "
         "`format:` may say how to read yours";
}

}  // namespace

PlanGuess guess_plan(const SampleSurvey& survey, const GuessedFrom& from) {
  Guess guess(survey, from.input);
  if (!guess.choose()) return {plan_skeleton(survey, from), guess.no_time()};
  return {guessed_plan_text(guess.guess(), survey, from), ""};
}

}  // namespace quipu
