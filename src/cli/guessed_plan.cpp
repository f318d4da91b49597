#include "cli/guessed_plan.h"

#include <algorithm>
#include <array>
#include <set>

#include "cli/field_names.h"
#include "query/render.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

constexpr size_t kMostValues = 10000;  // different ones that are told apart
constexpr size_t kGuessedPairs = 2;
constexpr size_t kSkeletonFields = 100;

std::string count_text(uint64_t n, const char* one, const char* many) {
  return with_thousands(n) + " " + (n == 1 ? one : many);
}

std::string tenant_constant(const std::string& sample) {
  std::string name = sample.substr(sample.rfind('/') + 1);
  name = plain_name(name.substr(0, name.find('.')));
  return name.empty() ? "main" : name;
}

std::string input_text(const InputFormat& input) {
  const std::string delimiter = input.whitespace ? "whitespace"
                                : input.delimiter == '\t'
                                    ? "\"\\t\""
                                    : "\"" + std::string(1, input.delimiter) + "\"";
  return std::string("# ") +
         (input.header ? "the first line names the columns"
                       : "no header line: columns are named by their place, /0 is the first") +
         "\ninput: {format: delimited, delimiter: " + delimiter +
         ", header: " + (input.header ? "yes" : "no") + "}\n\n";
}

constexpr char kZoneAdvice[] =
    "\n# Weeks, days and hours are UTC's. Another zone, or several:\n"
    "# calendars: {default: [{zone: America/New_York, week_start: sunday}, {zone: UTC}]}\n";

class PlanText {
 public:
  PlanText(const GuessedPlan& guess, const SampleSurvey& survey, const GuessedFrom& from)
      : guess_(guess), survey_(survey), from_(from) {}

  std::string text() {
    out_ =
        "# Guessed by quipu init from " + yaml_text(from_.sample) + ": " +
        (from_.has_more ? "its first " : "") + count_text(survey_.lines(), "line", "lines") + ", " +
        count_text(survey_.fields().size(), "field", "fields") +
        (survey_.left_fields_out() ? " and more that were not looked at" : "") +
        (from_.unread
             ? "; " + count_text(from_.unread, "line", "lines") + " beside them cannot be read"
             : "") +
        ".\n# Change what is wrong, then see what it reads:  quipu check PLAN SAMPLE\nquipu: 1\n\n";
    if (from_.input.delimited) out_ += input_text(from_.input);
    out_ += "event:\n";
    write_label("tenant", guess_.tenant,
                "no field looks like an account; all events are of one tenant",
                tenant_constant(from_.sample));
    write_label("metric", guess_.metric, "no field says what happened; all events are of one kind",
                "Event");
    write_profile();
    write_id();
    write_time();
    write_values();
    write_properties();
    out_ += kZoneAdvice;
    write_count();
    return std::move(out_);
  }

