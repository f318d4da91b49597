#include "engine/memory_shares.h"

#include <unistd.h>

#include <algorithm>

#include "engine/options.h"
#include "tally/element_codes.h"

namespace quipu {
namespace {

constexpr size_t kBytesOfCode = 32;  // in memory, its table full
static_assert(ElementCodes::kMostCodes * kBytesOfCode == share_of(Share::element_codes).most_bytes);

size_t machine_memory() {
  return size_t(::sysconf(_SC_PHYS_PAGES)) * size_t(::sysconf(_SC_PAGE_SIZE));
}

size_t bytes_of(size_t divided, Share share) {
  const MemoryShare& of = share_of(share);
  const size_t bytes = divided / kMemoryParts * of.parts;
  return of.most_bytes == 0 ? bytes : std::min(bytes, of.most_bytes);
}

}  // namespace

MemoryShares divide_memory(const EngineOptions& options) {
  const size_t memory = options.memory_bytes ? options.memory_bytes : machine_memory() / 2;
  const size_t divided = memory - std::min(memory / 2, kFixedMemoryBytes);
  MemoryShares shares;
  const size_t pane = bytes_of(divided, Share::panes);
  // What the panes leave of their shares is the hot tier's.
  const size_t panes_and_hot = divided / kMemoryParts *
                               (share_of(Share::panes).parts + share_of(Share::panes_beside).parts +
                                share_of(Share::hot_tier).parts);
  shares.hot = options.hot_bytes ? options.hot_bytes : panes_and_hot - pane - kept_beside(pane);
  shares.pane = options.pane_bytes ? options.pane_bytes : pane;
  shares.cache = bytes_of(divided, Share::cache);
  shares.filter = bytes_of(divided, Share::filter);
  shares.compaction = bytes_of(divided, Share::compaction);
  shares.names = bytes_of(divided, Share::names);
  shares.write_buffer = bytes_of(divided, Share::write_buffers);
  shares.element_codes = uint32_t(bytes_of(divided, Share::element_codes) / kBytesOfCode);
  return shares;
}

}  // namespace quipu
