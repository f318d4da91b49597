// `check`: whether a plan is good, and with a sample what it reads and would count. No store.
#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <map>
#include <unordered_set>

#include "base/printable.h"
#include "cli/plan_commands.h"
#include "cli/run_command.h"
#include "cli/sample_lines.h"
#include "engine/first_lines.h"
#include "event/plan_registry.h"
#include "query/buckets.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr uint64_t kMaxCheckLines = 100000;
constexpr size_t kMaxShownCounters = 12;
constexpr size_t kShownBytes = 160;
constexpr size_t kManyValues = 10000;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A text on one line of a table.
std::string shown(std::string_view text) {
  return text.empty() ? "(none)" : printable(text, kShownBytes);
}

std::string properties_text(const Plan& plan, const PlannedDimension& dimension) {
  std::string text = "[";
  for (uint16_t p : dimension.properties)
    text += (text.size() > 1 ? ", " : "") + plan.properties[p].name;
  return text + "]";
}

std::string note_text(Note note, const Plan& plan) {
  switch (note) {
    case Note::rounded:
      return "have a value of more than six decimals, which is rounded";
    case Note::local_time_twice:
      return "have a local time that the clock shows twice; the first is taken";
    case Note::local_time_skipped:
      return "have a local time that the clock skips; it moves ahead";
    case Note::future:
      return "have a time in the future";
    case Note::object_as_scalar:
      return "have an object or a nested array where one value is planned; it is read as empty";
    case Note::unit_too_fine:
      return "have " + unit_question(plan);
    default:
      return std::string(note_name(note));
  }
}

class SampleCheck {
 public:
  SampleCheck(PlanRegistry& registry, const Console& console, const std::string& sample,
              size_t show)
      : registry_(registry),
        plan_(registry.plan().parsed),
        console_(console),
        sample_(sample),
        show_(show),
        hasher_(HashSecret{}),
        decoder_(registry.plan(), hasher_, registry, names_, registry.no_offset()),
        batches_(1),
        columns_(plan_.columns.size()) {
    batches_[0].columns = uint32_t(plan_.columns.size());
    decoder_.set_now(now_ms());
  }

  Status run() {
    const auto take_header = [&](const std::string& line) -> Status {
      Status status = decoder_.set_header(line);
      if (!status.ok()) return Error{sample_ + ": " + status.error().message};
      return {};
    };
    QUIPU_TRY(read_sample_lines(sample_, source_options_of(plan_), take_header,
                                [&](const SampleLine& line) { return add(line); }));
    report();
    return {};
  }

  bool set_aside() const { return tallies_.set_aside_total() > 0; }

 private:
  struct ColumnSurvey {
    uint64_t events = 0, empty = 0;
    std::unordered_set<uint64_t> values;
  };
  struct FirstSetAside {
    uint64_t line = 0;
    std::string detail, text;
  };

  bool add(const SampleLine& line) {
    batches_[0].clear();
    LineOutcome outcome;
    if (line.too_long) {
      outcome.kind = LineOutcome::Kind::set_aside;
      outcome.reason = Reason::line_too_long;
      outcome.detail = "longer than " + with_thousands(kMaxLineBytes) + " bytes";
    } else {
      outcome = decoder_.decode(line.text, batches_);
    }
    tally_line(outcome, tallies_);
    if (outcome.kind == LineOutcome::Kind::set_aside) {
      FirstSetAside& first = first_set_aside_[outcome.reason];
      if (first.line == 0) first = {line.number, outcome.detail, shown(line.text)};
    } else if (outcome.kind == LineOutcome::Kind::event) {
      add_event(batches_[0].events[0]);
      if (events_ <= show_) show_event(line, batches_[0].events[0]);
    }
    if (names_.bytes() > (size_t(1) << 20)) names_.take();
    more_lines_ = tallies_.read >= kMaxCheckLines;
    return !more_lines_;
  }

  void add_event(const Event& event) {
    const EventBatch& batch = batches_[0];
    ++events_;
    without_profile_ += !event.has_profile;
    without_id_ += !event.has_id;
    if (event.has_id && !ids_.insert(combine64(combine64(event.id, raw(event.tenant)),
                                               event.has_profile ? event.profile.lo : 0))
                             .second)
      ++duplicates_;
    for (uint32_t row = 0; row < event.rows; ++row) {
      const uint64_t* here = batch.row_here(event, row);
      for (uint32_t b = 0; b < event.metric->bitmap_words; ++b)
        counters_ += uint64_t(std::popcount(here[b]));
    }
    for (uint8_t c : event.metric->columns) {
      if (plan_.columns[c].is_when) continue;
      ColumnSurvey& survey = columns_[c];
      ++survey.events;
      bool empty = true;
      for (uint32_t row = 0; row < event.rows; ++row) {
        const uint64_t element = batch.row_elements(event, row)[c];
        if (element == kEmptyElement) continue;
        empty = false;
        survey.values.insert(element);
      }
      survey.empty += empty;
    }
  }

