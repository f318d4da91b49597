#include "tally/row_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/fault.h"
#include "base/radix_sort.h"
#include "tally/chunk_words.h"
#include "tally/record_format.h"

namespace quipu {

RowLog::RowLog() : impl_(std::make_unique<Impl>()) {}
RowLog::~RowLog() = default;
RowLog::RowLog(RowLog&&) noexcept = default;
RowLog& RowLog::operator=(RowLog&&) noexcept = default;

size_t RowLog::bytes() const { return impl_ == nullptr ? 0 : impl_->bytes(); }
bool RowLog::empty() const { return impl_ == nullptr || impl_->empty(); }

void RowLog::clear() {
  if (impl_ == nullptr) impl_ = std::make_unique<Impl>();
  impl_->clear();
}

size_t RowLog::Impl::bytes() const {
  return entries.size() * sizeof(RowLogEntry) + payload.size() * sizeof(uint64_t) +
         chunk_words.size() * 2 * sizeof(LoggedWord) + records.size() * sizeof(RecordKey);
}

void RowLog::Impl::clear() {
  entries.clear();
  payload.clear();
  chunk_words.clear();
  records.clear();
}

RowLogEntry& RowLog::Impl::add(const RecordKey& key, RowLogEntry::Kind kind) {
  CHECK(key.depth == 0);
  RowLogEntry& entry = entries.emplace_back();
  entry.profile = key.profile;
  entry.payload = nullptr;
  entry.tenant = key.tenant;
  entry.count = 0;
  entry.month = key.month;
  entry.kind = kind;
  entry.fresh = false;
  entry.leading = 0;
  return entry;
}

const uint64_t* RowLog::Impl::row(const RecordKey& key, MonthIndex of, SelectorId metric, Slot slot,
                                  uint64_t columns, const uint64_t* elements, bool fresh) {
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
                     payload.goes_on_at(last.payload + last.count, n);
  return go_on ? last.count : 0;
}

void RowLog::Impl::word(const RecordKey& key, uint64_t word, bool fresh) {
  const bool goes_on = words_that_go_on(key, 1) != 0;
  RowLogEntry& entry = goes_on ? entries.back() : add(key, RowLogEntry::Kind::words);
  entry.fresh |= fresh;
  uint64_t* at = payload.take(1);
  if (!goes_on) entry.payload = at;
  *at = word;
  ++entry.count;
}

void RowLog::Impl::full(const RecordKey& key) { add(key, RowLogEntry::Kind::full); }

uint32_t RowLog::Impl::number_of(const RecordKey& key) {
  uint32_t& known = numbers_[mix64(key.profile.lo + key.month) % kNumbersKnown];
  if (known >= records.size() || records[known].profile != key.profile ||
      records[known].tenant != key.tenant || records[known].month != key.month) {
    known = uint32_t(records.size());
    records.push_back({key.month, key.tenant, key.profile, 0, 0});
  }
  return known;
}

void RowLog::Impl::chunk_word(const RecordKey& key, uint64_t word, Slot slot, bool fresh) {
  *chunk_words.take(1) = LoggedWord{word, number_of(key), slot, key.depth, fresh, false};
}

void RowLog::Impl::full_chunk(const RecordKey& key, uint64_t any_word_of_it) {
  *chunk_words.take(1) = LoggedWord{any_word_of_it, number_of(key), 0, key.depth, false, true};
}

void RowLog::Impl::stored(const RecordKey& key, std::string_view bytes) {
  RowLogEntry& entry = add(key, RowLogEntry::Kind::stored);
  uint64_t* words = payload.take((bytes.size() + 7) / 8);
  std::memcpy(words, bytes.data(), bytes.size());
  entry.payload = words;
  entry.count = uint32_t(bytes.size());
}

namespace {

// An entry on its way through the sort, and which it is.
struct Item {
  uint64_t place;
  uint32_t log;
  uint32_t entry;
};

class Encoder {
 public:
  Encoder(std::span<const RowLog> logs, const CompiledPlan& plan, ElementCodes& codes)
      : logs_(logs), plan_(plan), codes_(codes), chunk_words_(logs) {}

