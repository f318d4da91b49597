#include "cli/plan_guess.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cli/field_names.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr uint64_t kFewLines = 20;  // below this many lines, shares mean little
constexpr uint64_t kFewMisses =
    3;  // so many lines may lack what nearly all have, in small samples too
constexpr size_t kMostTenants = 100, kMostMetrics = 200, kMostValues = 10000;
constexpr uint64_t kMostProduct = 500;  // of the elements of the planned arrays of a line

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

std::string count_text(uint64_t n, const char* one, const char* many) {
  return with_thousands(n) + " " + (n == 1 ? one : many);
}

struct TimeGuess {
  const FieldSurvey* field = nullptr;
  TimeReading reading = TimeReading::text;
};

class Guess {
 public:
  Guess(const SampleSurvey& survey, const InputFormat& input, const std::string& sample,
        uint64_t unread)
      : survey_(survey), input_(input), sample_(sample), unread_(unread) {}

  Result<std::string> text() {
    choose_time();
    if (!time_.field) return no_time();
    tenant_ =
        by_name(kTenantNames, [&](const FieldSurvey& f) { return is_label(f, kMostTenants); });
    metric_ = by_name(kMetricNames, [&](const FieldSurvey& f) {
      return is_label(f, kMostMetrics) && f.texts == f.values;
    });
    choose_profile();
    choose_id();
    choose_values();
    choose_properties();
    write();
    return std::move(out_);
  }

