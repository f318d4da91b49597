#include "cli/query_arguments.h"

#include <CLI/CLI.hpp>

#include "query/question_text.h"

namespace quipu {
namespace {

constexpr char kQueryNotes[] =
    "Values as tables show them can be written back in --where as they stand, quotes included; "
    "only "
    "(none)\n"
    "is written as nothing: campaign= is the empty value, campaign=(none) the text. A value stands "
    "in "
    "quotes if\n"
    "it could be mistaken for something else: it holds | or begins or ends with a blank. Within "
    "quotes "
    "\\\" and\n"
    "\\\\ are a quote and a backslash, \\x09 is a tab. Without quotes \\| is a | of the value. A "
    "text "
    "that is a\n"
    "counted value and could be read otherwise is refused, with both ways to write it. In names of "
    "properties\n"
    "\\, (--by) and \\= \\! or \\^ (--where) stand for the characters themselves.\n"
    "A name of a metric and a group means the group if the store's first plan has it; else say "
    "--metric or --group.\n"
    "(partial): a figure was not planned all the time since the bucket began; a line below says "
    "when "
    "it was.";

// What both commands ask of: a metric or group, of a tenant.
void add_names(CLI::App* command, Arguments& a, QuestionTexts& texts) {
  auto* name = command->add_option("METRIC", a.question.metric,
                                   "a metric, or the name of a `together` group");
  auto* as_metric =
      command->add_option("--metric", texts.metric, "a metric, where a group has its name, too");
  auto* as_group = command->add_option("--group", texts.group,
                                       "a `together` group, where a metric has its name");
  name->excludes(as_metric)->excludes(as_group);
  as_metric->excludes(as_group);
  command->add_option("--data", a.data,
                      "the store's folder (default: ./PLAN.quipu, or the only *.quipu here)");
  auto* json = command->add_flag("--json", a.json, "JSON");
  json->excludes(command->add_flag("--csv", a.csv, "CSV"));
  command
      ->add_flag("--safe-csv", a.safe_csv,
                 "CSV for spreadsheets: a text that begins with = + - @, a tab or a line end "
                 "gets a ' before it, so that it is no formula")
      ->excludes(json);
}

void add_tenants(CLI::App* query, Question& q, QuestionTexts& texts) {
  auto* tenant = query->add_option("--tenant", q.tenant,
                                   "whose counts (needed if the store has several tenants)");
  auto* each = query->add_flag("--tenants", texts.tenants,
                               "of each tenant; without a metric, list the tenants");
  auto* all = query->add_flag("--all-tenants", texts.all_tenants,
                              "of all tenants together (no uniques: people do not add up)");
  tenant->excludes(each)->excludes(all);
  each->excludes(all);
}

void add_times(CLI::App* query, Question& q, QuestionTexts& texts) {
  query->add_option("--in", q.in,
                    "one bucket: 2026, 2026-03, 2026-W10, 2026-03-05, today, yesterday, "
                    "2026-03-05T14, or lifetime");
  query->add_option("--last", q.last,
                    "up to now, the present bucket included: 24h, 7d, 4w, 3m (months), 2y");
  query->add_option(
      "--from", q.from,
      "begin of a range, in the calendar's zone: 2026-03, 2026-03-05, 2026-03-05T14:30 ...");
  query->add_option("--to", q.to, "end of the range, exclusive (default: the present)");
  query->add_option("--interval", texts.interval,
                    "hour, day, week, month or year: one row a bucket; or lifetime");
  query->add_option("--calendar", q.calendar,
                    "which of the tenant's calendars (default: its first)");
  query->add_option("--versus", texts.versus,
                    "previous: beside each figure that of as many buckets before, the difference "
                    "and percent");
}

}  // namespace

CLI::App* add_query_command(CLI::App& app, Arguments& a, QuestionTexts& texts) {
  CLI::App* query =
      app.add_subcommand("query", "Ask a store; without a metric, list what can be asked");
  Question& q = a.question;
  add_names(query, a, texts);
  add_tenants(query, q, texts);
  query->add_flag("--counters", a.counters, "list all that the metric is counted by");
  query
      ->add_option("--by", a.by,
                   "group by properties: --by campaign,client or --by a --by b; \\, in a name")
      ->allow_extra_args(false);
  query
      ->add_option(
          "--where", texts.where,
          "property=value, =one|other, !=value, ^=beginning, = (no value), != (not empty); repeat "
          "it for more; see below")
      ->allow_extra_args(false);
  add_times(query, q, texts);
  query->add_option("--sort", q.sort,
                    "count, unique, name, a value's name (sum:NAME if it is one of these), or a "
                    "property of --by (by:NAME); - before it turns the order round");
  query->add_option("--limit", texts.limit, "groups to show, 1 or more")
      ->each([&texts](const std::string&) { texts.limited = true; });
  auto* chart = query->add_flag(
      "--chart", a.chart, "bars beside the counts; of grouped series, a line each with its course");
  for (const char* format : {"--json", "--csv", "--safe-csv"})
    chart->excludes(query->get_option(format));
  auto* server = query->add_option(
      "--server", a.server,
      "ask the server there: http://HOST:PORT or https://HOST:PORT; the key stands in QUIPU_KEY");
  query->add_option("--key-file", a.key_file, "or in the first line of this file")->needs(server);
  // Hidden: what main.cpp knows of the asker's terminal.
  query->add_flag("--on-terminal", a.on_terminal)->group("");
  query->add_flag("--in-colour", a.in_colour)->group("");
  query->footer(kQueryNotes);
  return query;
}

CLI::App* add_export_command(CLI::App& app, Arguments& a, QuestionTexts& texts) {
  CLI::App* export_ = app.add_subcommand(
      "export", "Print every non-zero bucket of every counter, or of some, in a fixed order");
  Question& q = a.question;
  add_names(export_, a, texts);
  export_->add_option("--tenant", q.tenant, "of one tenant");
  export_
      ->add_option("--by", a.by,
                   "counters by exactly these properties; --by \"\" for those by none")
      ->allow_extra_args(false)
      ->each([&a](const std::string&) { a.by_given = true; });
  export_->add_option("--interval", texts.interval, "hour, day, week, month or lifetime");
  export_->add_option("--calendar", q.calendar, "buckets of one calendar");
  export_->add_option("--from", q.from, "buckets that begin then or later");
  export_->add_option("--to", q.to, "buckets that begin before");
  return export_;
}

Status read_question(const QuestionTexts& texts, Arguments& a) {
  Question& q = a.question;
  if (!texts.metric.empty()) q.metric = texts.metric, q.named = NameKind::metric;
  if (!texts.group.empty()) q.metric = texts.group, q.named = NameKind::group;
  a.csv = a.csv || a.safe_csv;
  a.where_texts = texts.where;
  a.interval_text = texts.interval;
  for (const std::string& text : texts.where) {
    QUIPU_ASSIGN(auto filter, parse_filter(text));
    q.where.push_back(std::move(filter));
  }
  const bool is_export = a.command == Arguments::Command::export_;
  if (texts.interval == "lifetime" && is_export) {
    a.lifetime = true;
  } else if (!texts.interval.empty()) {
    const bool known = is_export ? bool(q.interval = parse_interval(texts.interval))
                                 : read_interval(texts.interval, q);
    if (!known) {
      return Error{"--interval " + texts.interval +
                   (is_export ? ": it is hour, day, week, month or lifetime"
                              : ": it is hour, day, week, month or year (or lifetime, without "
                                "--in)")};
    }
  }
  if (texts.limited && texts.limit < 1)
    return Error{"--limit " + std::to_string(texts.limit) +
                 ": it is 1 or more; without it all groups are shown"};
  q.limit = size_t(texts.limit);
  if (!texts.versus.empty() && texts.versus != "previous")
    return Error{"--versus " + texts.versus + ": write --versus previous"};
  q.versus = !texts.versus.empty();
  q.tenants = texts.tenants       ? TenantsAsked::each
              : texts.all_tenants ? TenantsAsked::total
                                  : TenantsAsked::one;
  if (q.metric.empty() && !is_export && (a.counters || texts.all_tenants))
    return Error{std::string(a.counters ? "--counters" : "--all-tenants") +
                 " needs a metric: quipu query lists them"};
  return {};
}

}  // namespace quipu
