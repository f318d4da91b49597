#include "answers/klaviyo_answer.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "http/klaviyo_door.h"
#include "query/buckets.h"
#include "query/span.h"

namespace quipu {
namespace {

using Tokens = std::vector<std::string>;

std::string as_pointer(std::string_view name) {
  std::string text = "/event/properties/";
  for (const char c : name) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return text;
}

Result<std::string> property_of(const Plan& plan, const std::string& name) {
  const Tokens path =
      name == "$value_currency" ? Tokens{"event", "currency"} : Tokens{"event", "properties", name};
  for (const Property& property : plan.properties) {
    if (property.name == name) return name;
  }
  for (const Property& property : plan.properties) {
    if (!property.present && property.path.tokens == path) return property.name;
  }
  return Error{"nothing is counted by \"" + name +
               "\": name it in the plan, such as properties: {\"" + name + "\": \"" +
               as_pointer(name) + "\"}, and in the by: of a rule"};
}

Result<Filter> filter_of(const Plan& plan, const KlaviyoCondition& condition) {
  Filter filter;
  QUIPU_ASSIGN(filter.property, property_of(plan, condition.field));
  const bool equals = condition.call == "equals" && condition.values.size() == 1;
  if (equals || (condition.call == "any" && !condition.values.empty())) {
    filter.kind = condition.negated ? Filter::Kind::none_of : Filter::Kind::any_of;
    filter.values = condition.values;
  } else if (condition.call == "has" && condition.values.empty()) {
    filter.kind = condition.negated ? Filter::Kind::any_of : Filter::Kind::none_of;
    filter.values = {""};
  } else {
    return Error{
        "filters are equals(NAME,VALUE), any(NAME,[VALUES]), has(NAME) and not(...) of "
        "these; " +
        condition.call + "() of " + std::to_string(condition.values.size()) +
        " values is not answered"};
  }
  if (filter.kind == Filter::Kind::none_of && filter.values == std::vector<std::string>{""}) {
    filter.kind = Filter::Kind::not_empty;
    filter.values.clear();
  }
  return filter;
}

// Of two names of zones whether they are one, such as US/Eastern and America/New_York.
bool is_same_zone(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto is_name = [](const std::string& name) {
    return !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
             return std::isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
           });
  };
  const std::filesystem::path zones = "/usr/share/zoneinfo";
  std::error_code ignored;
  return is_name(a) && is_name(b) && std::filesystem::equivalent(zones / a, zones / b, ignored);
}

Result<int> calendar_of(StoreView& view, TenantId tenant, const std::string& zone) {
  const std::vector<Calendar>& calendars = view.calendars(tenant);
  std::string zones;
  for (size_t i = 0; i < calendars.size(); ++i) {
    if (is_same_zone(calendars[i].zone, zone)) return int(i);
    zones += (i ? ", " : "") + calendars[i].zone;
  }
  return Error{"timezone \"" + zone + "\": this tenant's calendars are in " + zones +
               "; add it to the plan, such as calendars: {default: [{zone: " +
               (calendars.empty() ? std::string("UTC") : calendars[0].zone) + "}, {zone: " + zone +
               "}]}"};
}

// The begin of the bucket that holds the instant, or of the one behind it.
Result<int64_t> bucket_edge(StoreView& view, TenantId tenant, int calendar, Interval interval,
                            int64_t at_s, bool behind) {
  constexpr int64_t kStepS = 900;  // every bucket begins at a quarter of an hour
  QUIPU_ASSIGN(const Bucket bucket, bucket_at(view, tenant, calendar, interval, at_s));
  if (!behind || bucket.first_s == at_s) return bucket.first_s;
  for (int64_t next = at_s - at_s % kStepS + kStepS; next < kEndEventTimeS; next += kStepS) {
    QUIPU_ASSIGN(const Bucket of, bucket_at(view, tenant, calendar, interval, next));
    if (of.label != bucket.label) return of.first_s;
  }
  return kEndEventTimeS;
}

// Klaviyo's names rise, those with a - fall; counts of ours fall.
Result<std::string> sort_of(const Plan& plan, const KlaviyoQuestion& asked,
                            const Question& question, const std::string& sum) {
  const bool falls = asked.sort.starts_with('-');
  const std::string name = asked.sort.substr(falls ? 1 : 0);
  const std::string ours = name == "count" || name == "unique" ? name
                           : name == "sum_value"               ? "sum:" + sum
                                                               : "";
  if (!ours.empty()) return falls ? ours : "-" + ours;
  QUIPU_ASSIGN(const std::string property, property_of(plan, name));
  if (std::find(question.by.begin(), question.by.end(), property) == question.by.end())
    return Error{"sort: count, sum_value, unique, or a name of by"};
  return (falls ? "-by:" : "by:") + property;
}

// The plan's value that Klaviyo's door writes; else its first.
std::string value_of(const Plan& plan) {
  for (const ValueField& value : plan.values) {
    for (const Path& path : value.field.paths) {
      if (path.tokens == Tokens{"event", "value"}) return value.name;
    }
  }
  return plan.values.empty() ? "" : plan.values[0].name;
}

class KlaviyoAnswer {
 public:
  KlaviyoAnswer(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
                const std::string& tenant, const KlaviyoQuestion& asked)
      : prepared_(prepared), view_(view), kept_(kept), tenant_(tenant), asked_(asked) {}

