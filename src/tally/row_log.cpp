#include "tally/row_log.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "tally/record_format.h"

namespace quipu {

RowLog::RowLog() : impl_(std::make_unique<Impl>()) {}
RowLog::~RowLog() = default;
RowLog::RowLog(RowLog&&) noexcept = default;
RowLog& RowLog::operator=(RowLog&&) noexcept = default;

size_t RowLog::bytes() const {
  if (impl_ == nullptr) return 0;
  return impl_->entries.size() * sizeof(RowLogEntry) + impl_->payload.size() * sizeof(uint64_t);
}

bool RowLog::empty() const { return impl_ == nullptr || impl_->entries.empty(); }

RowLogEntry& RowLog::Impl::add(const RecordKey& key, RowLogEntry::Kind kind) {
  CHECK(payload.size() <= 0xFFFFFFFF);
  return entries.emplace_back(RowLogEntry{key.profile, key.tenant, key.month, key.depth, kind,
                                          key.path, 0, SelectorId::none, 0,
                                          uint32_t(payload.size())});
}

void RowLog::Impl::row(const RecordKey& key, SelectorId metric, Slot slot, uint64_t filled,
                       const uint64_t* elements) {
  RowLogEntry& entry = add(key, RowLogEntry::Kind::row);
  entry.metric = metric;
  entry.slot = slot;
  payload.push_back(filled);
  for (; filled != 0; filled &= filled - 1) payload.push_back(elements[std::countr_zero(filled)]);
}

void RowLog::Impl::word(const RecordKey& key, uint64_t word) {
  const bool goes_on = !entries.empty() && entries.back().kind == RowLogEntry::Kind::words &&
                       entries.back().key() == key;
  RowLogEntry& entry = goes_on ? entries.back() : add(key, RowLogEntry::Kind::words);
  ++entry.count;
  payload.push_back(word);
}

void RowLog::Impl::full(const RecordKey& key) { add(key, RowLogEntry::Kind::full); }

namespace {

// An entry on its way through the sort: the first 64 bits of its place among all keys, and which it
// is.
struct Item {
  uint64_t place;
  uint32_t log;
  uint32_t entry;
};

// By place; stable.
void radix_sort(std::vector<Item>& items) {
  constexpr int kDigitBits = 11;
  constexpr uint64_t kMask = (1 << kDigitBits) - 1;
  std::vector<Item> other(items.size());
  for (int shift = 0; shift < 64; shift += kDigitBits) {
    std::vector<uint32_t> begin(kMask + 2, 0);
    for (const Item& item : items) ++begin[(item.place >> shift & kMask) + 1];
    if (std::find(begin.begin(), begin.end(), items.size()) != begin.end()) continue;  // all alike
    for (size_t d = 1; d < begin.size(); ++d) begin[d] += begin[d - 1];
    for (const Item& item : items) other[begin[item.place >> shift & kMask]++] = item;
    items.swap(other);
  }
}

auto order_of(const RowLogEntry& e) {
  return std::make_tuple(e.month, raw(e.tenant), e.profile.hi, e.profile.lo, e.depth, e.path);
}

class Encoder {
 public:
  Encoder(std::span<const RowLog> logs, const CompiledPlan& plan) : logs_(logs), plan_(plan) {}

  Status run(const RecordSink& sink) {
    collect();
    radix_sort(items_);
    settle_ties();
    for (size_t begin = 0, end; begin < items_.size(); begin = end) {
      prefetch(begin);
      const auto order = order_of(entry(items_[begin]));
      for (end = begin + 1; end < items_.size() && order_of(entry(items_[end])) == order;) ++end;
      encode(begin, end);
      QUIPU_TRY(sink(entry(items_[begin]).key(), bytes_));
    }
    return {};
  }

 private:
  const RowLogEntry& entry(const Item& item) const {
    return RowLogAccess::of(logs_[item.log]).entries[item.entry];
  }

