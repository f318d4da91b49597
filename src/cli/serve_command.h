// `quipu serve`: takes events over HTTP into the journal and counts it as it grows, answering other
// commands over the folder's socket. `quipu key`: the keys for it.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"

namespace quipu {

int serve_command(const Arguments& arguments, const Console& console);
int key_command(const Arguments& arguments, const Console& console);

}  // namespace quipu
