// Names of elements on their way to the store: (tenant, property, element) -> text. A cache of
// names already handed over spares most of them. One thread; taken over whole at a barrier, and
// committed with the checkpoint that ends there (or an earlier one).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/block_log.h"
#include "base/hash.h"
#include "base/huge_array.h"
#include "base/ids.h"

namespace quipu {

struct NameEntry {
  TenantId tenant{};
  PropertyId property{};
  uint64_t element = 0;
  std::string_view text;
};

// Names in the order they came: a head each, then its text, one behind the other.
class NameBatch {
 public:
  NameBatch() = default;
  NameBatch(NameBatch&& other) noexcept { *this = std::move(other); }
  NameBatch& operator=(NameBatch&& other) noexcept {
    log_ = std::move(other.log_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  void add(const NameEntry& name);

  // visit(const NameEntry&), in the order they came. Texts stay where they are for the batch's
  // life.
  template <typename Visit>
  void each(const Visit& visit) const {
    each_place([&](const char* at) { visit(read(at)); });
  }
  // visit(const char*): where each name lies, to be read() later.
  template <typename Visit>
  void each_place(const Visit& visit) const {
    log_.each_block([&](const char* at, const char* end) {
      while (at != end) {
        visit(at);
        const std::string_view text = read(at).text;
        at = text.data() + text.size();
      }
    });
  }
  static NameEntry read(const char* at) {
    Head head;
    std::memcpy(&head, at, sizeof head);
    return {head.tenant,
            head.property,
            uint64_t(head.element[1]) << 32 | head.element[0],
            {at + sizeof head, head.text_bytes}};
  }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t bytes() const { return log_.size(); }

 private:
  struct Head {
    TenantId tenant;
    PropertyId property;
    uint32_t element[2];  // low, high: eight bytes at once would pad the head
    uint32_t text_bytes;
  };
  BlockLog<char> log_;
  size_t size_ = 0;
};

class NameLog {
 public:
  // The cache: 8 bytes an entry, in sets of one memory line; rounded up to a power of two. It takes
  // memory only as names come, by huge pages.
  static constexpr size_t kLeastCacheEntries = 1 << 19;
  explicit NameLog(size_t cache_entries = kLeastCacheEntries);
  // Remembers the text unless the cache says that this very text (by its check) was handed over.
  void note(TenantId tenant, PropertyId property, Hasher::Checked hash, std::string_view text) {
    note(fingerprint(tenant, property, hash), tenant, property, hash.element, text);
  }
  // note() in two steps, for several names at once: first prefetch() all, then note() each with
  // what it gave.
  uint64_t prefetch(TenantId tenant, PropertyId property, Hasher::Checked hash) const {
    const uint64_t print = fingerprint(tenant, property, hash);
    __builtin_prefetch(&known_[print & set_mask_], 1);
    return print;
  }
  void note(uint64_t print, TenantId tenant, PropertyId property, uint64_t element,
            std::string_view text);

  NameBatch take();  // and goes on empty; the cache stays
  size_t bytes() const { return pending_.bytes(); }

 private:
  static constexpr size_t kWays = 8;
  struct alignas(64) Set {
    uint64_t prints[kWays];  // the last used first; 0: none
  };
  static uint64_t fingerprint(TenantId tenant, PropertyId property, Hasher::Checked hash) {
    return combine64(hash.check, hash.element ^ (uint64_t(raw(tenant)) << 32 | raw(property)) *
                                                    0x9e3779b97f4a7c15ull);
  }

  HugeArray<Set> known_;
  size_t set_mask_;
  NameBatch pending_;
};

}  // namespace quipu