  // Sorted entries lie anywhere in the logs.
  void prefetch(size_t begin) const {
    constexpr size_t kEntryAhead = 24, kPayloadAhead = 12;
    if (begin + kEntryAhead < items_.size())
      __builtin_prefetch(&entry(items_[begin + kEntryAhead]));
    if (begin + kPayloadAhead >= items_.size()) return;
    const uint64_t* payload = payload_of(items_[begin + kPayloadAhead]);
    __builtin_prefetch(payload);
    __builtin_prefetch(payload + 8);
    __builtin_prefetch(payload + 16);
  }
  const uint64_t* payload_of(const Item& item) const {
    return RowLogAccess::of(logs_[item.log]).payload.data() + entry(item).payload;
  }

  static uint64_t month_and_tenant(const RowLogEntry& e) {
    return uint64_t(e.month) << 32 | raw(e.tenant);
  }

  // An item's place is the rank of its (month, tenant) among those of all logs, then bits of its
  // profile.
  void collect() {
    std::unordered_map<uint64_t, uint64_t> ranks;
    size_t count = 0;
    for (const RowLog& log : logs_) {
      if (log.empty()) continue;
      count += RowLogAccess::of(log).entries.size();
      for (const RowLogEntry& e : RowLogAccess::of(log).entries)
        ranks.try_emplace(month_and_tenant(e), 0);
    }
    CHECK(count <= 0xFFFFFFFF);
    std::vector<uint64_t> in_order;
    for (const auto& [pair, rank] : ranks) in_order.push_back(pair);
    std::sort(in_order.begin(), in_order.end());
    for (size_t r = 0; r < in_order.size(); ++r) ranks[in_order[r]] = r;
    const int rank_bits = std::bit_width(in_order.size());
    items_.reserve(count);
    for (uint32_t l = 0; l < logs_.size(); ++l) {
      if (logs_[l].empty()) continue;
      const auto& entries = RowLogAccess::of(logs_[l]).entries;
      for (uint32_t i = 0; i < entries.size(); ++i) {
        const RowLogEntry& e = entries[i];
        const uint64_t rank = ranks.find(month_and_tenant(e))->second;
        items_.push_back({rank << (64 - rank_bits) | e.profile.hi >> rank_bits, l, i});
      }
    }
  }

  // Puts entries of one place in the order of their whole keys; those of one key keep theirs.
  void settle_ties() {
    for (size_t begin = 0, end; begin < items_.size(); begin = end) {
      bool differ = false;
      for (end = begin + 1; end < items_.size() && items_[end].place == items_[begin].place; ++end)
        differ |= order_of(entry(items_[end])) != order_of(entry(items_[begin]));
      if (!differ) continue;
      std::stable_sort(
          items_.begin() + ptrdiff_t(begin), items_.begin() + ptrdiff_t(end),
          [&](const Item& a, const Item& b) { return order_of(entry(a)) < order_of(entry(b)); });
    }
  }

  void encode(size_t begin, size_t end) {
    uint32_t rows = 0;
    bool full = false;
    words_.clear();
    for (size_t i = begin; i < end; ++i) {
      const RowLogEntry& e = entry(items_[i]);
      const uint64_t* payload = payload_of(items_[i]);
      rows += e.kind == RowLogEntry::Kind::row;
      full |= e.kind == RowLogEntry::Kind::full;
      words_.insert(words_.end(), payload, payload + e.count);
    }
    bytes_.clear();
    if (rows != 0) {
      RowsWriter writer(bytes_, plan_.version, rows);
      for (size_t i = begin; i < end; ++i) {
        const RowLogEntry& e = entry(items_[i]);
        if (e.kind != RowLogEntry::Kind::row) continue;
        const uint64_t* payload = payload_of(items_[i]);
        std::array<uint64_t, kMaxColumns> elements{};
        for (uint64_t filled = *payload; filled != 0; filled &= filled - 1)
          elements[size_t(std::countr_zero(filled))] = *++payload;
        writer.row(e.metric, e.slot, elements.data());
      }
    }
    write_words(bytes_, words_, full);
  }

  const std::span<const RowLog> logs_;
  const CompiledPlan& plan_;
  std::vector<Item> items_;
  std::vector<uint64_t> words_;
  std::string bytes_;  // of the append in hand
};

}  // namespace

Status encode_appends(std::span<const RowLog> logs, const CompiledPlan& plan, const RecordSink& sink) {
  return Encoder(logs, plan).run(sink);
}

}  // namespace quipu
