#include "tally/row_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "base/radix_sort.h"
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

void RowLog::clear() {
  if (impl_ == nullptr) impl_ = std::make_unique<Impl>();
  impl_->entries.clear();
  impl_->payload.clear();
}

RowLogEntry& RowLog::Impl::add(const RecordKey& key, RowLogEntry::Kind kind) {
  RowLogEntry& entry = entries.emplace_back();
  entry.profile = key.profile;
  entry.payload = nullptr;
  entry.tenant = key.tenant;
  entry.words = {key.path, 0};
  entry.month = key.month;
  entry.depth = key.depth;
  entry.kind = kind;
  entry.fresh = false;
  entry.leading = 0;
  return entry;
}

const uint64_t* RowLog::Impl::row(const RecordKey& key, MonthIndex of, SelectorId metric, Slot slot,
                                  uint64_t columns, const uint64_t* elements, bool fresh) {
  CHECK(key.path == 0);
  const size_t size = 1 + size_t(std::popcount(columns));
  // An event's id, and what names its month, come just before its row: one entry to keep and to
  // sort instead of two.
  const uint32_t words_before = words_that_go_on(key, size);
  const bool goes_on = words_before != 0 && words_before <= kMostLeadingWords;
  uint64_t* w = payload.take(size);
  RowLogEntry& entry = goes_on ? entries.back() : add(key, RowLogEntry::Kind::row);
  if (goes_on) {
    entry.kind = RowLogEntry::Kind::row;
    entry.leading = uint8_t(words_before & kMostLeadingWords);
  } else {
    entry.payload = w;
  }
  entry.fresh |= fresh;
  entry.row = {metric, slot, of};
  *w++ = columns;
  const uint64_t* kept = w;
  for (; columns != 0; columns &= columns - 1) *w++ = elements[std::countr_zero(columns)];
  return kept;
}

// The last entry's words, if they are of the key and n more of payload can follow them.
uint32_t RowLog::Impl::words_that_go_on(const RecordKey& key, size_t n) const {
  if (entries.empty()) return 0;
  const RowLogEntry& last = entries.back();
  const bool go_on = last.kind == RowLogEntry::Kind::words && last.key() == key &&
                     payload.goes_on_at(last.payload + last.words.count, n);
  return go_on ? last.words.count : 0;
}

void RowLog::Impl::word(const RecordKey& key, uint64_t word, bool fresh) {
  const bool goes_on = words_that_go_on(key, 1) != 0;
  RowLogEntry& entry = goes_on ? entries.back() : add(key, RowLogEntry::Kind::words);
  entry.fresh |= fresh;
  uint64_t* at = payload.take(1);
  if (!goes_on) entry.payload = at;
  *at = word;
  ++entry.words.count;
}

void RowLog::Impl::full(const RecordKey& key) { add(key, RowLogEntry::Kind::full); }

void RowLog::Impl::stored(const RecordKey& key, std::string_view bytes) {
  RowLogEntry& entry = add(key, RowLogEntry::Kind::stored);
  uint64_t* words = payload.take((bytes.size() + 7) / 8);
  std::memcpy(words, bytes.data(), bytes.size());
  entry.payload = words;
  entry.words.count = uint32_t(bytes.size());
}

namespace {

// An entry on its way through the sort, and which it is.
struct Item {
  uint64_t place;
  uint32_t log;
  uint32_t entry;
};

using KeyOrder = std::tuple<MonthIndex, uint32_t, uint64_t, uint64_t, uint8_t, uint32_t>;
KeyOrder order_of(const RowLogEntry& e) {
  return {e.month, raw(e.tenant), e.profile.hi, e.profile.lo, e.depth, e.path()};
}

class Encoder {
 public:
  Encoder(std::span<const RowLog> logs, const CompiledPlan& plan, ElementCodes& codes)
      : logs_(logs), plan_(plan), codes_(codes) {}

  Status run(const RecordSink& sink) {
    collect();
    radix_sort(items_);
    settle_ties();
    for (size_t begin = 0, end; begin < items_.size(); begin = end) {
      prefetch(begin);
      const auto order = order_of(entry(items_[begin]));
      for (end = begin + 1; end < items_.size() && order_of(entry(items_[end])) == order;) ++end;
      if (encode(begin, end)) QUIPU_TRY(sink(entry(items_[begin]).key(), bytes_, how_));
    }
    return {};
  }

 private:
  const RowLogEntry& entry(const Item& item) const {
    return RowLogAccess::of(logs_[item.log]).entries[item.entry];
  }

  // Sorted entries lie anywhere in the logs, and codes of their elements anywhere in a table.
  void prefetch(size_t begin) const {
    constexpr size_t kEntryAhead = 24, kPayloadAhead = 12, kCodesAhead = 3;
    constexpr size_t kPayloadWords = 32, kLineWords = 8;  // of most rows
    if (begin + kEntryAhead < items_.size())
      __builtin_prefetch(&entry(items_[begin + kEntryAhead]));
    if (begin + kPayloadAhead < items_.size()) {
      const uint64_t* payload = entry(items_[begin + kPayloadAhead]).payload;
      for (size_t w = 0; w < kPayloadWords; w += kLineWords) __builtin_prefetch(payload + w);
    }
    if (begin + kCodesAhead < items_.size()) prefetch_codes(entry(items_[begin + kCodesAhead]));
  }
  void prefetch_codes(const RowLogEntry& e) const {
    if (e.kind != RowLogEntry::Kind::row) return;
    const uint64_t* payload = e.row_payload();
    const uint64_t* const end = payload + 1 + std::popcount(*payload);
    while (++payload != end) codes_.prefetch(*payload);
  }

