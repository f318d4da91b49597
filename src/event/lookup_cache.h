// Direct-mapped caches in front of a EventRegistry, so that its lock is seldom taken. One thread.
// Bounded: a new entry takes the place of the one with the same hash bits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "event/decode.h"

namespace quipu {

template <typename T>
class NameCache {
 public:
  // The entry for a name; look_up(name) gives it where it is not cached.
  template <typename LookUp>
  const T& get(std::string_view name, uint64_t hash, LookUp look_up) {
    Entry& entry = entries_[hash % kEntries];
    if (!entry.used || entry.hash != hash || entry.name != name) {
      entry.value = look_up(name);
      entry.name.assign(name);
      entry.hash = hash;
      // A long name is looked up each time: the cache stays small.
      entry.used = name.size() <= kLongestName;
      if (!entry.used) entry.name.clear();
    }
    return entry.value;
  }

 private:
  static constexpr size_t kEntries = 1024;
  static constexpr size_t kLongestName = 256;  // bytes
  struct Entry {
    bool used = false;
    uint64_t hash = 0;
    std::string name;
    T value{};
  };
  std::vector<Entry> entries_{kEntries};
};

// The tables of months that a decoder has at hand. Events point to them, so a table that gives way
// to another is kept in given_up() until the decoder hands it to its batches.
class MonthCache {
 public:
  const MonthTable* get(EventRegistry& registry, const Tenant& tenant, MonthIndex month) {
    const uint64_t key = uint64_t(raw(tenant.id)) << 32 | uint64_t(month) << 1 | 1;
    Entry& entry = (*entries_)[mix64(key) % kEntries];
    if (entry.key != key) {
      if (entry.table) given_up_.push_back(std::move(entry.table));
      entry.table = registry.month(tenant, month);
      entry.key = key;
    }
    return entry.table.get();
  }
  std::shared_ptr<const void> at_hand() const { return entries_; }
  std::vector<std::shared_ptr<const MonthTable>>& given_up() { return given_up_; }

 private:
  static constexpr size_t kEntries = 1024;
  struct Entry {
    uint64_t key = 0;  // 0: empty
    std::shared_ptr<const MonthTable> table;
  };
  std::shared_ptr<std::array<Entry, kEntries>> entries_ =
      std::make_shared<std::array<Entry, kEntries>>();
  std::vector<std::shared_ptr<const MonthTable>> given_up_;
};

}  // namespace quipu
