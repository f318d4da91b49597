// bench_limits: what this machine's memory and disk can do, to hold the figures of the ways
// against. Single figures of one short run; anything else that runs meanwhile takes from them.
//
//   memory read     bytes summed up over 1 GiB, by one thread and by two (each its half), best of
//   three random access   one 64-byte line of 1 GiB, huge pages asked for: each address from the
//   line before
//                   (latency), and eight such chains at once (how much of it overlaps)
//   disk            1 GiB in the folder, 1 MiB a write and one fsync at the end; read back after
//   the system was
//                   told to forget it
//   fsync           4 KiB appended and made durable by fdatasync, 200 times
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kBytes = size_t(1) << 30;
constexpr size_t kLine = 64;
constexpr uint32_t kLines = uint32_t(kBytes / kLine);
constexpr size_t kWrite = 1 << 20;
constexpr int kSyncs = 200;

struct Limits {
  double read_1_gb_s, read_2_gb_s;  // 10^9 bytes a second
  double dependent_ns, independent_ns;
  double write_mb_s, disk_read_mb_s;  // 10^6 bytes a second
  double fsync_median_us, fsync_p99_us;
};

[[noreturn]] void fail(const std::string& what) {
  std::perror(("bench_limits: " + what).c_str());
  std::exit(1);
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

volatile uint64_t g_sink;  // keeps results from being optimised away

uint64_t sum(const uint64_t* begin, const uint64_t* end) {
  uint64_t sums[8] = {};
  for (; begin < end; begin += 8) {
    for (int i = 0; i < 8; ++i) sums[i] += begin[i];
  }
  return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

double read_gb_s(const uint64_t* words, int threads) {
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double begin = now_s();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t) {
      const size_t part = kBytes / sizeof(uint64_t) / size_t(threads);
      pool.emplace_back(
          [=] { g_sink = sum(words + part * size_t(t), words + part * size_t(t + 1)); });
    }
    for (std::thread& thread : pool) thread.join();
    best = std::max(best, double(kBytes) / (now_s() - begin) / 1e9);
  }
  return best;
}

// Makes one cycle through all lines: the first word of each names the next (Sattolo's shuffle).
void make_cycle(uint64_t* words) {
  std::vector<uint32_t> order(kLines);
  for (uint32_t i = 0; i < kLines; ++i) order[i] = i;
  uint64_t state = 0x9e3779b97f4a7c15;
  for (uint32_t i = kLines - 1; i > 0; --i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::swap(order[i], order[state % i]);
  }
  for (uint32_t i = 0; i < kLines; ++i) words[size_t(i) * 8] = order[i];
}

template <int kChains>
double access_ns(const uint64_t* words) {
  constexpr int kSteps = 4000000;
  uint64_t at[kChains];
  for (int c = 0; c < kChains; ++c) at[c] = uint64_t(c) * (kLines / kChains) + 1;
  const double begin = now_s();
  for (int i = 0; i < kSteps / kChains; ++i) {
    for (int c = 0; c < kChains; ++c) at[c] = words[at[c] * 8];
  }
  const double taken = now_s() - begin;
  for (uint64_t end : at) g_sink = end;
  return taken / (kSteps / kChains * kChains) * 1e9;
}

void measure_memory(Limits& limits) {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("cannot have 1 GiB of memory");
  madvise(memory, kBytes, MADV_HUGEPAGE);
  auto* words = static_cast<uint64_t*>(memory);
  std::memset(memory, 1, kBytes);
  limits.read_1_gb_s = read_gb_s(words, 1);
  limits.read_2_gb_s = read_gb_s(words, 2);
  make_cycle(words);
  limits.dependent_ns = access_ns<1>(words);
  limits.independent_ns = access_ns<8>(words);
  munmap(memory, kBytes);
}

void measure_disk(const std::string& folder, Limits& limits) {
  const std::string path = folder + "/limits.tmp";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail("cannot write " + path);
  ::unlink(path.c_str());
  std::vector<uint64_t> buffer(kWrite / sizeof(uint64_t));
  uint64_t state = 1;
  for (uint64_t& word : buffer) word = state = state * 6364136223846793005u + 1442695040888963407u;

  double begin = now_s();
  for (size_t done = 0; done < kBytes; done += kWrite) {
    buffer[0] = done;
    if (::write(file, buffer.data(), kWrite) != ssize_t(kWrite)) fail("cannot write " + path);
  }
  if (::fsync(file) != 0) fail("cannot sync " + path);
  limits.write_mb_s = double(kBytes) / (now_s() - begin) / 1e6;

  if (::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0 || ::lseek(file, 0, SEEK_SET) != 0)
    fail("cannot rewind " + path);
  begin = now_s();
  for (size_t done = 0; done < kBytes; done += kWrite) {
    if (::read(file, buffer.data(), kWrite) != ssize_t(kWrite)) fail("cannot read " + path);
  }
  limits.disk_read_mb_s = double(kBytes) / (now_s() - begin) / 1e6;

  std::vector<double> taken;
  for (int i = 0; i < kSyncs; ++i) {
    begin = now_s();
    if (::write(file, buffer.data(), 4096) != 4096 || ::fdatasync(file) != 0)
      fail("cannot sync " + path);
    taken.push_back((now_s() - begin) * 1e6);
  }
  std::sort(taken.begin(), taken.end());
  limits.fsync_median_us = taken[kSyncs / 2];
  limits.fsync_p99_us = taken[kSyncs * 99 / 100];
  ::close(file);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = "/tmp", json;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (i + 1 < argc && option == "--folder")
      folder = argv[++i];
    else if (i + 1 < argc && option == "--json")
      json = argv[++i];
    else {
      std::fprintf(stderr, "usage: bench_limits [--folder DIR] [--json FILE]\n");
      return 2;
    }
  }
  Limits l{};
  measure_memory(l);
  measure_disk(folder, l);
  std::printf("memory read      %8.1f GB/s one thread, %.1f GB/s two\n", l.read_1_gb_s,
              l.read_2_gb_s);
  std::printf(
      "random 64 bytes  %8.1f ns each after the other, %.1f ns eight at a time (of 1 GiB)\n",
      l.dependent_ns, l.independent_ns);
  std::printf("disk             %8.0f MB/s written and synced, %.0f MB/s read\n", l.write_mb_s,
              l.disk_read_mb_s);
  std::printf("fdatasync        %8.0f us median, %.0f us p99 (4 KiB appended)\n", l.fsync_median_us,
              l.fsync_p99_us);
  if (!json.empty()) {
    std::ofstream(json) << "{\"memory_read_1_gb_s\":" << l.read_1_gb_s
                        << ",\"memory_read_2_gb_s\":" << l.read_2_gb_s
                        << ",\"random_dependent_ns\":" << l.dependent_ns
                        << ",\"random_independent_ns\":" << l.independent_ns
                        << ",\"disk_write_mb_s\":" << l.write_mb_s
                        << ",\"disk_read_mb_s\":" << l.disk_read_mb_s
                        << ",\"fsync_median_us\":" << l.fsync_median_us
                        << ",\"fsync_p99_us\":" << l.fsync_p99_us << "}\n";
  }
  return 0;
}
