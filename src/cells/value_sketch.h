// How many values a dimension has on a day, from the smallest hashes of them (a "k minimum values"
// sketch, Bar-Yossef et al. 2002), and the length of chunk prefixes that was chosen for them.
// Joint rows hold them, so that whoever opens a store goes on from what is there. Hints only: any
// length is right. Pure; any thread. Layout (golden bytes: value_sketch_test.cpp):
//
//   chunk bits u8 (0-24) | n u8 (0-8) | n upper halves of value hashes u32, little endian, rising
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quipu {

struct ValueSketch {
  static constexpr size_t kMost = 8;

  std::array<uint32_t, kMost> smallest{};  // upper halves of hashes, rising, distinct
  uint8_t known = 0;                       // of `smallest`
  uint8_t bits = 0;

  // Adds the first hashes of some values, rising. True: the sketch is another now.
  bool add(std::span<const uint64_t> hashes);
  void merge(const ValueSketch& other);  // adds its hashes, and takes the longer prefixes
  uint64_t values() const;               // by estimate; exact below kMost

  void append_to(std::string& out) const;
  static std::optional<ValueSketch> parse(std::string_view bytes);  // nullopt: corrupt
  bool operator==(const ValueSketch&) const = default;
};

}  // namespace quipu
