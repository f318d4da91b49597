// CPU time, for telling where it goes. Any thread.
#pragma once

#include <cstdint>

namespace quipu {

uint64_t thread_cpu_ns();   // of the calling thread
uint64_t process_cpu_ns();  // of all threads, ended ones too

// The calling thread's CPU time from one lap to the next.
class CpuLaps {
 public:
  CpuLaps() : last_ns_(thread_cpu_ns()) {}
  uint64_t lap_ns() {
    const uint64_t before = last_ns_;
    last_ns_ = thread_cpu_ns();
    return last_ns_ - before;
  }

 private:
  uint64_t last_ns_;
};

// The calling thread's name in profiles and in top; at most 15 bytes of it.
void name_thread(const char* name);

}  // namespace quipu