  Response respond() {
    if (!asked_.cursor.empty()) {
      auto page = kept_.page(tenant_, asked_.cursor);
      return page ? rendered(std::move(*page)) : klaviyo_error(410, kPageGone);
    }
    const auto id = find_metric();
    if (!id.ok()) return klaviyo_error(400, id.error().message);
    if (question_.metric.empty())
      return klaviyo_error(404, "no counted metric has the id " + asked_.metric_id +
                                    ": GET /api/metrics tells them");
    if (Status made = make_question(); !made.ok()) return klaviyo_error(400, made.error().message);
    auto answered = answer(view_, question_);
    if (!answered.ok()) return klaviyo_error(400, answered.error().message);
    if (asked_.unique && !answered->has_unique) return klaviyo_error(400, why_no_unique(*answered));
    return rendered(kept_.first_page(tenant_, std::move(*answered), asked_.page_size));
  }

 private:
  // Sets the question's metric; leaves it empty if there is none of that id.
  Status find_metric() {
    for (const auto& [id, name] : view_.tenants()) {
      if (name == tenant_) tenant_id_ = id;
    }
    if (!tenant_id_) return {};
    for (const SelectorEntry& entry : view_.selectors()) {
      if (entry.group || klaviyo_metric_id(tenant_, entry.name) != asked_.metric_id) continue;
      QUIPU_ASSIGN(const bool counted, prepared_.is_counted(*tenant_id_, entry.name));
      if (counted) question_.metric = entry.name;
    }
    return {};
  }

  Status make_question() {
    const Plan& plan = view_.plan();
    question_.named = NameKind::metric;
    question_.tenant = tenant_;
    question_.now_s = std::time(nullptr);
    question_.interval = parse_interval(asked_.interval);
    for (const std::string& name : asked_.by) {
      QUIPU_ASSIGN(std::string property, property_of(plan, name));
      question_.by.push_back(std::move(property));
    }
    for (const KlaviyoCondition& condition : asked_.conditions) {
      QUIPU_ASSIGN(Filter filter, filter_of(plan, condition));
      question_.where.push_back(std::move(filter));
    }
    if (asked_.sum && value_of(plan).empty())
      return Error{"sum_value: the plan has no values to add up"};
    if (!asked_.sort.empty()) {
      QUIPU_ASSIGN(question_.sort, sort_of(plan, asked_, question_, value_of(plan)));
    }
    return make_range();
  }

  // In whole seconds; a fraction leads to the one before, or behind.
  Result<int64_t> bound(std::string text, int calendar, bool behind) {
    const size_t dot = text.find('.');
    bool fraction = false;
    if (dot != std::string::npos) {
      const size_t end = std::min(text.find_first_not_of("0123456789", dot + 1), text.size());
      fraction = text.find_first_not_of('0', dot + 1) < end;
      text.erase(dot, end - dot);
    }
    QUIPU_ASSIGN(const int64_t at_s,
                 read_bound(view_, *tenant_id_, calendar, text, question_.now_s));
    return at_s + (behind && fraction ? 1 : 0);
  }

  Status make_range() {
    QUIPU_ASSIGN(const int calendar, calendar_of(view_, *tenant_id_, asked_.timezone));
    question_.calendar = view_.calendars(*tenant_id_)[size_t(calendar)].name;
    const auto from = bound(asked_.from, calendar, false), to = bound(asked_.to, calendar, true);
    if (!from.ok()) return Error{"filter: datetime: " + from.error().message};
    if (!to.ok()) return Error{"filter: datetime: " + to.error().message};
    if (*from >= *to) return Error{"filter: datetime: the range is empty"};
    const Interval interval = *question_.interval;
    QUIPU_ASSIGN(const int64_t first,
                 bucket_edge(view_, *tenant_id_, calendar, interval, *from, false));
    QUIPU_ASSIGN(const int64_t end, bucket_edge(view_, *tenant_id_, calendar, interval, *to, true));
    question_.from = format_instant(first, 0);
    question_.to = format_instant(end, 0);
    if (first != *from || end != *to) widened_ = *question_.from + "/" + *question_.to;
    return {};
  }

  std::string why_no_unique(const Answer& answered) const {
    std::string text = "unique: this question has no exact number of people";
    for (const std::string& note : answered.notes) text += "; " + note;
    return text;
  }

  Response rendered(AnswerPage page) const {
    KlaviyoTable table;
    table.next = std::move(page.next);
    const Answer& a = page.answer;
    const std::string sum = value_of(view_.plan());
    const size_t value =
        size_t(std::find(a.values.begin(), a.values.end(), sum) - a.values.begin());
    if (asked_.sum && value == a.values.size())
      return klaviyo_error(400, "sum_value: this counter has no sum of " + sum + "; add sum: [" +
                                    sum + "] to its rule in the plan");
    for (const std::string& bucket : a.buckets) {
      const ParsedTime time = parse_time_text(bucket, ZoneRules{});
      table.dates.push_back(format_instant(time.ms / 1000, 0));
    }
    for (const Group& group : a.groups) {
      KlaviyoTable::Row row;
      row.dimensions = group.by;
      for (size_t i = 0; i < group.count.size(); ++i) {
        row.count.push_back(std::to_string(group.count[i]));
        if (asked_.unique && a.has_unique) row.unique.push_back(std::to_string(group.unique[i]));
        if (asked_.sum) row.sum.push_back(format_fixed6(group.sums[value][i]));
      }
      table.rows.push_back(std::move(row));
    }
    Response response = klaviyo_aggregates(asked_, table);
    if (!widened_.empty()) response.own_headers = "Quipu-Widened: " + widened_ + "\r\n";
    return response;
  }

  PreparedView& prepared_;
  StoreView& view_;
  KeptAnswers& kept_;
  const std::string& tenant_;
  const KlaviyoQuestion& asked_;
  std::optional<TenantId> tenant_id_;
  Question question_;
  std::string widened_;
};

}  // namespace

Response klaviyo_answer(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
                        const std::string& tenant, const KlaviyoQuestion& asked) {
  return KlaviyoAnswer(prepared, view, kept, tenant, asked).respond();
}

}  // namespace quipu
