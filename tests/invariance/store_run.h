// Runs lines through a real engine and store in a temporary folder, in the way that drawn settings
// say, and gives back the whole export and the tallies. For property tests; one thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace quipu::test {

// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);
// Lines as they come, in one to three files.
std::vector<std::string> split_into_files(const std::string& folder, const std::string& name,
                                          const std::vector<std::string>& lines,
                                          std::mt19937_64& random);
// A number from the environment, such as a first seed.
uint64_t from_environment(const char* name, uint64_t otherwise);

struct Phase {
  std::vector<std::string> files;
  std::string zoneinfo_dir;
  std::string plan_file;
};

// Everything that must not change an answer.
struct Settings {
  EngineOptions engine;
  uint64_t restart_every_blocks = 0;  // abandon (as after a crash) about so often; 0: never
  std::string describe() const;
};
Settings draw_settings(std::mt19937_64& random);

struct Outcome {
  std::vector<std::string> lines;  // export, sorted
  Tallies tallies;
  uint64_t restarts = 0;
  uint64_t moves = 0;  // of input files, between a crash and the next start
  uint64_t checkpoints = 0;
};
// Counts the phases one after the other into one store under `folder`. After every second crash, on
// average, an input file is renamed, copied, compressed or swapped with another. Errors end the
// process with their text.
Outcome count_phases(const std::string& folder, const std::vector<Phase>& phases,
                     const Settings& settings, std::mt19937_64& random);

// Export of the store that `engine` has open, sorted.
std::vector<std::string> sorted_export(Engine& engine);

// The first few differences of two sorted lists, for messages; "" if equal.
std::string first_differences(const std::vector<std::string>& right,
                              const std::vector<std::string>& got);

}  // namespace quipu::test