 private:
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
    if (guess_.profile.empty()) {
      out_ +=
          "  # no field looks like a person, so nothing is counted by different people; if one "
          "is:\n  # profile: /path\n";
      return;
    }
    uint64_t emails = 0, upper_case = 0, texts = 0;
    for (const FieldSurvey* f : guess_.profile) {
      out_ += rests_on("profile", *f, values_text(*f));
      emails += f->emails;
      upper_case += f->upper_case;
      texts += f->texts;
    }
    const bool fold = emails * 2 > texts || upper_case > 0;
    if (fold) out_ += "  # (addresses: the same in capitals and with blanks around)\n";
    if (guess_.profile.size() == 1 && !fold) {
      out_ += "  profile: " + yaml_text(guess_.profile[0]->path) + "\n";
      return;
    }
    out_ += "  profile: {first: [";
    for (size_t i = 0; i < guess_.profile.size(); ++i)
      out_ += (i ? ", " : "") + yaml_text(guess_.profile[i]->path);
    out_ += std::string("]") + (fold ? ", trim: yes, lowercase: yes" : "") + "}\n";
  }

  void write_id() {
    if (guess_.id) {
      const std::string how = guess_.id->distinct() == survey_.lines() ? "different in every line"
                                                                       : values_text(*guess_.id);
      out_ += rests_on("id", *guess_.id, how) +
              "  # (an event that comes again with its id is a duplicate)\n  id: " +
              yaml_text(guess_.id->path) + "\n";
    } else if (guess_.unsure_id) {
      out_ += "  # " + yaml_text(guess_.unsure_id->path) + " is named like an id, but has only " +
              values_text(*guess_.unsure_id) + " in " + lines_text(guess_.unsure_id->lines) +
              ": nothing is taken for a duplicate; if an event that comes again has the same:\n  # "
              "id: " +
              yaml_text(guess_.unsure_id->path) + "\n";
    } else {
      out_ +=
          "  # no field is different in every line and named like an id: nothing is taken for a "
          "duplicate; if one is:\n  # id: /path\n";
    }
  }

  void write_time() {
    const FieldSurvey& f = *guess_.time.field;
    const size_t reading = size_t(guess_.time.reading);
    const std::string path = yaml_text(f.path);
    static const char* const kUnits[] = {"", "unix_s", "unix_ms", "unix_us", "unix_ns"};
    static const char* const kUnitNames[] = {"", "seconds", "milliseconds", "microseconds",
                                             "nanoseconds"};
    std::string how, text = path;
    if (guess_.time.reading == TimeReading::text) {
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
    if (guess_.time.reading == TimeReading::text && f.times_without_offset > 0) {
      out_ += "  # (" + lines_text(f.times_without_offset) +
              " say no offset: taken as UTC. Another zone: {at: " + path +
              ", no_offset: Europe/Berlin})\n";
    }
    if (guess_.time.days_and_months) {
      out_ +=
          "  # (all of it fits with the day before the month, too: then write %d/%m in place of "
          "%m/%d)\n";
    }
    out_ += "  time: " + text + "\n";
  }

  void write_values() {
    if (guess_.values.empty()) return;
    out_ += "  values:\n";
    std::set<std::string> taken;
    for (const FieldSurvey* f : guess_.values) {
      value_names_.push_back(name_for(f->path, taken));
      out_ += "    " + yaml_text(value_names_.back()) + ": " + yaml_text(f->path) +
              "   # numbers, " + lines_text(f->lines) + "\n";
    }
  }

  void write_properties() {
    if (guess_.properties.empty() && guess_.constants.empty() && guess_.persons.empty()) return;
    out_ += guess_.properties.empty() ? "\n" : "\nproperties:\n";
    std::set<std::string> taken;
    for (const FieldSurvey* f : guess_.properties) {
      property_names_.push_back(name_for(f->path, taken));
      out_ += "  " + yaml_text(property_names_.back()) + ": " + yaml_text(f->path) + "   # " +
              values_text(*f) + ", " + lines_text(f->lines) +
              (f->array.empty() ? "" : "; an array: an event counts in each of its elements") +
              "\n";
    }
    if (guess_.more_properties)
      out_ += "  # " + count_text(guess_.more_properties, "other field", "other fields") +
              " could be counted by as well\n";
    write_persons();
    write_constants();
  }

  void write_persons() {
    if (guess_.persons.empty()) return;
    std::string paths;
    for (const FieldSurvey* f : guess_.persons)
      paths += (paths.empty() ? "" : ", ") + yaml_text(f->path);
    out_ += std::string(guess_.properties.empty() ? "" : "  ") +
            "# of people, so not counted by: " + paths + "\n";
  }

  // They may have other values elsewhere.
  void write_constants() {
    if (guess_.constants.empty()) return;
    std::string paths;
    size_t named = 0;
    for (; named < guess_.constants.size() && paths.size() < 200; ++named)
      paths += (named ? ", " : "") + yaml_text(guess_.constants[named]->path);
    if (named < guess_.constants.size())
      paths += " and " + with_thousands(guess_.constants.size() - named) + " more";
    out_ += std::string(guess_.properties.empty() ? "" : "  ") +
            "# the same in the whole sample, so not counted by: " + paths + "\n";
  }

  // All together, each property, and the two pairs that tell most; what ever happened, too.
  void write_count() {
    out_ +=
        "\n# [] is the metric alone, [a, b] two properties together. lifetime: from the first "
        "event "
        "on.\ncount:\n  - {metrics: \"*\", by: [[]], lifetime: yes}\n  - metrics: \"*\"\n    by:\n "
        "     "
        "- []\n";
    for (const std::string& name : property_names_) out_ += "      - " + yaml_text(name) + "\n";
    for (size_t second = 1; second < property_names_.size() && second <= kGuessedPairs; ++second) {
      out_ += "      - [" + yaml_text(property_names_[0]) + ", " +
              yaml_text(property_names_[second]) + "]\n";
    }
    if (value_names_.empty()) return;
    out_ += "    sum: [";
    for (size_t i = 0; i < value_names_.size(); ++i)
      out_ += (i ? ", " : "") + yaml_text(value_names_[i]);
    out_ += "]\n";
  }

  const GuessedPlan& guess_;
  const SampleSurvey& survey_;
  const GuessedFrom& from_;
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

namespace {

// A word on what a field may be.
std::string word_on(const FieldSurvey& f, uint64_t lines) {
  std::string text = with_thousands(f.distinct()) + (f.distinct() == 1 ? " value" : " values");
  if (f.lines < lines) text += " in " + with_thousands(f.lines) + " lines";
  if (f.structures) return text + ", an object or a list in some lines";
  if (!f.array.empty()) text += ", in a list";
  if (name_rank(f.path, kProfileNames) || f.emails * 2 > f.values)
    return text + "; a person: profile?";
  if (name_rank(f.path, kTenantNames)) return text + "; an account: tenant?";
  if (name_rank(f.path, kMetricNames)) return text + "; what happened: metric?";
  if (time_name_score(f.path) > 0) return text + "; named like a time: time?";
  if (f.distinct() == lines && lines > 1 && may_be_event_id(f.path) && ends_as_id(f.path))
    return text + "; different in every line: id?";
  if (f.values && f.amounts == f.values) return text + ", numbers: a value to sum?";
  if (f.booleans == f.values && f.values) return text + ", yes or no: a property?";
  return text + ", texts: a property?";
}

}  // namespace

std::string plan_skeleton(const SampleSurvey& survey, const GuessedFrom& from) {
  std::string out =
      "# quipu init found no time in " + yaml_text(from.sample) +
      ". Complete this plan, then see what it reads:  quipu check PLAN SAMPLE\n#\n# Fields of " +
      (from.has_more ? "the first " : "") + count_text(survey.lines(), "line", "lines") + ":\n";
  size_t shown = 0;
  for (const FieldSurvey& f : survey.fields()) {
    if (++shown > kSkeletonFields) continue;
    out += "#   " + yaml_text(f.path) + ": " + word_on(f, survey.lines()) + "\n";
  }
  if (shown > kSkeletonFields)
    out += "#   and " + with_thousands(shown - kSkeletonFields) + " more\n";
  return out + "quipu: 1\n\n" + (from.input.delimited ? input_text(from.input) : "") +
         "event:\n  # an account: /path\n  tenant: {const: " +
         yaml_text(tenant_constant(from.sample)) +
         "}\n  # what happened: /path\n  metric: {const: Event}\n  # who: /path\n  # profile: "
         "/path\n"
         "  # what tells two events apart: /path\n  # id: /path\n"
         "  # when: a path, with the unit of a number or the format of a text that is not RFC "
         "3339:\n"
         "  # {at: /path, unit: unix_s}   {at: /path, format: \"%d.%m.%Y %H:%M\"}\n"
         "  time: /path\n\n# properties: {name: /path}\n" +
         kZoneAdvice + "\ncount:\n  - {metrics: \"*\", by: [[]], lifetime: yes}\n";
}

namespace {

constexpr double kNearlyAllLines = 0.95;

// HOST IDENT USER [TIME] "REQUEST" STATUS BYTES, and perhaps "REFERER" "AGENT".
bool is_log_line(const std::string& line, const ZoneRules& utc, bool& combined) {
  const size_t open = line.find('['), close = line.find("] \"");
  if (open == std::string::npos || close == std::string::npos || close < open || open == 0 ||
      std::count(line.begin(), line.begin() + std::ptrdiff_t(open), ' ') < 3)
    return false;
  const std::string time = line.substr(open + 1, close - open - 1);
  if (parse_time_format(time, kLogTimeFormat, utc).error != TimeError::none) return false;
  const size_t request_end = line.find("\" ", close + 3);
  if (request_end == std::string::npos) return false;
  combined = line.find('"', request_end + 2) != std::string::npos;
  return true;
}

}  // namespace

bool is_web_log(const std::vector<std::string>& lines, bool& combined) {
  ZoneRules utc;
  utc.name = "UTC";
  size_t logs = 0, combined_lines = 0;
  for (const std::string& line : lines) {
    bool has_agent = false;
    logs += is_log_line(line, utc, has_agent);
    combined_lines += has_agent;
  }
  combined = combined_lines * 2 > logs;
  return double(logs) >= kNearlyAllLines * double(lines.size());
}

std::string web_log_plan(const GuessedFrom& from, uint64_t lines, bool combined) {
  return "# Guessed by quipu init from " + yaml_text(from.sample) + ": " +
         (from.has_more ? "its first " : "") + count_text(lines, "line", "lines") +
         " of a web server's log, " + (combined ? "combined" : "common") +
         " format.\n# Change what is wrong, then see what it reads:  quipu check PLAN "
         "SAMPLE\nquipu: "
         "1\n\ninput: {format: combined_log}\n\nevent:\n  # a log is one site's\n  tenant: "
         "{const: " +
         yaml_text(tenant_constant(from.sample)) +
         "}\n  metric: {const: Request}\n"
         "  # who asked: an address, which people may share; those who log in: {first: [/user, "
         "/host]}\n"
         "  profile: /host\n  # time from /time with its offset\n  time: /time\n"
         "  values:\n    bytes: /bytes\n\nproperties:\n"
         "  path: /path   # without what is behind its ?; with it: /target\n  status: /status\n"
         "  method: /method\n" +
         (combined ? "  referer: /referer\n  agent: /agent\n" : "") + kZoneAdvice +
         "\n# [] is the metric alone, [a, b] two properties together. lifetime: from the first "
         "event "
         "on.\ncount:\n  - {metrics: \"*\", by: [[]], lifetime: yes}\n"
         "  - metrics: \"*\"\n    by:\n      - []\n      - path\n      - status\n      - method\n" +
         (combined ? "      - referer\n      - agent\n" : "") +
         "      - [path, status]\n      - [status, method]\n    sum: [bytes]\n";
}

std::string guessed_plan_text(const GuessedPlan& guess, const SampleSurvey& survey,
                              const GuessedFrom& from) {
  return PlanText(guess, survey, from).text();
}

}  // namespace quipu