 private:
  // Fields that an event's own places may be: one scalar, (nearly) never twice under one key.
  bool is_scalar(const FieldSurvey& f) const {
    return f.array.empty() && is_rare(f.repeated) && f.values > 0;
  }
  bool is_rare(uint64_t lines) const {
    return nearly_all(survey_.lines() - std::min(lines, survey_.lines()));
  }
  bool is_taken(const FieldSurvey* f) const {
    return f == tenant_ || f == metric_ || f == time_.field || f == id_ ||
           std::find(profile_.begin(), profile_.end(), f) != profile_.end() ||
           std::find(values_.begin(), values_.end(), f) != values_.end();
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
        time_ = {&f, TimeReading(r)};
      }
    }
  }

  Error no_time() const {
    std::string near;
    for (const FieldSurvey& f : survey_.fields()) {
      if (time_name_score(f.path) > 0 && near.size() < 200)
        near += (near.empty() ? "" : ", ") + yaml_text(f.path);
    }
    return Error{"no field of the sample reads as a time in over 95% of its " +
                 count_text(survey_.lines(), "line", "lines") + ", and every event needs one" +
                 (near.empty() ? "" : " (looked at, by their names: " + near + ")") +
                 "; write the plan by hand: `time: {at: /path, unit: unix_ms}` or `format:` may "
                 "say how to read yours"};
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
    profile_.push_back(*first);
    if ((*first)->lines == survey_.lines()) return;
    for (const FieldSurvey* f : named) {
      if (f != *first && profile_.size() < 3 && share(f->lines, survey_.lines()) >= 0.05)
        profile_.push_back(f);
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
    id_ = by_name(kIdNames, different);
    if (id_) return;
    for (const FieldSurvey& f : survey_.fields()) {
      if (different(f) && ends_as_id(f.path) &&
          (!id_ || path_depth(f.path) < path_depth(id_->path)))
        id_ = &f;
    }
    // What is named as an event's own id is one though some lines come again.
    if (!id_)
      id_ = by_name(kSureIdNames, [&](const FieldSurvey& f) {
        return may_be_id(f) && f.distinct() * 10 >= survey_.lines() * 7;
      });
    if (!id_)
      unsure_id_ =
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
    for (const auto& [rank, f] : ranked) values_.push_back(f);
  }

  void choose_properties() {
    std::vector<std::pair<double, const FieldSurvey*>> ranked;
    for (const FieldSurvey& f : survey_.fields()) {
      if (is_taken(&f) || f.repeated || f.unreadable || f.values == 0 || f.distinct() > kMostValues)
        continue;
      if (&f == unsure_id_) continue;
      const bool texts = f.texts > 0 || f.booleans > 0;
      if (f.distinct() < 2) {
        if (texts && f.longest <= 500) constants_.push_back(&f);
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
      if (properties_.size() == kMaxGuessedProperties || with > kMostProduct) {
        ++more_properties_;
        continue;
      }
      product = with;
      if (!f->array.empty()) arrays.insert(f->array);
      properties_.push_back(f);
    }
  }

  // ---- writing ----

  std::string lines_text(uint64_t lines) const {
    if (lines == survey_.lines()) return "all " + count_text(lines, "line", "lines");
    const uint64_t percent = lines * 100 / survey_.lines();
    return count_text(lines, "line", "lines") + " of " + with_thousands(survey_.lines()) + " (" +
           std::to_string(percent) + "%)";
  }
  std::string values_text(const FieldSurvey& f) const {
    return (f.distinct() >= kMostValues ? "over 10,000" : with_thousands(f.distinct())) +
           (f.distinct() == 1 ? " value" : " values");
  }
  std::string rests_on(const char* what, const FieldSurvey& f, const std::string& more) const {
    return std::string("  # ") + what + " from " + yaml_text(f.path) + ", " +
           (more.empty() ? "" : more + ", ") + lines_text(f.lines) + "\n";
  }

  void write() {
    out_ =
        "# Guessed by quipu init from " + yaml_text(sample_) + ": " +
        count_text(survey_.lines(), "line", "lines") + ", " +
        count_text(survey_.fields().size(), "field", "fields") +
        (survey_.left_fields_out() ? " and more that were not looked at" : "") +
        (unread_ ? "; " + count_text(unread_, "line", "lines") + " beside them cannot be read"
                 : "") +
        ".\n# Change what is wrong, then see what it reads:  quipu check PLAN SAMPLE\nquipu: 1\n\n";
    if (input_.delimited) write_input();
    out_ += "event:\n";
    write_label("tenant", tenant_, "no field looks like an account; all events are of one tenant",
                tenant_constant());
    write_label("metric", metric_, "no field says what happened; all events are of one kind",
                "Event");
    write_profile();
    write_id();
    write_time();
    write_values();
    write_properties();
    out_ +=
        "\n# Weeks, days and hours are UTC's. Another zone, or several:\n"
        "# calendars: {default: [{zone: America/New_York, week_start: sunday}, {zone: UTC}]}\n";
    write_count();
  }

  void write_input() {
    const std::string delimiter = input_.whitespace ? "whitespace"
                                  : input_.delimiter == '\t'
                                      ? "\"\\t\""
                                      : "\"" + std::string(1, input_.delimiter) + "\"";
    out_ += std::string("# ") +
            (input_.header ? "the first line names the columns"
                           : "no header line: columns are named by their place, /0 is the first") +
            "\ninput: {format: delimited, delimiter: " + delimiter +
            ", header: " + (input_.header ? "yes" : "no") + "}\n\n";
  }

  std::string tenant_constant() const {
    std::string name = sample_.substr(sample_.rfind('/') + 1);
    name = plain_name(name.substr(0, name.find('.')));
    return name.empty() ? "main" : name;
  }

  void write_label(const char* key, const FieldSurvey* f, const char* none,
                   const std::string& constant) {
    if (f) {
      out_ += rests_on(key, *f, values_text(*f)) + "  " + key + ": " + yaml_text(f->path) + "\n";
    } else {
      out_ +=
          std::string("  # ") + none + "\n  " + key + ": {const: " + yaml_text(constant) + "}\n";
    }
  }

  void write_profile() {
    if (profile_.empty()) {
      out_ +=
          "  # no field looks like a person, so nothing is counted by different people; if one "
          "is:\n  # profile: /path\n";
      return;
    }
    uint64_t emails = 0, upper_case = 0, texts = 0;
    for (const FieldSurvey* f : profile_) {
      out_ += rests_on("profile", *f, values_text(*f));
      emails += f->emails;
      upper_case += f->upper_case;
      texts += f->texts;
    }
    const bool fold = emails * 2 > texts || upper_case > 0;
    if (fold) out_ += "  # (addresses: the same in capitals and with blanks around)\n";
    if (profile_.size() == 1 && !fold) {
      out_ += "  profile: " + yaml_text(profile_[0]->path) + "\n";
      return;
    }
    out_ += "  profile: {first: [";
    for (size_t i = 0; i < profile_.size(); ++i)
      out_ += (i ? ", " : "") + yaml_text(profile_[i]->path);
    out_ += std::string("]") + (fold ? ", trim: yes, lowercase: yes" : "") + "}\n";
  }

  void write_id() {
    if (id_) {
      const std::string how =
          id_->distinct() == survey_.lines() ? "different in every line" : values_text(*id_);
      out_ += rests_on("id", *id_, how) +
              "  # (an event that comes again with its id is a duplicate)\n  id: " +
              yaml_text(id_->path) + "\n";
    } else if (unsure_id_) {
      out_ += "  # " + yaml_text(unsure_id_->path) + " is named like an id, but has only " +
              values_text(*unsure_id_) + " in " + lines_text(unsure_id_->lines) +
              ": nothing is taken for a duplicate; if an event that comes again has the same:\n  # "
              "id: " +
              yaml_text(unsure_id_->path) + "\n";
    } else {
      out_ +=
          "  # no field is different in every line and named like an id: nothing is taken for a "
          "duplicate; if one is:\n  # id: /path\n";
    }
  }

  void write_time() {
    const FieldSurvey& f = *time_.field;
    const size_t reading = size_t(time_.reading);
    const std::string path = yaml_text(f.path);
    static const char* const kUnits[] = {"", "unix_s", "unix_ms", "unix_us", "unix_ns"};
    static const char* const kUnitNames[] = {"", "seconds", "milliseconds", "microseconds",
                                             "nanoseconds"};
    std::string how, text = path;
    if (time_.reading == TimeReading::text) {
      how = "RFC 3339";
    } else if (reading < size_t(TimeReading::first_format)) {
      how = std::string("a number of ") + kUnitNames[reading] + " since 1970";
      text = "{at: " + path + ", unit: " + kUnits[reading] + "}";
    } else {
      const std::string format =
          yaml_text(kTimeFormats[reading - size_t(TimeReading::first_format)]);
      how = "as " + format;
      text = "{at: " + path + ", format: " + format + "}";
    }
    FieldSurvey read = f;
    read.lines = f.times[reading];
    out_ += rests_on("time", read, how);
    if (time_.reading == TimeReading::text && f.times_without_offset > 0) {
      out_ += "  # (" + lines_text(f.times_without_offset) +
              " say no offset: taken as UTC. Another zone: {at: " + path +
              ", no_offset: Europe/Berlin})\n";
    }
    out_ += "  time: " + text + "\n";
  }

  void write_values() {
    if (values_.empty()) return;
    out_ += "  values:\n";
    std::set<std::string> taken;
    for (const FieldSurvey* f : values_) {
      value_names_.push_back(name_for(f->path, taken));
      out_ += "    " + yaml_text(value_names_.back()) + ": " + yaml_text(f->path) +
              "   # numbers, " + lines_text(f->lines) + "\n";
    }
  }

  void write_properties() {
    if (properties_.empty() && constants_.empty()) return;
    out_ += properties_.empty() ? "\n" : "\nproperties:\n";
    std::set<std::string> taken;
    for (const FieldSurvey* f : properties_) {
      property_names_.push_back(name_for(f->path, taken));
      out_ += "  " + yaml_text(property_names_.back()) + ": " + yaml_text(f->path) + "   # " +
              values_text(*f) + ", " + lines_text(f->lines) +
              (f->array.empty() ? "" : "; an array: an event counts in each of its elements") +
              "\n";
    }
    if (more_properties_)
      out_ += "  # " + count_text(more_properties_, "other field", "other fields") +
              " could be counted by as well\n";
    write_constants();
  }

  // They may have other values elsewhere.
  void write_constants() {
    if (constants_.empty()) return;
    std::string paths;
    size_t named = 0;
    for (; named < constants_.size() && paths.size() < 200; ++named)
      paths += (named ? ", " : "") + yaml_text(constants_[named]->path);
    if (named < constants_.size())
      paths += " and " + with_thousands(constants_.size() - named) + " more";
    out_ += std::string(properties_.empty() ? "" : "  ") +
            "# the same in the whole sample, so not counted by: " + paths + "\n";
  }

  void write_count() {
    out_ +=
        "\n# [] is the metric alone, [a, b] two properties together.\ncount:\n  - metrics: \"*\"\n "
        "   by:\n      - []\n";
    for (const std::string& name : property_names_) out_ += "      - " + yaml_text(name) + "\n";
    if (value_names_.empty()) return;
    out_ += "    sum: [";
    for (size_t i = 0; i < value_names_.size(); ++i)
      out_ += (i ? ", " : "") + yaml_text(value_names_[i]);
    out_ += "]\n";
  }

  const SampleSurvey& survey_;
  const InputFormat& input_;
  const std::string& sample_;
  const uint64_t unread_;
  const FieldSurvey* tenant_ = nullptr;
  const FieldSurvey* metric_ = nullptr;
  const FieldSurvey* id_ = nullptr;
  const FieldSurvey* unsure_id_ = nullptr;  // named like one, but the same in many lines
  TimeGuess time_;
  std::vector<const FieldSurvey*> profile_, values_, properties_, constants_;
  size_t more_properties_ = 0;
  std::vector<std::string> value_names_, property_names_;
  std::string out_;
};

}  // namespace

std::string yaml_text(std::string_view text) {
  static const std::set<std::string> kWords = {"null", "yes", "no", "true", "false",
                                               "on",   "off", "y",  "n"};
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-';
  };
  const std::string_view name = !text.empty() && text[0] == '/' ? text.substr(1) : text;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  const bool plain = !name.empty() && letter(name[0]) &&
                     std::all_of(name.begin(), name.end(), inner) &&
                     name.find_last_of("/.-") != name.size() - 1 && !kWords.count(lower);
  return plain ? std::string(text) : quoted_yaml(text);
}

Result<std::string> guess_plan(const SampleSurvey& survey, const InputFormat& input,
                               const std::string& sample, uint64_t unread) {
  return Guess(survey, input, sample, unread).text();
}

}  // namespace quipu
