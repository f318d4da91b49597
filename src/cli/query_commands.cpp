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

void write_out(const Console& console, const std::string& text) {
  for (size_t at = 0; at < text.size(); at += kOutputBytes) {
    if (!console.out(std::string_view(text).substr(at, kOutputBytes))) return;
  }
}

int fail(const Console& console, const std::string& command, const Error& error) {
  console.err("quipu " + command + ": " + error.message + "\n");
  return kExitError;
}

}  // namespace

int query_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto snapshot = access.snapshot();
  if (!snapshot.ok()) return fail(console, "query", snapshot.error());
  auto view = StoreView::open(access.catalogue(), **snapshot, access.store().hasher());
  if (!view.ok()) return fail(console, "query", view.error());
  Question question = arguments.question;
  question.now_s = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  if (question.metric.empty()) {
    auto tenant = (*view)->tenant(question.tenant);
    if (!tenant.ok()) return fail(console, "query", tenant.error());
    auto lines = list_metrics(**view, *tenant);
    if (!lines.ok()) return fail(console, "query", lines.error());
    console.out(arguments.json  ? render_metrics_json(*lines)
                : arguments.csv ? render_metrics_csv(*lines)
                                : render_metrics_table(*lines));
    return kExitDone;
  }
  auto by = property_names(**view, arguments.by);
  if (!by.ok()) return fail(console, "query", by.error());
  question.by = std::move(*by);
  auto result = answer(**view, question);
  if (!result.ok()) return fail(console, "query", result.error());
  write_out(console, arguments.json  ? render_json(*result)
                     : arguments.csv ? render_csv(*result)
                                     : render_table(*result));
  return kExitDone;
}

int export_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto snapshot = access.snapshot();
  if (!snapshot.ok()) return fail(console, "export", snapshot.error());
  auto view = StoreView::open(access.catalogue(), **snapshot, access.store().hasher());
  if (!view.ok()) return fail(console, "export", view.error());
  std::string chunk;
  bool reading = true;
  Status status = export_all(
      **view, arguments.csv ? ExportFormat::csv : ExportFormat::json,
      [&](const std::string& line) {
        chunk += line;
        chunk += '\n';
        if (chunk.size() >= kOutputBytes) {
          reading = console.out(chunk);
          chunk.clear();
        }
        return reading;
      },
      access.served() ? kExportPieceBytes : kAlonePieceBytes);
  if (!status.ok()) return fail(console, "export", status.error());
  if (reading && !chunk.empty()) console.out(chunk);
  return kExitDone;
}

}  // namespace quipu
