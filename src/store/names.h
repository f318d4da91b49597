// The dictionary of names: (tenant, property, element) -> the texts that were met under that hash.
// Many names lie in a row, for a row costs far more than a name. Key, big endian: tenant u32 |
// property u32 | prefix bits u8 | prefix u32
//   prefix: the first `prefix bits` bits of the element, left-aligned in 32 bits. The writer picks
//   their number anew for each commit and property, readers look at all that are there; an
//   element's texts may lie under several.
// Value, little endian: version u8 (2) | n u32 | n elements u64 | n ends u32 | texts
//   names in the order of (element, text), distinct; a name's text begins where the one before it
//   ends.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace quipu {

// Names aimed at in a row of one commit. By merging it grows to some 16 times that (ChunkLengths).
inline constexpr int kNamesOfRow = 128;
// Prefixes have a multiple of so many bits: fewer lengths to look at.
inline constexpr int kNamePrefixStep = 2;
inline constexpr int kMaxPrefixBits = 32;

struct Name {
  uint64_t element = 0;
  std::string_view text;
  auto operator<=>(const Name&) const = default;
};

struct NameKey {
  TenantId tenant{};
  PropertyId property{};
  uint8_t prefix_bits = 0;
  uint32_t prefix = 0;
  void append_to(std::string& out) const;
};
// The key of the row with prefixes of that length that an element belongs to.
NameKey name_key(TenantId tenant, PropertyId property, int prefix_bits, uint64_t element);
// How long the prefixes are in a key of this tenant and property; nullopt if it is of another.
std::optional<int> prefix_bits_of(std::string_view key, TenantId tenant, PropertyId property);

// `names` must be sorted and distinct.
std::string encode_names(std::span<const Name> names);
// All names of a row; views point into `row`. nullopt on corrupt bytes.
std::optional<std::vector<Name>> decode_names(std::string_view row);
// Adds the texts of one element in a row, by binary search. False on bytes found to be corrupt.
bool find_names(std::string_view row, uint64_t element, std::vector<std::string>& texts);
// The union of several rows: the names family's merge. nullopt on corrupt bytes.
std::optional<std::string> merge_names(std::span<const std::string_view> rows);

}  // namespace quipu
