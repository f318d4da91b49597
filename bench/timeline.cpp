#include "bench/timeline.h"

namespace quipu::bench {

using Sample = RunWatch::Sample;

std::vector<double> freshness(const std::vector<Sample>& samples,
                              const std::vector<RunWatch::Commit>& commits, uint64_t lines,
                              uint64_t every, uint64_t ahead) {
  std::vector<double> seconds;
  size_t sample = 0, commit = 0;
  for (uint64_t line = every; line <= lines; line += every) {  // counted from 1
    while (sample + 1 < samples.size() && samples[sample + 1].decoded + ahead < line) ++sample;
    while (commit < commits.size() && commits[commit].lines < line) ++commit;
    if (commit == commits.size()) break;
    seconds.push_back(commits[commit].at_s - samples[sample].at_s);
  }
  return seconds;
}

double rate_at_end(const std::vector<Sample>& samples, double seconds) {
  if (samples.empty()) return 0;
  const Sample& last = samples.back();
  size_t first = 0;
  while (first + 1 < samples.size() &&
         (samples[first].tallied == 0 || samples[first].at_s < last.at_s - seconds))
    ++first;
  const double passed_s = last.at_s - samples[first].at_s;
  return passed_s > 0 ? double(last.tallied - samples[first].tallied) / passed_s : 0;
}

std::optional<double> first_tallied_at_s(const std::vector<Sample>& samples) {
  for (const Sample& s : samples) {
    if (s.tallied > 0) return s.at_s;
  }
  return std::nullopt;
}

std::optional<double> rate_reached_at_s(const std::vector<Sample>& samples, double rate,
                                        double window_s) {
  size_t from = 0;
  for (const Sample& s : samples) {
    while (samples[from].at_s < s.at_s - window_s) ++from;
    if (double(s.tallied - samples[from].tallied) >= rate * window_s) return s.at_s;
  }
  return std::nullopt;
}

}  // namespace quipu::bench
