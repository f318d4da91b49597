// `inspect` and `backup`.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/json_text.h"
#include "base/printable.h"
#include "cli/record_census.h"
#include "cli/store_access.h"
#include "engine/input_positions.h"
#include "query/render.h"
#include "store/files.h"

namespace quipu {
namespace {

// "1 tenant", "2 tenants"
std::string number_of(uint64_t n, const std::string& thing) {
  return with_thousands(n) + " " + thing + (n == 1 ? "" : "s");
}

struct Inspection {
  CommittedState state;
  std::vector<FamilyStats> families;
  std::vector<SourcePosition> positions;
  RecordCensus records;
  std::vector<PlanVersionEntry> plans;
  size_t tenants = 0, selectors = 0;
  RulesVersion rules_versions = 0;
  std::vector<std::string> zones;  // of the newest rules version
};

Result<Inspection> look(StoreAccess& access, const Console& console) {
  Inspection found;
  QUIPU_ASSIGN(auto snapshot, access.snapshot());
  found.state = snapshot->state();
  QUIPU_ASSIGN(found.families, access.store().family_stats());
  QUIPU_ASSIGN(found.positions, positions_of_inputs(*snapshot));
  QUIPU_ASSIGN(found.records, count_records(access.store(), [&] { return console.gone(); }));
  found.plans = access.catalogue().plan_versions();
  found.tenants = access.catalogue().tenants().size();
  found.selectors = access.catalogue().selectors().size();
  found.rules_versions = access.catalogue().rules_versions();
  if (found.rules_versions) {
    for (const auto& [name, rules] : access.catalogue().rules(found.rules_versions))
      found.zones.push_back(name);
  }
  return found;
}

std::string as_text(const Inspection& i, const std::string& folder) {
  std::ostringstream out;
  const Tallies& t = i.state.tallies;
  out << "store " << folder << ", checkpoint " << i.state.checkpoint << " of "
      << format_instant(i.state.time_s, 0) << "\n"
      << with_thousands(t.read) << " read = " << with_thousands(t.counted) << " counted + "
      << with_thousands(t.duplicate) << " duplicate + " << with_thousands(t.set_aside_total())
      << " set aside + " << with_thousands(t.unplanned) << " unplanned\n";
  for (size_t r = 1; r < t.set_aside.size(); ++r) {
    if (t.set_aside[r])
      out << "  set aside: " << with_thousands(t.set_aside[r]) << " " << reason_name(Reason(r))
          << "\n";
  }
  for (size_t n = 0; n < t.notes.size(); ++n) {
    if (t.notes[n])
      out << "  note: " << with_thousands(t.notes[n]) << " " << note_name(Note(n)) << "\n";
  }
  out << "\n";
  std::vector<std::vector<std::string>> rows{{"family", "rows (about)", "bytes", "files"}};
  for (const FamilyStats& f : i.families)
    rows.push_back(
        {f.family, with_thousands(f.rows), with_thousands(f.bytes), with_thousands(f.files)});
  out << aligned(rows, {false, true, true, true}) << "\n";
  out << "records: " << with_thousands(i.records.months) << " of a profile's month with "
      << with_thousands(i.records.rows) << " rows and " << with_thousands(i.records.month_words)
      << " words; " << with_thousands(i.records.forever) << " forever with "
      << with_thousands(i.records.forever_rows) << " rows and "
      << with_thousands(i.records.forever_words) << " ids, lifetime words and names of months\n"
      << "expected wrong memberships and duplicates from 64-bit words: " << i.records.expected_wrong
      << "\n\n";
  rows = {{"input", "lines", "bytes (decompressed)", "state"}};
  for (const SourcePosition& p : i.positions) {
    rows.push_back({printable(p.path), with_thousands(p.lines), with_thousands(p.bytes),
                    p.finished ? "read to its end" : "to be continued"});
  }
  out << aligned(rows, {false, true, true, false}) << "\n";
  out << number_of(i.tenants, "tenant") << ", "
      << (i.selectors == 1 ? std::string("1 metric or group")
                           : with_thousands(i.selectors) + " metrics and groups")
      << ", " << number_of(i.plans.size(), "plan version") << ":\n";
  for (size_t v = 0; v < i.plans.size(); ++v) {
    out << "  version " << v + 1 << " from checkpoint " << i.plans[v].from_checkpoint << " ("
        << format_instant(i.plans[v].from_time_s, 0) << ")\n";
  }
  out << number_of(i.rules_versions, "version") << " of zone rules; zones:";
  for (const std::string& zone : i.zones) out << " " << zone;
  out << "\n";
  return out.str();
}

std::string as_json(const Inspection& i, const std::string& folder) {
  std::ostringstream out;
  const Tallies& t = i.state.tallies;
  out << "{\"store\":" << json_string(folder) << ",\"checkpoint\":" << i.state.checkpoint
      << ",\"time\":\"" << format_instant(i.state.time_s, 0) << "\",\"read\":" << t.read
      << ",\"counted\":" << t.counted << ",\"duplicate\":" << t.duplicate
      << ",\"unplanned\":" << t.unplanned << ",\"set_aside\":{";
  bool first = true;
  for (size_t r = 1; r < t.set_aside.size(); ++r) {
    if (!t.set_aside[r]) continue;
    out << (first ? "" : ",") << "\"" << reason_name(Reason(r)) << "\":" << t.set_aside[r];
    first = false;
  }
  out << "},\"notes\":{";
  first = true;
  for (size_t n = 0; n < t.notes.size(); ++n) {
    if (!t.notes[n]) continue;
    out << (first ? "" : ",") << "\"" << note_name(Note(n)) << "\":" << t.notes[n];
    first = false;
  }
  out << "},\"families\":[";
  for (size_t f = 0; f < i.families.size(); ++f) {
    const FamilyStats& family = i.families[f];
    out << (f ? "," : "") << "{\"family\":" << json_string(family.family)
        << ",\"rows\":" << family.rows << ",\"bytes\":" << family.bytes
        << ",\"files\":" << family.files << "}";
  }
  out << "],\"records\":{\"months\":" << i.records.months << ",\"rows\":" << i.records.rows
      << ",\"month_words\":" << i.records.month_words << ",\"forever\":" << i.records.forever
      << ",\"forever_rows\":" << i.records.forever_rows
      << ",\"forever_words\":" << i.records.forever_words
      << ",\"expected_wrong\":" << i.records.expected_wrong << "},\"inputs\":[";
  for (size_t p = 0; p < i.positions.size(); ++p) {
    const SourcePosition& position = i.positions[p];
    out << (p ? "," : "") << "{\"path\":" << json_string(position.path)
        << ",\"lines\":" << position.lines << ",\"bytes\":" << position.bytes
        << ",\"finished\":" << (position.finished ? "true" : "false") << "}";
  }
  out << "],\"tenants\":" << i.tenants << ",\"plan_versions\":" << i.plans.size()
      << ",\"zone_rules_versions\":" << i.rules_versions << ",\"zones\":[";
  for (size_t z = 0; z < i.zones.size(); ++z) out << (z ? "," : "") << json_string(i.zones[z]);
  out << "]}\n";
  return out.str();
}

// Files beside the database: the dead-letter file is cut to its committed length when the copy is
// opened; it is written on, so it is copied, not linked. Spools only grow; what is behind a
// position is read again.
Status copy_beside(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> files;
  if (fs::exists(from / "dead-letter.jsonl", error)) files.push_back("dead-letter.jsonl");
  if (fs::exists(from / "spool", error)) {
    QUIPU_TRY(make_folder((to / "spool").string()));
    for (fs::directory_iterator entry(from / "spool", error), end; !error && entry != end;
         entry.increment(error)) {
      files.push_back(fs::path("spool") / entry->path().filename());
    }
    if (error) return Error{(from / "spool").string() + ": " + error.message()};
  }
  for (const fs::path& file : files) {
    fs::copy_file(from / file, to / file, error);
    const int fd = error ? -1 : ::open((to / file).c_str(), O_RDONLY | O_CLOEXEC);
    const bool durable = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    if (!durable)
      return Error{(to / file).string() + ": cannot be copied" +
                   (error ? ": " + error.message() : std::string())};
  }
  return fs::exists(to / "spool", error) ? sync_folder((to / "spool").string()) : Status{};
}

}  // namespace

int inspect_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto found = look(access, console);
  if (!found.ok()) {
    console.err("quipu inspect: " + found.error().message + "\n");
    return kExitError;
  }
  console.out(arguments.json ? as_json(*found, access.store().folder())
                             : as_text(*found, access.store().folder()));
  return kExitDone;
}

int backup_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  auto fail = [&](const std::string& message) {
    console.err("quipu backup: " + message + "\n");
    return kExitError;
  };
  std::error_code error;
  if (std::filesystem::exists(arguments.target, error))
    return fail(arguments.target + " is there already; name a new folder");
  if (error) return fail(arguments.target + ": " + error.message());
  if (auto snapshot = access.snapshot(); !snapshot.ok()) return fail(snapshot.error().message);
  Status status = access.store().backup(arguments.target, [&](const std::string& to) {
    return copy_beside(access.store().folder(), to);
  });
  if (!status.ok()) return fail(status.error().message);
  console.out("copied to " + arguments.target +
              "; it opens like the original: quipu query --data " + arguments.target + "\n");
  return kExitDone;
}

}  // namespace quipu
