// oracle_stream SEED FOLDER [EVENTS]: writes the stream of a seed as plan.yaml, tenants.csv and
// events.jsonl. oracle_stream files SEED FOLDER: a stream of files of text, as plan.yaml and f0 ...
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "delimited_stream.h"
#include "stream.h"

namespace {

int write_files(uint64_t seed, const std::filesystem::path& folder) {
  const oracle::FileStream stream = oracle::make_file_stream(seed);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "plan.yaml", std::ios::binary) << stream.plan;
  for (size_t f = 0; f < stream.files.size(); ++f) {
    std::ofstream file(folder / ("f" + std::to_string(f)), std::ios::binary);
    if (!(file << stream.files[f])) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "files")
    return write_files(std::strtoull(argv[2], nullptr, 10), argv[3]);
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
