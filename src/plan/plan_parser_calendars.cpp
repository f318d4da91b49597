#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/json_text.h"
#include "base/near_names.h"
#include "plan/plan_parser.h"

namespace quipu {
namespace {

const std::vector<std::string> kWeekDays = {"monday", "tuesday",  "wednesday", "thursday",
                                            "friday", "saturday", "sunday"};

// What is wrong with adding `calendar`, or "".
std::string calendar_problem(const std::vector<Calendar>& there, const Calendar& calendar) {
  for (const Calendar& c : there) {
    if (c.name == calendar.name)
      return "two calendars are called " + shown(calendar.name) +
             "; give one of them another name (name: ...)";
  }
  if (there.size() == size_t(kMaxCalendars))
    return "more than " + std::to_string(kMaxCalendars) +
           " calendars; a tenant has at most that many";
  return "";
}

// The fields of a line of comma-separated values; nullopt if its quotes are wrong.
std::optional<std::vector<std::string>> split_csv_line(std::string_view line) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {  // past the comma
    std::string& field = fields.emplace_back();
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at == line.size()) return std::nullopt;
        if (line[at] == '"') {
          if (at + 1 == line.size() || line[at + 1] != '"') break;
          ++at;
        }
        field += line[at];
      }
      ++at;
      if (at < line.size() && line[at] != ',') return std::nullopt;
    } else {
      while (at < line.size() && line[at] != ',') field += line[at++];
    }
    if (at == line.size()) return fields;
  }
}

Result<std::string> read_tenants_text(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return Error{"there is no file " + path.string() +
                 "; its path is taken from the plan's folder"};
  if (std::filesystem::file_size(path, error) > kMaxTenantsFileBytes || error) {
    return Error{path.string() + " has more than " + std::to_string(kMaxTenantsFileBytes >> 20) +
                 " MiB; split the tenants over several stores"};
  }
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad())
    return Error{path.string() + " cannot be read; check its permissions"};
  return text;
}

}  // namespace

Status PlanParser::read_calendars(const PlanNode& node) {
  QUIPU_TRY(node.only_keys({"default", "tenants"}));
  if (!node.has("default"))
    return node.error(
        "default is missing; write the calendars of all other tenants, as `default: [{zone: "
        "UTC}]`");
  plan_.calendars.fallback.clear();
  QUIPU_TRY(read_calendar_list(node.at("default"), plan_.calendars.fallback));
  return node.has("tenants") ? read_tenants(node.at("tenants")) : Status();
}

Status PlanParser::read_calendar_list(const PlanNode& node, std::vector<Calendar>& out) {
  std::vector<PlanNode> calendars;
  QUIPU_TRY(node.list("write a list of calendars, as [{zone: Europe/Berlin, week_start: monday}]",
                      calendars));
  for (const PlanNode& calendar : calendars) QUIPU_TRY(read_calendar(calendar, out));
  return {};
}

Status PlanParser::read_calendar(const PlanNode& node, std::vector<Calendar>& out) {
  QUIPU_TRY(node.only_keys({"zone", "week_start", "name"}));
  if (!node.has("zone"))
    return node.error("a calendar without zone; write an IANA zone, as {zone: America/New_York}");
  Calendar calendar;
  QUIPU_TRY(node.at("zone").name_text(calendar.zone));
  std::string problem = zone_problem(calendar.zone);
  if (!problem.empty()) return node.at("zone").error(problem);
  if (node.has("week_start")) {
    int day = 0;
    QUIPU_TRY(node.at("week_start").one_of(kWeekDays, day));
    calendar.week_start = WeekStart(day);
  }
  calendar.name = calendar.zone;
  if (node.has("name")) QUIPU_TRY(node.at("name").name_text(calendar.name));
  problem = calendar_problem(out, calendar);
  if (!problem.empty()) return node.error(problem);
  out.push_back(std::move(calendar));
  return {};
}

// `file` and `unknown` with a text are settings; every other entry is a tenant with its calendars.
Status PlanParser::read_tenants(const PlanNode& node) {
  if (!node.is_map() || node.children().empty())
    return node.wrong_kind(
        "write {file: tenants.csv}, or tenants with their calendars, as {shop: [{zone: "
        "Asia/Tokyo}]}");
  for (const PlanNode& entry : node.children()) {
    if (entry.name() == "unknown" && !entry.is_list()) {
      int unknown = 0;
      QUIPU_TRY(entry.one_of({"default", "set_aside"}, unknown));
      plan_.calendars.unknown_set_aside = unknown == 1;
    } else if (entry.name() == "file" && !entry.is_list()) {
      QUIPU_TRY(read_tenants_file(entry));
    }
  }
  for (const PlanNode& entry : node.children()) {
    if (!entry.is_list() && (entry.name() == "unknown" || entry.name() == "file")) continue;
    std::string tenant;
    if (Status named = canonical_name(entry.name(), plan_.tenant, "tenant", tenant); !named.ok())
      return entry.error(named.error().message);
    auto [place, fresh] = plan_.calendars.tenants.try_emplace(tenant);
    if (!fresh)
      return entry.error("tenant " + shown(tenant) +
                         " has calendars already; list all its calendars in one place");
    QUIPU_TRY(read_calendar_list(entry, place->second));
  }
  return {};
}

