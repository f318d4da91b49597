// What the programs of this folder have in common: each counts a file of workload lines in its own
// way, in a process of its own, and prints one line of JSON:
//
//   {"way":"rocks_intact","fanout":10,"events":1000,"read_s":..,"committed_s":..,"settled_s":..,
//    "cpu_s":..,"commits":..,"rss_bytes":..,"disk_bytes":..,"digest":".."}
//
// The clock starts before the first line is read. read_s is when the last line was taken,
// committed_s when all of it was durable, settled_s when nothing was left to flush or compact;
// cpu_s is of the whole process until then, rss_bytes its peak. disk_bytes are what the way keeps,
// after a flush. The digest, which
// --digest asks for, comes after all that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace quipu::bench {

struct WayOptions {
  std::string lines;   // the file
  std::string folder;  // emptied first, unless `resume`
  int fanout = 10;
  uint64_t events = 0;               // stop reading after so many lines; 0: at the end of the file
  double seconds = 0;                // stop reading after so long; 0: never
  double commit_s = 60;              // a commit at least so often,
  uint64_t commit_events = 1000000;  // and after so many lines
  size_t memory_bytes = size_t(4) << 30;
  bool digest = false;  // of the cells too
  bool resume = false;  // go on in `folder` where its last commit was
  bool crash = false;   // die without a last commit, as a killed process would
};

struct WayResult {
  uint64_t events = 0, commits = 0, rss_bytes = 0, disk_bytes = 0;
  double read_s = 0, committed_s = 0, settled_s = 0, cpu_s = 0;
  std::string digest;
};

// Wall and CPU time since it was made.
class Watch {
 public:
  Watch();
  double wall_s() const;
  double cpu_s() const;

 private:
  std::chrono::steady_clock::time_point begin_;
  double cpu_begin_s_;
};

uint64_t peak_rss_bytes();                     // of this process
uint64_t bytes_in(const std::string& folder);  // of all files in it

// Reads the options, runs the way, prints the result; main() of each program.
int way_main(int argc, char** argv, const char* name,
             const std::function<WayResult(const WayOptions&)>& run);

}  // namespace quipu::bench
