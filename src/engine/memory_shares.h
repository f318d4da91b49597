// How a run's memory is divided: the one table of shares. docs/memory.md shows it, and
// memory_shares_test.cpp compares the two. Pure functions; bytes, unless a name says otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quipu {

struct EngineOptions;

inline constexpr size_t kMinMemoryBytes = size_t(256) << 20;  // `--memory` may ask for at least
// Of the budget these (but no more than half of it) are for what does not grow: the program,
// RocksDB, queues, stacks. The rest is divided.
inline constexpr size_t kFixedMemoryBytes = size_t(96) << 20;
inline constexpr size_t kMemoryParts = 64;  // that shares are counted in

enum class Share : uint8_t {
  panes,
  panes_beside,
  hot_tier,
  cache,
  filter,
  compaction,
  write_buffers,
  names,
  element_codes,
  commit,
};
inline constexpr size_t kShares = 10;

struct MemoryShare {
  Share share;
  std::string_view what;
  size_t parts;
  size_t most_bytes;  // 0: no bound
  std::string_view note;
};
inline constexpr std::array<MemoryShare, kShares> kMemoryTable = {{
    {Share::panes, "panes", 12, size_t(512) << 20,
     "until a checkpoint takes them; larger ones hardly help"},
    {Share::panes_beside, "panes that fill while those are committed", 8, 0,
     "two thirds of the panes: a commit takes about half as long as they take"},
    {Share::hot_tier, "hot tier", 13, 0, "of all shards together, and what the panes leave"},
    {Share::cache, "block cache", 5, 0, "filters and indexes of the store's files"},
    {Share::filter, "filter of profiles", 12, 0, "which profiles have records"},
    {Share::compaction, "compaction", 4, 0, "what it reads ahead"},
    {Share::write_buffers, "write buffers", 2, size_t(64) << 20, "small commits"},
    {Share::names, "names known to be stored", 4, size_t(256) << 20, "of all decoders together"},
    {Share::element_codes, "codes of elements", 1, size_t(8) << 20, "short forms in records"},
    {Share::commit, "the commit's own tables", 3, 0, "they grow with the panes"},
}};
constexpr const MemoryShare& share_of(Share share) { return kMemoryTable[size_t(share)]; }
constexpr bool shares_are_whole() {
  size_t parts = 0;
  for (size_t i = 0; i < kShares; ++i) {
    if (size_t(kMemoryTable[i].share) != i) return false;
    parts += kMemoryTable[i].parts;
  }
  return parts == kMemoryParts;
}
static_assert(shares_are_whole(), "in the order of the enum, and 64 parts in all");

// Of panes that fill while others, of so many bytes, are committed.
constexpr size_t kept_beside(size_t pane_bytes) {
  return pane_bytes / share_of(Share::panes).parts * share_of(Share::panes_beside).parts;
}

struct MemoryShares {
  size_t hot, pane, cache, filter, write_buffer, compaction, names;
  uint32_t element_codes;  // so many
};
MemoryShares divide_memory(const EngineOptions& options);

}  // namespace quipu
