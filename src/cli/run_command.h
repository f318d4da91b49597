// `quipu run`: counts inputs into a store, serving other commands over the folder's socket
// meanwhile.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"
#include "engine/engine.h"

namespace quipu {

int run_command(const Arguments& arguments, const Console& console);

// What came of a run: its tallies, and why lines were set aside.
std::string counted_text(const RunSummary& summary, const Engine& engine);

// What to ask where times lie in January 1970: Note::unit_too_fine.
std::string unit_question(const Plan& plan);

// Reads and parses a plan file.
Result<Plan> read_plan(const std::string& path, const std::string& zoneinfo_dir);

}  // namespace quipu
