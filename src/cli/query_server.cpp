#include "cli/query_server.h"

#include <cstdlib>
#include <fstream>

#include "base/json_text.h"
#include "http/http_client.h"
#include "http/json_slices.h"

namespace quipu {
namespace {

std::string escaped(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    out +=
        plain ? std::string(1, c) : std::string{'%', kHex[uint8_t(c) >> 4], kHex[uint8_t(c) & 15]};
  }
  return out;
}

Result<std::string> read_key(const Arguments& arguments) {
  std::string key;
  if (!arguments.key_file.empty()) {
    std::ifstream file(arguments.key_file);
    if (!std::getline(file, key)) return Error{arguments.key_file + ": no key can be read there"};
  } else if (const char* from_environment = std::getenv("QUIPU_KEY")) {
    key = from_environment;
  }
  while (!key.empty() && (key.back() == ' ' || key.back() == '\r')) key.pop_back();
  if (key.empty()) {
    return Error{
        "a server answers those who have a key that may read (quipu key add --read): put it into "
        "QUIPU_KEY, or into a file for --key-file"};
  }
  if (key.find_first_of(" \r\n\t") != std::string::npos)
    return Error{"a key has no blanks in it; this one has"};
  return key;
}

Status check_options(const Arguments& a) {
  const auto refuse = [](const char* option) {
    return Error{std::string(option) + " does not go with --server"};
  };
  if (!a.data.empty()) return refuse("--data");
  if (a.counters) return refuse("--counters");
  if (a.chart) return refuse("--chart");
  if (a.question.tenants == TenantsAsked::each) return refuse("--tenants");
  if (a.question.tenants == TenantsAsked::total) return refuse("--all-tenants");
  return {};
}

std::string target_of(const Arguments& a) {
  std::string target = "/v1/query?format=";
  target += a.json          ? "json"
            : a.safe_csv    ? "safe-csv"
            : a.csv         ? "csv"
            : a.on_terminal ? "terminal"
                            : "table";
  const auto add = [&](const char* name, const std::string& value) {
    target += "&" + std::string(name) + "=" + escaped(value);
  };
  const auto add_given = [&](const char* name, const std::optional<std::string>& value) {
    if (value) add(name, *value);
  };
  const Question& q = a.question;
  if (!q.metric.empty()) {
    add(q.named == NameKind::group ? "group" : "metric", q.metric);
  }
  for (const std::string& by : a.by) add("by", by);
  for (const std::string& where : a.where_texts) add("where", where);
  // Not `in`, where it is --interval lifetime: that is told as it was written.
  if (a.interval_text != "lifetime") add_given("in", q.in);
  if (!a.interval_text.empty()) add("interval", a.interval_text);
  add_given("last", q.last);
  add_given("from", q.from);
  add_given("to", q.to);
  add_given("calendar", q.calendar);
  if (q.versus) add("versus", "previous");
  if (!q.sort.empty()) add("sort", q.sort);
  if (q.limit) add("limit", std::to_string(q.limit));
  return target;
}

// What an error's body says.
std::string told(const HttpAnswer& answer) {
  const auto object = JsonObject::read(answer.body);
  if (object.ok()) {
    for (const JsonMember& member : object->members()) {
      const auto text = member.key == "error" ? text_of(member.value) : std::nullopt;
      if (text) return *text;
    }
  }
  return "it answered with status " + std::to_string(answer.status) +
         ", which is no answer of a server of quipu";
}

Result<std::string> ask(const Arguments& arguments) {
  QUIPU_TRY(check_options(arguments));
  QUIPU_ASSIGN(const ServerUrl server, ServerUrl::read(arguments.server));
  QUIPU_ASSIGN(const std::string key, read_key(arguments));
  std::vector<std::pair<std::string, std::string>> headers = {{"Authorization", "Bearer " + key}};
  if (arguments.question.tenant) headers.emplace_back("Quipu-Tenant", *arguments.question.tenant);
  QUIPU_ASSIGN(HttpAnswer answer, http_get(server, target_of(arguments), headers));
  if (answer.status != 200) return Error{told(answer)};
  return std::move(answer.body);
}

}  // namespace

int query_server_command(const Arguments& arguments, const Console& console) {
  const auto text = ask(arguments);
  if (!text.ok()) {
    console.err("quipu query: " + text.error().message + "\n");
    return kExitError;
  }
  const Console asked = arguments.json || arguments.csv ? console : for_people(console);
  asked.out(*text);
  return kExitDone;
}

}  // namespace quipu
