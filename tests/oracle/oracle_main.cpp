// oracle PLAN [--complete] INPUT... [--zoneinfo DIR] [--now ISO]: the whole export to stdout, the
// tallies as JSON to stderr. Inputs: plain, .gz, .zst, or - for standard input. --zoneinfo holds
// for the inputs after it, as does --complete, which says that they do not grow; --now changes no
// answer.
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "oracle.h"

namespace {

bool ends_with(const std::string& s, const std::string& end) {
  return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0;
}

void add_file(const std::string& path, bool complete, oracle::Counter* counter) {
  std::string quoted = "'";
  for (char c : path) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  quoted += "'";
  bool piped = ends_with(path, ".gz") || ends_with(path, ".zst");
  std::string command = (ends_with(path, ".gz") ? "gzip -dc " : "zstd -dcq ") + quoted;
  FILE* in = path == "-" ? stdin
             : piped     ? popen(command.c_str(), "r")
                         : std::fopen(path.c_str(), "rb");
  if (!in) throw oracle::Error("cannot read " + path);
  std::string bytes, piece(1 << 16, '\0');
  for (size_t n; (n = std::fread(piece.data(), 1, piece.size(), in)) > 0;)
    bytes.append(piece, 0, n);
  if (piped && pclose(in) != 0) throw oracle::Error("cannot read " + path);
  if (!piped && in != stdin) std::fclose(in);
  counter->add_file(bytes, piped || complete);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.empty())
      throw oracle::Error("usage: oracle PLAN INPUT... [--zoneinfo DIR] [--now ISO]");
    oracle::Counter counter(oracle::Plan::load(args[0]));
    bool complete = false;
    for (size_t i = 1; i < args.size(); ++i) {
      if (args[i] == "--now")
        ++i;
      else if (args[i] == "--complete")
        complete = true;
      else if (args[i] == "--zoneinfo")
        counter.set_zoneinfo(args.at(++i));
      else
        add_file(args[i], complete, &counter);
    }
    for (const std::string& line : counter.export_lines()) std::cout << line << '\n';
    std::cerr << counter.tallies().json() << '\n';
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "oracle: " << e.what() << '\n';
    return 2;
  }
}
