// The store's own rows in the meta family: what kind of store it is, and what the last checkpoint
// holds. Their byte layout stands at the top of state.cpp. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "store/store.h"

namespace quipu {

inline constexpr std::string_view kFormatKey = "store/format";
inline constexpr std::string_view kStateKey = "store/state";
inline constexpr std::string_view kCodesPrefix =
    "code/";  // and a number of a chunk of element codes
inline constexpr std::string_view kProfilesPrefix = "profiles/";  // and the number of a commit

struct StoreFormat {
  uint32_t version = kStoreVersion;
  unsigned element_bits = 64;
  HashSecret secret{};
};
std::string encode_format(const StoreFormat& format);
// A row of another store version gives that version and nothing else. False on corrupt bytes.
bool decode_format(std::string_view bytes, StoreFormat& format);

// `commits`: how many commits the store has seen.
std::string encode_state(const CommittedState& state, uint64_t commits);
bool decode_state(std::string_view bytes, CommittedState& state, uint64_t& commits);

// Lists of hashes: a chunk of the elements that have codes (tally/element_codes.h); the profiles
// (profile_hash() of record_filter.h) whose forever record was new in a commit.
std::string codes_key(uint32_t chunk);
std::string profiles_key(uint64_t commit);
std::string encode_hashes(std::span<const uint64_t> hashes);
bool decode_hashes(std::string_view bytes, std::vector<uint64_t>& hashes);  // false: corrupt

}  // namespace quipu