  Status run(const RecordSink& sink) {
    collect();
    radix_sort(items_);
    settle_ties();
    for (size_t begin = 0, end; begin < items_.size() || !chunk_words_.done(); begin = end) {
      end = begin;
      const bool only_chunks =
          begin == items_.size() ||
          (!chunk_words_.done() && chunk_words_.record() < order_of(entry(items_[begin])));
      const RecordOrder order =
          only_chunks ? chunk_words_.record() : order_of(entry(items_[begin]));
      if (!only_chunks) {
        prefetch(begin);
        while (end < items_.size() && order_of(entry(items_[end])) == order) ++end;
      }
      const auto& [month, tenant, hi, lo] = order;
      const bool has_words = !chunk_words_.done() && chunk_words_.record() == order;
      QUIPU_TRY(
          write({month, TenantId(tenant), Hash128{lo, hi}, 0, 0}, begin, end, has_words, sink));
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
      std::stable_sort(
          items_.begin() + ptrdiff_t(begin), items_.begin() + ptrdiff_t(end),
          [&](const Item& a, const Item& b) { return order_of(entry(a)) < order_of(entry(b)); });
    }
  }

  // A record's entries and chunk words: its own key, then those of its chunks.
  Status write(RecordKey key, size_t begin, size_t end, bool has_words, const RecordSink& sink) {
    std::span<const ChunkWord> words;
    if (has_words) words = chunk_words_.take();
    size_t in_root = 0;
    while (in_root < words.size() && words[in_root].depth() == 0) ++in_root;
    if (encode_root(begin, end, words.first(in_root))) QUIPU_TRY(sink(key, bytes_, how_));
    QUIPU_TRY(write_chunks(key, words.subspan(in_root), sink));
    while (has_words && chunk_words_.has_more())
      QUIPU_TRY(write_chunks(key, chunk_words_.take(), sink));
    return {};
  }

  Status write_chunks(RecordKey key, std::span<const ChunkWord> words, const RecordSink& sink) {
    while (!words.empty()) {
      size_t of_chunk = 1;
      while (of_chunk < words.size() && words[of_chunk].chunk() == words[0].chunk()) ++of_chunk;
      key.depth = words[0].depth();
      key.path = words[0].path();
      bytes_.clear();
      how_ = RecordWrite::append;
      encode_words(words.first(of_chunk), key.month == kForever);
      QUIPU_TRY(sink(key, bytes_, how_));
      words = words.subspan(of_chunk);
    }
    return {};
  }

  // The words of one chunk. A mark that it is full comes behind all of them.
  void encode_words(std::span<const ChunkWord> words, bool forever) {
    bool full = false;
    for (size_t begin = 0, end; begin < words.size(); begin = end) {
      words_.clear();
      for (end = begin; end < words.size() && words[end].slot() == words[begin].slot(); ++end) {
        full |= words[end].full();
        if (words[end].fresh() || planted(Planted::record_taken_for_new)) how_ = RecordWrite::first;
        if (!words[end].full()) words_.push_back(words[end].word);
      }
      if (words_.empty()) continue;
      if (forever) {
        write_words(bytes_, words_, false);
      } else {
        write_slot_words(bytes_, words[begin].slot(), words_);
      }
    }
    write_words(bytes_, {}, full);
  }

  // What is stored under the record's own key. False if nothing was added.
  bool encode_root(size_t begin, size_t end, std::span<const ChunkWord> chunk_words) {
    bool full = false;
    how_ = RecordWrite::append;
    bytes_.clear();
    words_.clear();
    months_.clear();
    // What is stored is told before anything is added; twice if it was forgotten in between.
    for (; begin < end && entry(items_[begin]).kind == RowLogEntry::Kind::stored; ++begin) {
      const RowLogEntry& e = entry(items_[begin]);
      bytes_.assign(reinterpret_cast<const char*>(e.payload), e.count);
      how_ = RecordWrite::whole;
    }
    if (begin == end && chunk_words.empty()) return false;
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
    encode_words(chunk_words, false);
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
  ChunkWords chunk_words_;
  std::vector<Item> items_;
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
