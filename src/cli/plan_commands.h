// `init` and `check`: commands that read a sample and no store.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"

namespace quipu {

int init_command(const Arguments& arguments, const Console& console);
int check_command(const Arguments& arguments, const Console& console);

}  // namespace quipu
