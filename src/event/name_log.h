// Names of elements on their way to the store: (tenant, property, element) -> text. A direct-mapped cache
// of names already handed over spares most of them. One thread; taken over whole at a barrier, and
// committed with the checkpoint that ends there (or an earlier one).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"

namespace quipu {

struct NameEntry {
  TenantId tenant{};
  PropertyId property{};
  uint64_t element = 0;
  std::string text;
};

class NameLog {
 public:
  explicit NameLog(size_t cache_entries = 1 << 16);
  // Remembers the text unless the cache says that this very text (by its check) was handed over.
  void note(TenantId tenant, PropertyId property, Hasher::Checked hash, std::string_view text);
  std::vector<NameEntry> take();  // and goes on empty; the cache stays
  size_t bytes() const { return bytes_; }

 private:
  struct Known {
    uint64_t key = 0, check = 0;
  };
  std::vector<Known> known_;
  std::vector<NameEntry> pending_;
  size_t bytes_ = 0;
};

}  // namespace quipu
