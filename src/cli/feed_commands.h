// Commands on the sources of a running server, done in its process for a client of its socket. The
// engine and the feeds outlive them; any thread.
#pragma once

#include "cli/arguments.h"
#include "cli/console.h"
#include "engine/engine.h"
#include "engine/feed_set.h"

namespace quipu {

// Clients that wait for the end of what they load, at a time; further ones do not wait.
inline constexpr int kWaitingLoads = 4;

// Attaches files as a history. Unless --detach is given, tells how far it is until all of it is
// committed; a client that goes away leaves the load to itself.
int load_command(const Arguments& arguments, Engine& engine, FeedSet& feeds, const Console& client);
// Tells how far a source is until it has ended and all of it is committed. An error: the client is
// gone, or the run has failed.
Result<FeedStatus> wait_for_feed(uint64_t number, Engine& engine, const FeedSet& feeds,
                                 const Console& client);
// Lists the sources, or stops one.
int sources_command(const Arguments& arguments, FeedSet& feeds, const Console& client);

}  // namespace quipu
