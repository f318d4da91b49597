#include "answers/read_answers.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "answers/question_form.h"
#include "base/json_text.h"
#include "query/answer.h"
#include "query/choose.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr char kCsv[] = "text/csv; charset=utf-8", kText[] = "text/plain; charset=utf-8";

bool is_csv(AnswerForm form) { return form == AnswerForm::csv || form == AnswerForm::safe_csv; }
bool is_table(AnswerForm form) { return form == AnswerForm::table || form == AnswerForm::terminal; }

constexpr char kUnknown[] = "nothing of that name is counted for this tenant";

std::optional<TenantId> find_tenant(const StoreView& view, const std::string& tenant) {
  for (const auto& [id, name] : view.tenants()) {
    if (name == tenant) return id;
  }
  return std::nullopt;
}

std::string as_of_json(StoreView& view) {
  const CommittedState& state = view.snapshot().state();
  return "\"as_of\":{\"checkpoint\":" + std::to_string(state.checkpoint) +
         ",\"time\":" + json_string(format_instant(state.time_s, 0)) + "}";
}

Response json_response(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

// `paged`: it may have further pages, whose cursor is `next` ("": none).
Response rendered(const Answer& answer, AnswerForm form, bool paged, const std::string& next) {
  Response response;
  if (is_csv(form)) {
    response.body =
        render_csv(answer, form == AnswerForm::csv ? CsvTexts::exact : CsvTexts::no_formulas);
    response.content_type = kCsv;
  } else if (is_table(form)) {
    response.body = render_table(answer, {.terminal = form == AnswerForm::terminal});
    response.content_type = kText;
  } else if (form == AnswerForm::ndjson) {
    response.body = render_ndjson(answer);
    response.content_type = "application/x-ndjson";
  } else {
    response.body = render_json(answer);
  }
  if (!paged) return response;
  if (!next.empty()) response.own_headers = "Quipu-Next: " + next + "\r\n";
  if (form != AnswerForm::json) return response;
  response.body.resize(response.body.rfind('}'));
  response.body += ",\"next\":" + (next.empty() ? "null" : json_string(next)) + "}\n";
  return response;
}

Response next_page(KeptAnswers& kept, const ReadRequest& asked) {
  if (asked.parameters.size() != 1)
    return error_response(400, "a cursor stands alone, or with format: it has its question in it");
  const auto page = kept.page(*asked.tenant, asked.parameters[0].second);
  return page ? rendered(page->answer, asked.form, true, page->next)
              : error_response(410, kPageGone);
}

Response metric_list(PreparedView& prepared, StoreView& view, TenantId tenant, AnswerForm form) {
  const auto lines = list_metrics(view, tenant, &prepared.totals());
  if (!lines.ok()) return error_response(400, lines.error().message);
  Response response;
  response.body = is_csv(form)     ? render_metrics_csv(*lines)
                  : is_table(form) ? render_metrics_table(*lines)
                                   : render_metrics_json(*lines);
  if (is_csv(form)) response.content_type = kCsv;
  if (is_table(form)) response.content_type = kText;
  return response;
}

Result<Answer> answer_form(StoreView& view, const std::string& tenant, AskedQuestion& form) {
  Question& question = form.question;
  question.tenant = tenant;
  question.now_s = std::time(nullptr);
  QUIPU_ASSIGN(question.by, property_names(view, form.by));
  return answer(view, question);
}

Response query(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
               const ReadRequest& asked) {
  const std::string& tenant = *asked.tenant;
  for (const auto& [name, value] : asked.parameters) {
    if (name == "cursor") return next_page(kept, asked);
  }
  auto form = read_question(asked.parameters);
  if (!form.ok()) return error_response(400, form.error().message);
  const auto id = find_tenant(view, tenant);
  if (!id) return error_response(404, kUnknown);
  if (form->question.metric.empty()) {
    return asked.parameters.empty()
               ? metric_list(prepared, view, *id, asked.form)
               : error_response(400, "say of what: metric=NAME, or group=NAME");
  }
  const auto counted = prepared.is_counted(*id, form->question.metric);
  if (!counted.ok()) return error_response(400, counted.error().message);
  if (!*counted) return error_response(404, kUnknown);
  auto answered = answer_form(view, tenant, *form);
  if (!answered.ok()) return error_response(400, answered.error().message);
  if (form->page_size == 0) return rendered(*answered, asked.form, false, {});
  const AnswerPage page = kept.first_page(tenant, std::move(*answered), form->page_size);
  return rendered(page.answer, asked.form, true, page.next);
}

std::string calendars_json(const StoreView& view, TenantId tenant) {
  std::string list;
  for (const Calendar& c : view.calendars(tenant)) {
    list += (list.empty() ? "" : ",") + ("{\"name\":" + json_string(c.name)) +
            ",\"zone\":" + json_string(c.zone) + "}";
  }
  return "[" + list + "]";
}

// `[...]` of what a list of lines is rendered as, an object with that one member.
std::string list_of(const std::string& rendered) {
  const size_t begin = rendered.find('['), end = rendered.rfind(']');
  return rendered.substr(begin, end + 1 - begin);
}

Response metrics(PreparedView& prepared, StoreView& view, const std::string& tenant,
                 const ReadRequest& asked) {
  if (!asked.parameters.empty())
    return error_response(400, "there is no parameter \"" + asked.parameters[0].first + "\" here");
  const auto id = find_tenant(view, tenant);
  std::string body = "{" + as_of_json(view) + ",\"tenant\":" + json_string(tenant) +
                     ",\"calendars\":" + (id ? calendars_json(view, *id) : "[]") + ",\"metrics\":[";
  if (!id) return json_response(body + "]}\n");
  const auto lines = list_metrics(view, *id, &prepared.totals());
  if (!lines.ok()) return error_response(400, lines.error().message);
  for (size_t i = 0; i < lines->size(); ++i) {
    const MetricLine& line = (*lines)[i];
    const auto counters =
        list_counters(view, line.name, line.group ? NameKind::group : NameKind::metric);
    if (!counters.ok()) return error_response(400, counters.error().message);
    body += (i ? "," : "") + ("{\"name\":" + json_string(line.name)) +
            ",\"together\":" + (line.group ? "true" : "false") +
            ",\"count\":" + (line.count ? std::to_string(*line.count) : "null") +
            ",\"partial\":" + (line.partial ? "true" : "false") +
            ",\"first_day\":" + json_string(line.first_day) +
            ",\"last_day\":" + json_string(line.last_day) +
            ",\"counters\":" + list_of(render_counters_json(*counters)) + "}";
  }
  return json_response(body + "]}\n");
}

// The values of one property, those with the most events first; without a range those of the last
// days with counts.
Response values(PreparedView& prepared, StoreView& view, const std::string& tenant,
                const ReadRequest& asked) {
  std::string prefix;
  QueryParameters parameters;
  bool limited = false;
  for (const auto& [name, value] : asked.parameters) {
    if (name == "prefix") {
      prefix = value;
      continue;
    }
    if (name == "by" || name == "sort" || name == "interval" || name == "rest" || name == "versus")
      return error_response(400, "there is no parameter \"" + name + "\" here");
    limited = limited || name == "limit";
    parameters.emplace_back(name, value);
  }
  auto form = read_question(parameters);
  if (!form.ok()) return error_response(400, form.error().message);
  Question& question = form->question;
  if (question.metric.empty())
    return error_response(400, "say of what: metric=NAME, or group=NAME");
  const size_t limit = limited ? question.limit : kValuesGiven;
  if (limit > kMaxValuesGiven) {
    return error_response(
        400, "limit is at most " + std::to_string(kMaxValuesGiven) + " here (kMaxValuesGiven)");
  }
  const auto id = find_tenant(view, tenant);
  const auto counted = id ? prepared.is_counted(*id, question.metric) : Result<bool>(false);
  if (!counted.ok()) return error_response(400, counted.error().message);
  if (!*counted) return error_response(404, kUnknown);
  if (!question.in && !question.last && !question.from) question.interval = Interval::day;
  question.tenant = tenant;
  question.now_s = std::time(nullptr);
  question.by = {asked.property};
  question.sort = "count";
  question.limit = limit;
  if (!prefix.empty())
    question.where.push_back({asked.property, Filter::Kind::prefix, {prefix}, {}});
  auto found = answer(view, question);
  if (!found.ok()) return error_response(400, found.error().message);
  std::string list;
  for (const Group& group : found->groups) {
    uint64_t count = 0;
    for (const uint64_t n : group.count) count += n;
    list += (list.empty() ? "" : ",") + ("{\"value\":" + json_string(group.by[0])) +
            ",\"count\":" + std::to_string(count) + "}";
  }
  const bool more = found->groups_in_all > found->groups.size();
  return json_response("{" + as_of_json(view) + ",\"property\":" + json_string(asked.property) +
                       ",\"values\":[" + list + "],\"more\":" + (more ? "true" : "false") + "}\n");
}

// By name, those that begin with the prefix.
Response tenants(StoreView& view, const ReadRequest& asked) {
  std::string prefix;
  for (const auto& [name, value] : asked.parameters) {
    if (name != "prefix")
      return error_response(400, "there is no parameter \"" + name + "\" here; there is prefix");
    prefix = value;
  }
  std::string list;
  size_t given = 0;
  bool more = false;
  for (const auto& [id, name] : view.tenants()) {
    if (!name.starts_with(prefix)) continue;
    if (more = given == kTenantsGiven; more) break;
    list += (given++ ? "," : "") + ("{\"name\":" + json_string(name)) +
            ",\"calendars\":" + calendars_json(view, id) + "}";
  }
  return json_response("{" + as_of_json(view) + ",\"tenants\":[" + list +
                       "],\"more\":" + (more ? "true" : "false") + "}\n");
}

}  // namespace

