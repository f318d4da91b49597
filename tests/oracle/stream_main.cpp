// oracle_stream SEED FOLDER [EVENTS]: writes the stream of a seed as plan.yaml, tenants.csv and
// events.jsonl.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "stream.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: oracle_stream SEED FOLDER [EVENTS]\n";
    return 2;
  }
  oracle::StreamOptions options;
  uint64_t seed = std::strtoull(argv[1], nullptr, 10);
  if (argc > 3) options.events = std::atoi(argv[3]);
  options.long_lines = seed % 10 == 0;
  options.tiny = seed % 7 == 0;
  oracle::Stream stream = oracle::make_stream(seed, options);
  std::filesystem::path folder = argv[2];
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "plan.yaml", std::ios::binary) << stream.plan;
  if (!stream.tenants_csv.empty())
    std::ofstream(folder / "tenants.csv", std::ios::binary) << stream.tenants_csv;
  std::ofstream lines(folder / "events.jsonl", std::ios::binary);
  for (const std::string& line : stream.lines) lines << line << '\n';
  return lines ? 0 : 1;
}
