#include "cli/dead_command.h"

#include <map>
#include <sstream>

#include "base/json_text.h"
#include "base/printable.h"
#include "cli/engine_host.h"
#include "cli/feed_commands.h"
#include "cli/run_command.h"
#include "engine/dead_letter_feed.h"
#include "engine/dead_letter_reader.h"
#include "engine/input_positions.h"
#include "query/render.h"

namespace quipu {
namespace {

struct Group {
  uint64_t lines = 0;
  DeadLetter example;  // the last one
};
using Groups = std::map<std::pair<std::string, std::string>, Group>;  // by reason and source

// Those that were not given again yet.
Result<DeadLetterReader> open_letters(StoreAccess& access) {
  QUIPU_ASSIGN(auto snapshot, access.snapshot());
  QUIPU_ASSIGN(const auto replayed, position_of_feed(*snapshot, kDeadLetterKey));
  return DeadLetterReader::open(access.store().folder() + "/dead-letter.jsonl",
                                replayed ? replayed->bytes : 0,
                                snapshot->state().dead_letter_bytes);
}

std::string groups_json(const Groups& groups) {
  std::ostringstream out;
  out << "[";
  bool first = true;
  for (const auto& [key, group] : groups) {
    out << (first ? "" : ",\n ") << "{\"reason\":" << json_string(key.first)
        << ",\"source\":" << json_string(key.second) << ",\"lines\":" << group.lines
        << ",\"detail\":" << json_string(group.example.detail) << "}";
    first = false;
  }
  out << "]\n";
  return out.str();
}

Status list(const Arguments& arguments, StoreAccess& access, const Console& console) {
  QUIPU_ASSIGN(auto reader, open_letters(access));
  Groups groups;
  uint64_t lines = 0;
  while (true) {
    QUIPU_ASSIGN(auto letter, reader.next());
    if (!letter || console.gone()) break;
    ++lines;
    std::pair key{letter->reason, letter->source};
    if (groups.size() >= kMaxDeadGroups && !groups.contains(key)) key = {"others", "others"};
    Group& group = groups[std::move(key)];
    ++group.lines;
    letter->text.clear();
    letter->entry.clear();
    group.example = std::move(*letter);
  }
  if (arguments.json) {
    console.out(groups_json(groups));
    return {};
  }
  if (groups.empty()) {
    console.out("no line is set aside\n");
    return {};
  }
  std::vector<std::vector<std::string>> rows{
      {"reason", "source", "lines", "the last one's detail"}};
  for (const auto& [key, group] : groups)
    rows.push_back({key.first, printable(key.second), with_thousands(group.lines),
                    printable(group.example.detail)});
  console.out(aligned(rows, {false, false, true, false}));
  console.out(
      with_thousands(lines) + (lines == 1 ? " line is set aside" : " lines are set aside") +
      "; quipu dead show shows them, quipu dead replay counts those that the plan reads now\n");
  return {};
}

Status show(const Arguments& arguments, StoreAccess& access, const Console& console) {
  QUIPU_ASSIGN(auto reader, open_letters(access));
  uint64_t shown = 0;
  while (shown < arguments.dead_limit && !console.gone()) {
    QUIPU_ASSIGN(auto letter, reader.next());
    if (!letter) break;
    if (!arguments.dead_reason.empty() && letter->reason != arguments.dead_reason) continue;
    if (!arguments.dead_source.empty() && letter->source != arguments.dead_source) continue;
    if (arguments.dead_text && !letter->whole) continue;
    console.out((arguments.dead_text ? letter->text : letter->entry) + "\n");
    ++shown;
  }
  return {};
}

// What a replay came to.
int tell(const FeedStatus& status, const Tallies& before, const Tallies& after,
         const Console& console) {
  for (const std::string& note : status.notes) console.err(note + "\n");
  if (status.state != FeedStatus::State::ended || !status.error.empty()) {
    console.err("quipu dead replay: " + (status.error.empty() ? "stopped" : status.error) + "\n");
    return kExitError;
  }
  const uint64_t again = after.set_aside_total() - before.set_aside_total();
  console.out(with_thousands(status.lines) + " lines were given once more\n");
  if (again == 0) return kExitDone;
  console.err(with_thousands(again) + " lines are set aside since; quipu dead list says why\n");
  return kExitSetAside;
}

}  // namespace

int dead_letters_command(const Arguments& arguments, StoreAccess& access, const Console& console) {
  const Status done = arguments.dead_action == Arguments::DeadAction::list
                          ? list(arguments, access, console)
                          : show(arguments, access, console);
  if (done.ok()) return kExitDone;
  console.err("quipu dead: " + done.error().message + "\n");
  return kExitError;
}

int replay_served(Engine& engine, FeedSet& feeds, const Console& client) {
  const auto fail = [&](const Error& error) {
    client.err("quipu dead replay: " + error.message + "\n");
    return kExitError;
  };
  const Tallies before = engine.store().committed().tallies;
  auto feed = engine.dead_letter_feed(false);
  if (!feed.ok()) return fail(feed.error());
  auto number = feeds.attach(std::move(*feed));
  if (!number.ok()) return fail(number.error());
  auto status = wait_for_feed(*number, engine, feeds, client);
  if (!status.ok()) return fail(status.error());
  return tell(*status, before, engine.store().committed().tallies, client);
}

int replay_command(const Arguments& arguments, const Console& console) {
  const auto fail = [&](const Error& error, int status) {
    console.err("quipu dead replay: " + error.message + "\n");
    return status;
  };
  auto plan = read_plan(arguments.plan, arguments.zoneinfo_dir);
  if (!plan.ok()) return fail(plan.error(), kExitUsage);
  auto options = engine_options_of(arguments, plan->name);
  if (!options.ok()) return fail(options.error(), kExitUsage);
  options->store.create = false;
  auto engine = Engine::open(std::move(*plan), *options);
  if (!engine.ok()) return fail(engine.error(), kExitError);
  const Tallies before = (*engine)->store().committed().tallies;
  auto feed = (*engine)->dead_letter_feed(true);
  if (!feed.ok()) return fail(feed.error(), kExitError);
  FeedSet feeds;
  auto number = feeds.attach(std::move(*feed));
  if (!number.ok()) return fail(number.error(), kExitError);
  feeds.close();
  RunOptions run;
  run.stop = &stop_on_signals();
  auto summary = (*engine)->run_feeds(feeds, run);
  if (!summary.ok()) return fail(summary.error(), kExitError);
  if (summary->stopped) return kExitSignal + first_signal();
  return tell(feeds.statuses().back(), before, summary->committed.tallies, console);
}

}  // namespace quipu
