#include "cli/serve_status.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <map>
#include <vector>

#include "base/json_text.h"
#include "cli/command_help.h"
#include "engine/dead_letter_reader.h"

namespace quipu {
namespace {

struct DeadReason {
  uint64_t count = 0;
  std::vector<std::string> examples;  // the newest
};

// Where an entry begins, at or behind the offset.
uint64_t entry_behind(const std::string& path, uint64_t offset) {
  if (offset == 0) return 0;
  std::ifstream file(path, std::ios::binary);
  file.seekg(std::streamoff(offset - 1));
  std::string rest_of_entry;
  std::getline(file, rest_of_entry);
  return offset + rest_of_entry.size();
}

// The newest examples of each reason, within the last kDeadBytesRead of the file.
void add_examples(const std::string& path, uint64_t end, std::map<std::string, DeadReason>& dead) {
  const uint64_t begin = entry_behind(path, end - std::min(end, kDeadBytesRead));
  if (begin >= end) return;
  auto reader = DeadLetterReader::open(path, begin, end);
  while (reader.ok()) {
    auto letter = reader->next();
    if (!letter.ok() || !*letter) return;
    std::vector<std::string>& examples = dead[(*letter)->reason].examples;
    std::string text = (*letter)->source + ": " + (*letter)->detail + ": " + (*letter)->text;
    if (text.size() > kDeadExampleBytes) {
      size_t length = kDeadExampleBytes;
      while (length > 0 && (uint8_t(text[length]) & 0xC0) == 0x80) --length;  // whole characters
      text.resize(length);
    }
    examples.push_back(std::move(text));
    if (examples.size() > kDeadExamples) examples.erase(examples.begin());
  }
}

std::string dead_json(const Engine& engine, const CommittedState& committed) {
  std::map<std::string, DeadReason> dead;
  for (size_t r = 1; r < size_t(Reason::kCount); ++r) {
    if (const uint64_t n = committed.tallies.set_aside[r])
      dead[std::string(reason_name(Reason(r)))].count = n;
  }
  add_examples(engine.store().folder() + "/dead-letter.jsonl", committed.dead_letter_bytes, dead);
  std::string list;
  size_t shown = 0;
  for (const auto& [reason, of] : dead) {
    if (shown++ >= kDeadReasonsShown) break;
    std::string examples;
    for (const std::string& text : of.examples)
      examples += (examples.empty() ? "" : ",") + json_string(text);
    list += (list.empty() ? "" : ",") + ("{\"reason\":" + json_string(reason)) +
            ",\"count\":" + std::to_string(of.count) + ",\"examples\":[" + examples + "]}";
  }
  return "[" + list + "]";
}

std::string sources_json(const Intake& intake, const FeedSet& feeds) {
  std::string list;
  for (const FeedStatus& status : feeds.statuses()) {
    const bool journal = status.name == "journal";
    list += (list.empty() ? "" : ",") + ("{\"name\":" + json_string(status.name)) +
            ",\"kind\":" + (status.lane == Lane::live ? "\"live\"" : "\"history\"") +
            ",\"state\":" + json_string(state_name(status.state)) +
            ",\"lines\":" + std::to_string(status.lines) +
            ",\"lag_bytes\":" + (journal ? std::to_string(intake.behind_bytes()) : "null") +
            ",\"bytes_read\":" + std::to_string(status.bytes_read) +
            ",\"bytes_total\":" + std::to_string(status.bytes_total) +
            ",\"error\":" + (status.error.empty() ? "null" : json_string(status.error)) + "}";
  }
  return "[" + list + "]";
}

std::string of_all_tenants(const Engine& engine, const CommittedState& committed,
                           const Intake& intake, const FeedSet& feeds) {
  const Tallies& t = committed.tallies;
  const LiveCounters& live = engine.live();
  uint64_t set_aside = 0;
  for (const uint64_t n : t.set_aside) set_aside += n;
  return ",\"events\":{\"read\":" + std::to_string(t.read) +
         ",\"counted\":" + std::to_string(t.counted) +
         ",\"duplicate\":" + std::to_string(t.duplicate) +
         ",\"unplanned\":" + std::to_string(t.unplanned) +
         ",\"set_aside\":" + std::to_string(set_aside) +
         "},\"sources\":" + sources_json(intake, feeds) +
         ",\"memory\":{\"hot_tier\":" + std::to_string(live.hot_bytes) +
         ",\"panes\":" + std::to_string(live.pending_bytes) +
         ",\"on_the_way\":" + std::to_string(live.in_flight.bytes()) +
         ",\"filter\":" + std::to_string(engine.store().filter_stats().bytes) +
         ",\"journal\":" + std::to_string(intake.journal().in_flight()) +
         "},\"dead\":" + dead_json(engine, committed);
}

}  // namespace

std::string status_members(bool all, const Engine& engine, const Intake& intake,
                           const FeedSet& feeds) {
  const CommittedState committed = engine.store().committed();
  const CheckpointTotals totals = engine.checkpoint_totals();
  const int64_t now_s = std::time(nullptr);
  const std::string age = committed.checkpoint == 0
                              ? "null"
                              : std::to_string(std::max<int64_t>(0, now_s - committed.time_s));
  return ",\"version\":" + json_string(version_text()) + ",\"now\":" + std::to_string(now_s) +
         ",\"checkpoint\":{\"number\":" + std::to_string(committed.checkpoint) +
         ",\"age_s\":" + age + ",\"last_s\":" + std::to_string(totals.last_s) +
         ",\"of_this_process\":" + std::to_string(totals.checkpoints) + "}" +
         ",\"behind_bytes\":" + std::to_string(intake.behind_bytes()) + ",\"obstacle\":" +
         (intake.obstacle().empty() ? "null" : json_string(std::string(intake.obstacle()))) +
         (all ? of_all_tenants(engine, committed, intake, feeds) : "");
}

}  // namespace quipu