Status PlanParser::read_tenants_file(const PlanNode& node) {
  std::string name;
  QUIPU_TRY(node.name_text(name));
  if (stored_) {
    if (!stored_tenants_)
      return node.error(
          "the tenants file was not stored with the plan; restore the store from a backup");
    plan_.tenants_file_text_ = stored_tenants_;
  } else {
    auto text = read_tenants_text(std::filesystem::path(folder_) / name);
    if (!text.ok()) return node.error(text.error().message);
    plan_.tenants_file_text_ = std::move(*text);
  }
  return read_tenants_csv(*plan_.tenants_file_text_, name);
}

namespace {

enum TenantsField : size_t { kTenant, kZone, kWeekStart, kName, kFields };
const std::vector<std::string> kTenantsHeader = {"tenant", "zone", "week_start", "name"};
constexpr char kHeaderAdvice[] =
    "; the first line is tenant,zone,week_start,name (the last two may be left out)";

// What is wrong with a line of the tenants file: in which column (or "" for the line), and how.
struct TenantsProblem {
  std::string key, what;
};

// Which field each column of the header is.
std::optional<TenantsProblem> read_tenants_header(const std::vector<std::string>& names,
                                                  std::vector<size_t>& header) {
  for (const std::string& name : names) {
    const size_t field = size_t(std::find(kTenantsHeader.begin(), kTenantsHeader.end(), name) -
                                kTenantsHeader.begin());
    if (field == kFields)
      return TenantsProblem{
          shown(name),
          "unknown column" + did_you_mean(nearest_name(name, kTenantsHeader)) + kHeaderAdvice};
    if (std::find(header.begin(), header.end(), field) != header.end())
      return TenantsProblem{name, std::string("given twice") + kHeaderAdvice};
    header.push_back(field);
  }
  for (size_t needed : {kTenant, kZone}) {
    if (std::find(header.begin(), header.end(), needed) == header.end())
      return TenantsProblem{kTenantsHeader[needed],
                            std::string("this column is missing") + kHeaderAdvice};
  }
  return std::nullopt;
}

// Zone, week start and name of a calendar.
std::optional<TenantsProblem> read_tenants_calendar(const std::array<std::string, kFields>& row,
                                                    const std::string& problem_of_zone,
                                                    Calendar& calendar) {
  calendar.zone = row[kZone];
  if (calendar.zone.empty())
    return TenantsProblem{"zone", "is empty; write an IANA zone, such as Europe/Berlin"};
  if (!problem_of_zone.empty()) return TenantsProblem{"zone", problem_of_zone};
  if (!row[kWeekStart].empty()) {
    const auto day = std::find(kWeekDays.begin(), kWeekDays.end(), row[kWeekStart]);
    if (day == kWeekDays.end())
      return TenantsProblem{"week_start",
                            "no day " + shown(row[kWeekStart]) +
                                did_you_mean(nearest_name(row[kWeekStart], kWeekDays))};
    calendar.week_start = WeekStart(day - kWeekDays.begin());
  }
  calendar.name = row[kName].empty() ? calendar.zone : row[kName];
  return std::nullopt;
}

}  // namespace

Status PlanParser::read_tenants_csv(const std::string& text, const std::string& file) {
  std::vector<size_t> header;  // which field a column is
  std::string_view rest = text;
  if (rest.substr(0, 3) == "\xEF\xBB\xBF") rest.remove_prefix(3);
  int line_number = 0;
  auto wrong = [&](const std::string& key, const std::string& what) {
    return plan_error(file, {line_number, 0}, key, what);
  };
  while (!rest.empty()) {
    ++line_number;
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == line.npos) continue;
    if (!is_valid_utf8(line)) return wrong("", "not UTF-8; save the file as UTF-8");
    auto fields = split_csv_line(line);
    if (!fields)
      return wrong(
          "",
          "a quote that does not close, or text after one; a quote inside quotes is written \"\"");
    if (header.empty()) {
      if (auto problem = read_tenants_header(*fields, header))
        return wrong(problem->key, problem->what);
      continue;
    }
    if (fields->size() != header.size()) {
      return wrong("", std::to_string(fields->size()) + " fields where the first line has " +
                           std::to_string(header.size()) + "; write as many");
    }
    std::array<std::string, kFields> row;
    for (size_t i = 0; i < header.size(); ++i) row[header[i]] = std::move((*fields)[i]);

    Calendar calendar;
    std::string tenant;
    if (Status named = canonical_name(row[kTenant], plan_.tenant, "tenant", tenant); !named.ok())
      return wrong("tenant", named.error().message);
    if (auto problem = read_tenants_calendar(row, zone_problem(row[kZone]), calendar))
      return wrong(problem->key, problem->what);
    std::vector<Calendar>& calendars = plan_.calendars.tenants[tenant];
    if (std::string problem = calendar_problem(calendars, calendar); !problem.empty())
      return wrong("name", "tenant " + shown(tenant) + ": " + problem);
    calendars.push_back(std::move(calendar));
  }
  if (header.empty()) {
    line_number = 1;
    return wrong("", std::string("the file is empty") + kHeaderAdvice);
  }
  return {};
}

}  // namespace quipu