Response read_answer(PreparedView& prepared, StoreView& view, KeptAnswers& kept,
                     const ReadRequest& asked) {
  ReadBudget budget(kMaxRowsOfQuestion, kMaxTimeOfQuestion, asked.gone.get());
  view.set_budget(&budget);
  Response response = asked.route == kTenantsRoute   ? tenants(view, asked)
                      : asked.route == kQueryRoute   ? query(prepared, view, kept, asked)
                      : asked.route == kMetricsRoute ? metrics(prepared, view, *asked.tenant, asked)
                                                     : values(prepared, view, *asked.tenant, asked);
  view.set_budget(nullptr);
  return response;
}

Response status_answer(StoreView* view, const ReadRequest& asked, const std::string& members) {
  if (!asked.parameters.empty())
    return error_response(400, "there is no parameter \"" + asked.parameters[0].first + "\" here");
  return json_response("{" + (view ? as_of_json(*view) : "\"as_of\":null") + members + "}\n");
}

Result<std::vector<std::string>> metric_names(PreparedView& prepared, StoreView& view,
                                              const std::string& tenant) {
  std::vector<std::string> names;
  const auto id = find_tenant(view, tenant);
  if (!id) return names;
  for (const SelectorEntry& entry : view.selectors()) {
    if (entry.group) continue;
    QUIPU_ASSIGN(const bool counted, prepared.is_counted(*id, entry.name));
    if (counted) names.push_back(entry.name);
  }
  return names;
}

}  // namespace quipu
