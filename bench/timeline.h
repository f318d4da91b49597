// What can be told from the samples of a RunWatch, in the order of time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/run_watch.h"

namespace quipu::bench {

// Seconds from reading to being durable, of every `every`-th of the first `lines` lines, as far as
// commits go. A line is taken as read at the last sample at which it cannot have been: when fewer
// than line - ahead lines were decoded.
std::vector<double> freshness(const std::vector<RunWatch::Sample>& samples,
                              const std::vector<RunWatch::Commit>& commits, uint64_t lines,
                              uint64_t every, uint64_t ahead);

// Events tallied a second in the last `seconds`, or since the first one was.
double rate_at_end(const std::vector<RunWatch::Sample>& samples, double seconds);

// The time of the first sample with an event tallied.
std::optional<double> first_tallied_at_s(const std::vector<RunWatch::Sample>& samples);

// The time of the first sample at which, within the `window_s` seconds before it, as many events
// were tallied as the rate makes in so long.
std::optional<double> rate_reached_at_s(const std::vector<RunWatch::Sample>& samples, double rate,
                                        double window_s);

}  // namespace quipu::bench