  // One event in full.
  void show_event(const SampleLine& line, const Event& event) {
    std::string out =
        "event " + std::to_string(events_) + " (line " + with_thousands(line.number) + ")\n";
    std::vector<ReadField> fields;
    explain_line(decoder_, line.text, fields);
    std::vector<std::vector<std::string>> rows;
    for (const ReadField& f : fields) {
      std::string texts;
      for (const std::string& t : f.texts) texts += (texts.empty() ? "" : " | ") + shown(t);
      rows.push_back({"  " + f.field, shown(f.from), f.texts.empty() ? "-" : texts});
    }
    out += aligned(rows, {false, false, false});
    out += buckets_text(event);
    out += counters_text(event);
    console_.out(out + "\n");
  }

  std::string buckets_text(const Event& event) const {
    const MonthTable& month = *event.month;
    const std::vector<Calendar>* calendars = nullptr;
    const std::string tenant = registry_.tenant_name(event.tenant);
    if (const Tenant* known = registry_.tenant(tenant)) calendars = &registry_.calendars(*known);
    std::vector<std::vector<std::string>> rows{{"  calendar", "hour", "day", "week from", "month"}};
    for (int c = 0; calendars && c < month.calendars(); ++c) {
      const Calendar& calendar = (*calendars)[size_t(c)];
      rows.push_back({"  " + calendar.name +
                      (calendar.name == calendar.zone ? "" : " (" + calendar.zone + ")")});
      for (Interval interval : {Interval::hour, Interval::day, Interval::week, Interval::month}) {
        const Bucket bucket = month.bucket(c, interval, event.slot);
        const std::string begin = format_instant(bucket.first_s, bucket.first_offset_s);
        rows.back().push_back(interval == Interval::hour
                                  ? begin
                                  : begin.substr(0, interval == Interval::month ? 7 : 10));
      }
    }
    return aligned(rows, {false, false, false, false, false});
  }

  std::string counters_text(const Event& event) const {
    const EventBatch& batch = batches_[0];
    const std::vector<PlannedSection> sections = plan_.sections_of(event.metric->name);
    std::string out;
    for (size_t s = 0; s < sections.size() && s < event.metric->sections.size(); ++s) {
      const CompiledSection& section = event.metric->sections[s];
      std::string list;
      size_t counters = 0, listed = 0;
      for (uint32_t d = 0; d < section.dimensions; ++d) {
        const uint32_t bit = section.first_dimension + d;
        size_t values = 0;
        for (uint32_t row = 0; row < event.rows; ++row)
          values += batch.row_here(event, row)[bit / 64] >> (bit % 64) & 1;
        counters += values;
        if (values == 0 || listed == kMaxShownCounters) continue;
        ++listed;
        list += (list.empty() ? "" : " ") + properties_text(plan_, sections[s].dimensions[d]) +
                (values > 1 ? " x " + std::to_string(values) : "");
      }
      if (counters == 0) continue;
      out += "  counts as " + shown(sections[s].selector.name) + " in " + with_thousands(counters) +
             (counters == 1 ? " counter: " : " counters: ") + list +
             (listed < counters && listed == kMaxShownCounters ? " ..." : "") + "\n";
    }
    return out;
  }

  // The whole.
  void report() {
    tallies_.counted = events_ - duplicates_;
    tallies_.duplicate = duplicates_;
    std::string out =
        with_thousands(tallies_.read) + " read = " + with_thousands(tallies_.counted) +
        " counted + " + with_thousands(duplicates_) + " duplicate + " +
        with_thousands(tallies_.set_aside_total()) + " set aside + " +
        with_thousands(tallies_.unplanned) + " unplanned" +
        (more_lines_ ? " (the sample's first " + with_thousands(kMaxCheckLines) + " lines)" : "") +
        "\n";
    if (tallies_.read == 0) out += "the sample holds no lines\n";
    if (events_) {
      const double mean = double(counters_) / double(events_);
      char text[32];
      std::snprintf(text, sizeof text,
                    mean < 9.95 && mean != double(int64_t(mean)) ? "%.1f" : "%.0f", mean);
      out += std::string("about ") + text +
             (counters_ == events_ ? " counter an event\n" : " counters an event\n");
    }
    const std::string warnings = warnings_text();
    if (!warnings.empty()) out += "\nwarnings:\n" + warnings;
    if (set_aside()) out += "\nset aside:\n" + set_aside_text();
    console_.out(out);
  }

  // Whether some rule's `when` looks at it.
  bool is_condition(uint16_t column) const {
    return std::any_of(plan_.columns.begin(), plan_.columns.end(), [&](const Column& c) {
      return std::any_of(c.when.begin(), c.when.end(),
                         [&](const auto& entry) { return entry.first == column; });
    });
  }

  static std::string percent(uint64_t part, uint64_t whole) {
    return std::to_string(part * 100 / whole) + "%";
  }

