#include "cli/run_command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/engine_host.h"
#include "cli/follow_command.h"
#include "cli/progress.h"
#include "cli/run_stats.h"
#include "cli/store_access.h"
#include "engine/engine.h"
#include "query/render.h"

namespace quipu {
namespace {

// "58,694 read = 58,390 counted + 0 duplicate + 304 set aside + 0 unplanned"
std::string tally_sentence(const Tallies& t) {
  return with_thousands(t.read) + " read = " + with_thousands(t.counted) + " counted + " +
         with_thousands(t.duplicate) + " duplicate + " + with_thousands(t.set_aside_total()) +
         " set aside + " + with_thousands(t.unplanned) + " unplanned";
}

std::string reasons_text(const Tallies& t, const Plan& plan, const std::string& folder) {
  std::string text;
  for (size_t r = 1; r < t.set_aside.size(); ++r) {
    if (t.set_aside[r])
      text += "  set aside: " + with_thousands(t.set_aside[r]) + " " +
              std::string(reason_name(Reason(r))) + "\n";
  }
  if (!text.empty())
    text += "  those lines, with place and reason: " + folder + "/dead-letter.jsonl\n";
  for (size_t n = 0; n < t.notes.size(); ++n) {
    if (t.notes[n])
      text += "  note: " + with_thousands(t.notes[n]) + " " + std::string(note_name(Note(n))) +
              (Note(n) == Note::unit_too_fine ? ": " + unit_question(plan) : "") + "\n";
  }
  return text;
}

// What was left of an input, and why.
std::string left_text(const std::string& input, const Unfinished& left) {
  return input + ": left for the next run: " + with_thousands(left.bytes) + " bytes from line " +
         with_thousands(left.line) + " on, " +
         (left.open_quote ? "where a quote is opened and not closed yet"
                          : "which has no newline yet") +
         "; if the input will not grow, count it with --complete\n";
}

// At a terminal: whether the user says yes.
bool is_confirmed(const std::string& what, const Console& console) {
  console.err("quipu run: " + what + ". Count them twice? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// A query that works on what was just counted.
std::string example_query(Engine& engine, const std::string& folder) {
  auto snapshot = engine.store().snapshot();
  auto view = StoreView::open(engine.catalogue(), *snapshot, engine.store().hasher());
  if (!view.ok() || (*view)->tenants().empty()) return "";
  const std::vector<SelectorEntry> selectors = (*view)->selectors();  // metrics first
  if (selectors.empty()) return "";
  const std::string& metric = selectors.front().name;
  const bool has_both =
      std::any_of(selectors.begin(), selectors.end(), [&](const SelectorEntry& s) {
        return s.name == metric && s.group != selectors.front().group;
      });
  std::string command = has_both ? "quipu query --metric " : "quipu query ";
  std::string quoted = "'";
  for (char c : metric) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  command += quoted + "'";
  if ((*view)->tenants().size() > 1)
    command += " --tenant '" + (*view)->tenants().front().second + "'";
  return command + " --data " + folder;
}

}  // namespace

std::string counted_text(const RunSummary& summary, const Engine& engine) {
  const std::string& folder = engine.store().folder();
  return tally_sentence(summary.tallies) + "; committed (checkpoint " +
         std::to_string(summary.committed.checkpoint) + ") in " + folder + "\n" +
         reasons_text(summary.tallies, engine.plan(), folder);
}

std::string unit_question(const Plan& plan) {
  const bool ms = plan.time.unit == TimeUnit::ms;
  return std::string("a time in January 1970 under ") +
         (ms                               ? "unix_ms"
          : plan.time.unit == TimeUnit::us ? "unix_us"
                                           : "unix_ns") +
         "; is it in " + (ms ? "seconds (unix_s)?" : "a coarser unit (unix_s, unix_ms)?");
}

Result<Plan> read_plan(const std::string& path, const std::string& zoneinfo_dir) {
  std::ifstream file(path, std::ios::binary);
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored))
    return Error{path + ": a folder, not a plan file; name the file, as " + path + "/plan.yaml"};
  if (!file) return Error{path + ": no such plan file (quipu init SAMPLE > plan.yaml makes one)"};
  std::stringstream text;
  text << file.rdbuf();
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return Plan::parse(text.str(), path, folder.empty() ? "." : folder, zoneinfo_dir);
}

int run_command(const Arguments& arguments, const Console& console) {
  auto fail = [&](const Error& error, int status) {
    console.err("quipu run: " + error.message + "\n");
    return status;
  };
  auto plan = read_plan(arguments.plan, arguments.zoneinfo_dir);
  if (!plan.ok()) return fail(plan.error(), kExitUsage);
  auto given = engine_options_of(arguments, plan->name);
  if (!given.ok()) return fail(given.error(), kExitUsage);
  const EngineOptions& options = *given;
  if (arguments.follow) return follow_command(arguments, std::move(*plan), options, console);
  for (const std::string& input : arguments.inputs) {
    if (input != "-" && !std::filesystem::exists(input))
      return fail(Error{input + ": no such file"}, kExitUsage);
  }
  StopFlag& stop = stop_on_signals();
  auto engine = Engine::open(std::move(*plan), options);
  if (!engine.ok()) return fail(engine.error(), kExitError);
  Engine& running = **engine;
  console.err("quipu: " + store_text(running) + "\n");
  auto server = answer_commands(running);
  if (!server.ok()) return fail(server.error(), kExitError);

  ProgressLine line(console);
  RunOptions run_options;
  run_options.again = arguments.again || arguments.count_twice;
  run_options.count_twice = arguments.count_twice;
  const auto& inputs = arguments.inputs;
  if (::isatty(STDIN_FILENO) && std::find(inputs.begin(), inputs.end(), "-") == inputs.end())
    run_options.confirm = [&](const std::string& what) { return is_confirmed(what, console); };
  run_options.moved = arguments.moved;
  run_options.strict = arguments.strict;
  run_options.complete = arguments.complete;
  run_options.anyway = arguments.anyway;
  run_options.standard_input_name = arguments.standard_input_name;
  run_options.stop = &stop;
  run_options.progress = [&](const Progress& progress) { line.show(progress); };
  RunMeter meter;
  auto summary = running.run(arguments.inputs, run_options);
  meter.stop();
  line.clear();
  server.value().reset();
  if (!summary.ok()) return fail(summary.error(), kExitError);
  const RunFigures figures = meter.figures(running, *summary);

  const bool stopped = summary->stopped;
  for (const std::string& input : summary->finished_before)
    console.err(input + ": nothing new, it was counted before\n");
  for (const auto& [input, left] : summary->unfinished) console.err(left_text(input, left));
  for (const std::string& input : summary->empty)
    console.err(input + ": holds no lines, so there is nothing to count\n");
  console.out((stopped ? "stopped: " : "") + counted_text(*summary, running));
  console.out(arguments.stats ? summary_line(figures) + stats_text(figures)
                              : summary_line(figures));
  if (stopped) {
    console.out("the same command continues from here\n");
  } else if (std::string query = example_query(running, options.data_folder); !query.empty()) {
    console.out(query + "\n");
  }
  if (stopped) return kExitSignal + first_signal();
  return summary->tallies.set_aside_total() || !summary->unfinished.empty() ? kExitSetAside
                                                                            : kExitDone;
}

}  // namespace quipu
