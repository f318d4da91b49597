// `quipu run --follow`: counts files as they grow and are rotated, until a signal ends it. Other
// commands are served over the folder's socket meanwhile.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"
#include "engine/engine.h"

namespace quipu {

int follow_command(const Arguments& arguments, Plan plan, EngineOptions options,
                   const Console& console);

}  // namespace quipu