  std::string warnings_text() const {
    std::string out;
    for (const Property& p : plan_.properties) {
      const ColumnSurvey& survey = columns_[p.column];
      if (survey.events == 0) {
        if (events_ && !is_condition(p.column))
          out += "  property " + shown(p.name) + ": no event counts by it\n";
        continue;
      }
      if (survey.empty * 10 > survey.events * 9) {
        out += "  property " + shown(p.name) + ": empty in " +
               percent(survey.empty, survey.events) + " of the events; is " + shown(p.path.text) +
               " right?\n";
      }
      if (survey.values.size() > kManyValues && survey.values.size() * 10 > survey.events) {
        out += "  property " + shown(p.name) + ": " + with_thousands(survey.values.size()) +
               " values in " + with_thousands(survey.events) +
               " events; counters of nearly every event's own take much room\n";
      }
    }
    if (without_profile_ * 10 > events_ && plan_.profile.kind != Field::Kind::absent) {
      out += "  profile: missing in " + percent(without_profile_, events_) +
             " of the events; they add to no unique\n";
    }
    if (without_id_ * 10 > events_ && plan_.id.kind != Field::Kind::absent) {
      out += "  id: missing in " + percent(without_id_, events_) +
             " of the events; they are never taken for duplicates\n";
    }
    for (size_t n = 0; n < tallies_.notes.size(); ++n) {
      if (tallies_.notes[n])
        out += "  " + with_thousands(tallies_.notes[n]) +
               (tallies_.notes[n] == 1 ? " line: " : " lines: ") + note_text(Note(n), plan_) + "\n";
    }
    if (tallies_.unplanned)
      out += "  " + with_thousands(tallies_.unplanned) + " unplanned: no rule counts them\n";
    return out;
  }

  std::string set_aside_text() const {
    std::string out;
    for (const auto& [reason, first] : first_set_aside_) {
      out += "  " + with_thousands(tallies_.set_aside[size_t(reason)]) + " " +
             std::string(reason_name(reason)) + ", first line " + with_thousands(first.line) +
             (first.detail.empty() ? "" : ": " + shown(first.detail)) + "\n    " + first.text +
             "\n";
    }
    return out;
  }

  PlanRegistry& registry_;
  const Plan& plan_;
  const Console& console_;
  const std::string& sample_;
  const size_t show_;
  const Hasher hasher_;
  NameLog names_;
  Decoder decoder_;
  std::vector<EventBatch> batches_;
  Tallies tallies_;
  uint64_t events_ = 0, counters_ = 0, duplicates_ = 0, without_profile_ = 0, without_id_ = 0;
  bool more_lines_ = false;
  std::unordered_set<uint64_t> ids_;
  std::vector<ColumnSurvey> columns_;
  std::map<Reason, FirstSetAside> first_set_aside_;
};

std::string plan_text(const Plan& plan, const std::string& file) {
  std::string out = file + ": a good plan; " + with_thousands(plan.properties.size()) +
                    (plan.properties.size() == 1 ? " property" : " properties");
  std::vector<std::vector<std::string>> rows;
  auto add = [&](const Selector& selector, const PlannedSection& section) {
    std::string list;
    for (size_t d = 0; d < section.dimensions.size() && d < kMaxShownCounters; ++d) {
      list += (d ? " " : "") + properties_text(plan, section.dimensions[d]);
    }
    if (section.dimensions.size() > kMaxShownCounters) list += " ...";
    rows.push_back({"  " + (selector.name == "*" ? "(other metrics)" : shown(selector.name)),
                    selector.group ? "together" : "metric",
                    with_thousands(section.dimensions.size()), list});
  };
  for (const Selector& selector : plan.named_selectors()) {
    const std::string metric = !selector.group        ? selector.name
                               : selector.all_metrics ? "*"
                                                      : selector.members.front();
    for (const PlannedSection& section : plan.sections_of(metric)) {
      if (section.selector.identity() == selector.identity()) add(selector, section);
    }
  }
  for (const PlannedSection& section : plan.sections_of("*")) {
    if (!section.selector.group) add(section.selector, section);
  }
  return out + "; counts:\n" + aligned(rows, {false, false, true, false});
}

}  // namespace

int check_command(const Arguments& arguments, const Console& console) {
  auto fail = [&](const Error& error, int status) {
    console.err("quipu check: " + error.message + "\n");
    return status;
  };
  auto plan = read_plan(arguments.plan, arguments.zoneinfo_dir);
  if (!plan.ok()) return fail(plan.error(), kExitUsage);
  if (arguments.sample.empty()) {
    console.out(plan_text(*plan, arguments.plan));
    return kExitDone;
  }
  auto file = SampleFile::open(arguments.sample);
  if (!file.ok()) return fail(file.error(), kExitUsage);
  console.out(plan_text(*plan, arguments.plan));
  auto registry = PlanRegistry::open(std::move(*plan), arguments.zoneinfo_dir);
  if (!registry.ok()) return fail(registry.error(), kExitError);
  console.out("\n");
  SampleCheck check(**registry, console, file->path(), arguments.show);
  if (Status status = check.run(); !status.ok()) return fail(status.error(), kExitError);
  return check.set_aside() ? kExitSetAside : kExitDone;
}

}  // namespace quipu