  static uint64_t month_and_tenant(const RowLogEntry& e) {
    return uint64_t(e.month) << 32 | raw(e.tenant);
  }

  // By (month, tenant), then bits of the profile.
  void collect() {
    GroupRanks ranks;
    size_t count = 0;
    for (const RowLog& log : logs_) count += log.empty() ? 0 : RowLogAccess::of(log).entries.size();
    CHECK(count <= 0xFFFFFFFF);
    items_.reserve(count);
    for (uint32_t l = 0; l < logs_.size(); ++l) {
      if (logs_[l].empty()) continue;
      const auto& entries = RowLogAccess::of(logs_[l]).entries;
      for (uint32_t i = 0; i < entries.size(); ++i)
        items_.push_back({ranks.number(month_and_tenant(entries[i])), l, i});
    }
    ranks.rank();
    for (Item& item : items_)
      item.place = ranks.place(uint32_t(item.place), entry(item).profile.hi);
  }

  // Puts entries that the sort holds for alike in the order of their whole keys; those of one key
  // keep theirs.
  void settle_ties() {
    for (size_t begin = 0, end; begin < items_.size(); begin = end) {
      bool differ = false;
      for (end = begin + 1; end < items_.size() &&
                            sorted_bits(items_[end].place) == sorted_bits(items_[begin].place);
           ++end)
        differ |= order_of(entry(items_[end])) != order_of(entry(items_[begin]));
      if (!differ) continue;
      // A heavy profile has thousands of chunks: their keys are brought together, entries lie
      // anywhere.
      tied_.clear();
      for (size_t i = begin; i < end; ++i) {
        if (i + 16 < end) __builtin_prefetch(&entry(items_[i + 16]));
        tied_.emplace_back(order_of(entry(items_[i])), items_[i]);
      }
      std::stable_sort(tied_.begin(), tied_.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      for (size_t i = begin; i < end; ++i) items_[i] = tied_[i - begin].second;
    }
  }

  // False if nothing was added.
  bool encode(size_t begin, size_t end) {
    bool full = false;
    how_ = RecordWrite::append;
    bytes_.clear();
    words_.clear();
    months_.clear();
    // What is stored is told before anything is added; twice if it was forgotten in between.
    for (; begin < end && entry(items_[begin]).kind == RowLogEntry::Kind::stored; ++begin) {
      const RowLogEntry& e = entry(items_[begin]);
      bytes_.assign(reinterpret_cast<const char*>(e.payload), e.words.count);
      how_ = RecordWrite::whole;
    }
    if (begin == end) return false;
    for (size_t i = begin; i < end; ++i) {
      const RowLogEntry& e = entry(items_[i]);
      CHECK(e.kind != RowLogEntry::Kind::stored);
      if (e.kind == RowLogEntry::Kind::row &&
          std::find(months_.begin(), months_.end(), e.row.of) == months_.end())
        months_.push_back(e.row.of);
      full |= e.kind == RowLogEntry::Kind::full;
      if (e.fresh || planted(Planted::record_taken_for_new)) how_ = RecordWrite::first;
      words_.insert(words_.end(), e.payload, e.payload + e.word_count());
    }
    for (MonthIndex month : months_) encode_rows(begin, end, month);
    write_words(bytes_, words_, full);
    return true;
  }

  void encode_rows(size_t begin, size_t end, MonthIndex month) {
    const auto is_row = [&](const RowLogEntry& e) {
      return e.kind == RowLogEntry::Kind::row && e.row.of == month;
    };
    uint32_t rows = 0;
    for (size_t i = begin; i < end; ++i) rows += is_row(entry(items_[i]));
    RowsWriter writer = entry(items_[begin]).month == month
                            ? RowsWriter(bytes_, codes_, plan_.version, rows)
                            : RowsWriter(bytes_, codes_, month, plan_.version, rows);
    for (size_t i = begin; i < end; ++i) {
      const RowLogEntry& e = entry(items_[i]);
      if (!is_row(e)) continue;
      std::array<uint64_t, kMaxColumns> elements{};
      const uint64_t* payload = e.row_payload();
      for (uint64_t columns = *payload; columns != 0; columns &= columns - 1)
        elements[size_t(std::countr_zero(columns))] = *++payload;
      writer.row(e.row.metric, e.row.slot, elements.data());
    }
  }

  const std::span<const RowLog> logs_;
  const CompiledPlan& plan_;
  ElementCodes& codes_;
  std::vector<Item> items_;
  std::vector<std::pair<KeyOrder, Item>> tied_;
  std::vector<uint64_t> words_;
  std::vector<MonthIndex> months_;  // of rows
  std::string bytes_;               // of the record in hand
  RecordWrite how_ = RecordWrite::append;
};

}  // namespace

Status encode_appends(std::span<const RowLog> logs, const CompiledPlan& plan, ElementCodes& codes,
                      const RecordSink& sink) {
  return Encoder(logs, plan, codes).run(sink);
}

}  // namespace quipu
