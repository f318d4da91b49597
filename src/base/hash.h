// Hashing of everything that is stored by hash: elements (64 bit), profiles (128 bit), cell values.
// XXH3 with a secret drawn once per store, so that nobody can craft collisions from outside.
// A Hasher is immutable after construction and may be used from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quipu {

struct Hash128 {
  uint64_t lo = 0;
  uint64_t hi = 0;
  bool operator==(const Hash128&) const = default;
  auto operator<=>(const Hash128&) const = default;
};

inline constexpr size_t kHashSecretBytes = 192;
using HashSecret = std::array<uint8_t, kHashSecretBytes>;

HashSecret draw_hash_secret();  // from the operating system's random source

// The element of the empty value (null, missing, "", []). No text hashes to it.
inline constexpr uint64_t kEmptyElement = 0;

class Hasher {
 public:
  // element_bits < 64 truncates element hashes: for tests that need collisions.
  explicit Hasher(const HashSecret& secret, unsigned element_bits = 64);

  // Element of a canonical text; "" gives kEmptyElement, no other text does.
  uint64_t element(std::string_view text) const;
  // Element and an independent check of the text (to notice two names under one element).
  struct Checked {
    uint64_t element;
    uint64_t check;
  };
  Checked element_checked(std::string_view text) const;
  Hash128 hash128(std::string_view bytes) const;
  uint64_t hash64(std::string_view bytes) const;

 private:
  HashSecret secret_;
  uint64_t element_mask_;
};

// Mixes numbers (not text): a strong 64-bit finaliser (Stafford's mix 13 of MurmurHash3's).
constexpr uint64_t mix64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}
constexpr uint64_t combine64(uint64_t seed, uint64_t x) {
  return mix64(seed * 0x9e3779b97f4a7c15ull + mix64(x + 0x9e3779b97f4a7c15ull));
}

}  // namespace quipu
