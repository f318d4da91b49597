// `query` and `export`.
#include <chrono>

#include "cli/store_access.h"
#include "query/answer.h"
#include "query/choose.h"
#include "query/export.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr size_t kOutputBytes = 64 << 10;  // handed over at a time

int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void write_out(const Console& console, const std::string& text) {
  for (size_t at = 0; at < text.size(); at += kOutputBytes) {
    if (!console.out(std::string_view(text).substr(at, kOutputBytes))) return;
  }
}

int fail(const Console& console, const std::string& command, const Error& error) {
  console.err("quipu " + command + ": " + error.message + "\n");
  return kExitError;
}

CsvTexts csv_of(const Arguments& arguments) {
  return arguments.safe_csv ? CsvTexts::no_formulas : CsvTexts::exact;
}

// The title and the heading stand out where a terminal shows them.
void write_table(const Console& console, const std::string& table, bool in_colour) {
  const size_t title = table.find('\n') + 1, heading = table.find('\n', title);
  if (!in_colour || !console.styled || heading == std::string::npos) {
    write_out(console, table);
    return;
  }
  console.styled("\x1b[1m");
  console.out(table.substr(0, heading));
  console.styled("\x1b[0m");
  write_out(console, table.substr(heading));
}

template <typename Lines>
int show(const Arguments& arguments, const Console& console, const Lines& lines,
         std::string (*table)(const Lines&), std::string (*json)(const Lines&),
         std::string (*csv)(const Lines&)) {
  write_out(console, (arguments.json ? json : arguments.csv ? csv : table)(lines));
  return kExitDone;
}

// Without a metric: the metrics, or the tenants; of a metric its counters.
int list(const Arguments& arguments, StoreView& view, const Console& console) {
  const Question& question = arguments.question;
  if (arguments.counters) {
    auto lines = list_counters(view, question.metric, question.named);
    if (!lines.ok()) return fail(console, "query", lines.error());
    return show(arguments, console, *lines, render_counters_table, render_counters_json,
                render_counters_csv);
  }
  if (question.tenants == TenantsAsked::each) {
    return show(arguments, console, list_tenants(view), render_tenants_table, render_tenants_json,
                render_tenants_csv);
  }
  auto tenant = view.tenant(question.tenant);
  if (!tenant.ok()) return fail(console, "query", tenant.error());
  auto lines = list_metrics(view, *tenant);
  if (!lines.ok()) return fail(console, "query", lines.error());
  return show(arguments, console, *lines, render_metrics_table, render_metrics_json,
              render_metrics_csv);
}

}  // namespace

int query_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto snapshot = access.snapshot();
  if (!snapshot.ok()) return fail(console, "query", snapshot.error());
  auto view = StoreView::open(access.catalogue(), **snapshot, access.store().hasher());
  if (!view.ok()) return fail(console, "query", view.error());
  return answer_question(arguments, **view, console);
}

int answer_question(const Arguments& arguments, StoreView& view, const Console& console) {
  Question question = arguments.question;
  question.now_s = now_s();
  if (question.metric.empty() || arguments.counters) return list(arguments, view, console);
  auto by = property_names(view, arguments.by);
  if (!by.ok()) return fail(console, "query", by.error());
  question.by = std::move(*by);
  auto result = answer(view, question);
  if (!result.ok()) return fail(console, "query", result.error());
  if (arguments.json || arguments.csv) {
    write_out(console,
              arguments.json ? render_json(*result) : render_csv(*result, csv_of(arguments)));
  } else {
    write_table(console, render_table(*result, {arguments.on_terminal, arguments.chart}),
                arguments.in_colour);
  }
  return kExitDone;
}

namespace {

Result<ExportFilter> export_filter(const Arguments& arguments, const StoreView& view) {
  const Question& q = arguments.question;
  ExportFilter filter{q.tenant,   q.metric,           q.named, {},   q.calendar,
                      q.interval, arguments.lifetime, q.from,  q.to, now_s()};
  if (arguments.by_given) {
    std::vector<std::string> texts = arguments.by;
    std::erase(texts, "");
    QUIPU_ASSIGN(filter.by, property_names(view, texts));
  }
  return filter;
}

}  // namespace

int export_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto snapshot = access.snapshot();
  if (!snapshot.ok()) return fail(console, "export", snapshot.error());
  auto view = StoreView::open(access.catalogue(), **snapshot, access.store().hasher());
  if (!view.ok()) return fail(console, "export", view.error());
  auto filter = export_filter(arguments, **view);
  if (!filter.ok()) return fail(console, "export", filter.error());
  std::string chunk;
  bool reading = true;
  Status status = export_all(
      **view,
      arguments.safe_csv ? ExportFormat::safe_csv
      : arguments.csv    ? ExportFormat::csv
                         : ExportFormat::json,
      [&](const std::string& line) {
        chunk += line;
        chunk += '\n';
        if (chunk.size() >= kOutputBytes) {
          reading = console.out(chunk);
          chunk.clear();
        }
        return reading;
      },
      access.served() ? kExportPieceBytes : kAlonePieceBytes, *filter);
  if (!status.ok()) return fail(console, "export", status.error());
  if (reading && !chunk.empty()) console.out(chunk);
  return kExitDone;
}

}  // namespace quipu
