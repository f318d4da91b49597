// `quipu query --server URL`: the same question, answered by a server, with what it prints there
// printed here. One thread.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"

namespace quipu {

// The key stands in QUIPU_KEY, or in the file of --key-file.
int query_server_command(const Arguments& arguments, const Console& console);

}  // namespace quipu
