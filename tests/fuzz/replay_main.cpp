// Runs a fuzz target without libFuzzer: every seed input, then mutations of them for some seconds.
// The test command uses it; the long runs with coverage are those of the fuzz preset. usage:
// X_replay SEED_FOLDER [SECONDS] [RANDOM_SEED]
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void run(const std::string& input) {
  // A copy of exactly that size, so that a sanitizer sees a read beyond it.
  std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string mutated(std::string text, const std::vector<std::string>& seeds,
                    std::mt19937_64& random) {
  for (uint64_t n = 1 + random() % 4; n > 0; --n) {
    const size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 6) {
      case 0:
        if (!text.empty()) text[at] = char(random());
        break;
      case 1:
        if (!text.empty()) text[at] = char(text[at] ^ (1 << random() % 8));
        break;
      case 2:
        text.insert(at, 1, char(random()));
        break;
      case 3:
        if (!text.empty()) text.erase(at, 1 + random() % 8);
        break;
      case 4:
        text.resize(at);
        break;
      default: {
        const std::string& other = seeds[random() % seeds.size()];
        if (!other.empty())
          text.insert(at, other.substr(random() % other.size(), 1 + random() % 64));
      }
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s SEED_FOLDER [SECONDS] [RANDOM_SEED]\n", argv[0]);
    return 2;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device()();
  std::vector<std::string> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    seeds.push_back(text.str());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: no seed inputs\n", argv[1]);
    return 2;
  }
  std::printf("random seed %llu\n", (unsigned long long)seed);
  std::fflush(stdout);
  for (const std::string& input : seeds) run(input);
  std::mt19937_64 random(seed);
  uint64_t runs = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (; std::chrono::steady_clock::now() < end; ++runs)
    run(mutated(seeds[random() % seeds.size()], seeds, random));
  std::printf("%zu seeds, %llu mutations\n", seeds.size(), (unsigned long long)runs);
  return 0;
}
