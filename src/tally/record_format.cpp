#include "tally/record_format.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace quipu {
namespace {

constexpr uint8_t kFormatVersion = 2;
enum Kind : uint8_t { kRows = 1, kWords = 2, kFullWords = 3, kRowsOfMonth = 4, kSlotWords = 5 };
constexpr uint8_t head(Kind kind) { return uint8_t(kFormatVersion << 4 | kind); }
constexpr Slot kMaxSlots = 31 * 96;
constexpr uint64_t kLiteral = 0, kEmpty = 1, kFirstCode = 2;  // how an element begins

}  // namespace

RowsWriter::RowsWriter(std::string& out, ElementCodes& codes, PlanVersion version, uint32_t rows)
    : out_(out), codes_(codes) {
  out_.u8(head(kRows));
  begin(version, rows);
}

RowsWriter::RowsWriter(std::string& out, ElementCodes& codes, MonthIndex month, PlanVersion version,
                       uint32_t rows)
    : out_(out), codes_(codes) {
  out_.u8(head(kRowsOfMonth));
  out_.varint(month);
  begin(version, rows);
}

void RowsWriter::begin(PlanVersion version, uint32_t rows) {
  out_.varint(version);
  out_.varint(rows);
}

void RowsWriter::row(SelectorId metric, Slot slot, const uint64_t* elements) {
  out_.varint(raw(metric));
  out_.svarint(int64_t(slot) - slot_);
  slot_ = slot;
  uint64_t changed = 0;
  for (uint32_t c = 0; c < uint32_t(kMaxColumns); ++c)
    changed |= uint64_t(elements[c] != before_[c]) << c;
  out_.varint(changed);
  for (; changed != 0; changed &= changed - 1) {
    const int c = std::countr_zero(changed);
    element(elements[c]);
    before_[size_t(c)] = elements[c];
  }
}

void RowsWriter::element(uint64_t element) {
  if (element == kEmptyElement) return out_.varint(kEmpty);
  const uint32_t code = codes_.code_of(element);
  if (code != ElementCodes::kNone) return out_.varint(kFirstCode + code);
  out_.varint(kLiteral);
  out_.le64(element);
}

void write_words(std::string& out, std::span<const uint64_t> words, bool full) {
  if (words.empty() && !full) return;
  ByteWriter w(out);
  w.u8(head(full ? kFullWords : kWords));
  w.varint(words.size());
  for (uint64_t word : words) w.le64(word);
}

void write_slot_words(std::string& out, Slot slot, std::span<const uint64_t> words) {
  CHECK(!words.empty());
  ByteWriter w(out);
  w.u8(head(kSlotWords));
  w.varint(slot);
  w.varint(words.size());
  for (uint64_t word : words) w.le64(word);
}

RecordReader::Item RecordReader::corrupt(const char* problem) {
  in_.fail();
  rows_left_ = words_left_ = 0;
  full_follows_ = false;
  problem_ = problem;
  return Item::corrupt;
}

RecordReader::Item RecordReader::next() {
  if (*problem_ != '\0') return Item::corrupt;
  while (true) {
    if (rows_left_ != 0) return read_row();
    if (words_left_ != 0) {
      --words_left_;
      word_ = in_.le64();
      return slotted_ ? Item::slot_word : Item::word;
    }
    if (full_follows_) {
      full_follows_ = false;
      return Item::full;
    }
    if (in_.done()) return Item::end;
    if (begin_segment() == Item::corrupt) return Item::corrupt;
  }
}

// Anything but corrupt: go on.
RecordReader::Item RecordReader::begin_segment() {
  const uint8_t first = in_.u8();
  if (first >> 4 != kFormatVersion) return corrupt("a segment of an unknown format version");
  if (first == head(kRows) || first == head(kRowsOfMonth)) {
    const uint64_t month = first == head(kRowsOfMonth) ? in_.varint() : 0;
    const uint64_t version = in_.varint();
    rows_left_ = in_.varint();
    if (!in_.ok()) return corrupt("it ends inside a segment of rows");
    if (month >= uint64_t(kMonths)) return corrupt("a month that cannot be");
    if (version == 0 || version > 0xFFFF) return corrupt("a plan version that cannot be");
    if (rows_left_ == 0) return corrupt("a segment without rows");
    month_ = first == head(kRowsOfMonth) ? std::optional(MonthIndex(month)) : std::nullopt;
    version_ = PlanVersion(version);
    elements_.fill(0);
    filled_ = 0;
    slot_ = 0;
    return Item::row;
  }
  if (first != head(kWords) && first != head(kFullWords) && first != head(kSlotWords))
    return corrupt("a segment of an unknown kind");
  slotted_ = first == head(kSlotWords);
  const uint64_t slot = slotted_ ? in_.varint() : 0;
  if (slot >= kMaxSlots) return corrupt("a time slot outside the month");
  slot_ = Slot(slot);
  words_left_ = in_.varint();
  full_follows_ = first == head(kFullWords);
  if (!in_.ok() || words_left_ > in_.left() / sizeof(uint64_t))
    return corrupt("it ends inside a segment of words");
  if (words_left_ == 0 && !full_follows_) return corrupt("a segment without words");
  return Item::word;
}

RecordReader::Item RecordReader::read_row() {
  --rows_left_;
  const uint64_t metric = in_.varint();
  const int64_t step = in_.svarint();
  uint64_t changed = in_.varint();
  if (!in_.ok() || uint64_t(std::popcount(changed)) > in_.left())
    return corrupt("it ends inside a row");
  if (metric == 0 || metric > 0xFFFFFFFF) return corrupt("a metric that cannot be");
  if (step < -int64_t(slot_) || step >= int64_t(kMaxSlots) - slot_)
    return corrupt("a time slot outside the month");
  metric_ = SelectorId(uint32_t(metric));
  slot_ = Slot(slot_ + step);
  for (; changed != 0; changed &= changed - 1) {
    const int c = std::countr_zero(changed);
    const uint64_t begin = in_.varint();
    uint64_t element = 0;
    if (begin == kLiteral) {
      element = in_.le64();
    } else if (begin != kEmpty) {
      element =
          codes_.element(uint32_t(std::min<uint64_t>(begin - kFirstCode, ElementCodes::kNone)));
      if (element == 0) return corrupt("a code of an element that was never given");
    }
    const uint64_t bit = uint64_t(1) << c;
    elements_[size_t(c)] = element;
    filled_ = element == 0 ? filled_ & ~bit : filled_ | bit;
  }
  if (!in_.ok()) return corrupt("it ends inside a row");
  return Item::row;
}

std::string describe(const RecordKey& key) {
  char text[160];
  int n = std::snprintf(text, sizeof text, "tenant %u, profile %016llx%016llx, ", raw(key.tenant),
                        static_cast<unsigned long long>(key.profile.hi),
                        static_cast<unsigned long long>(key.profile.lo));
  std::string out(text, size_t(n));
  if (key.month == kForever) {
    out += "ids and lifetime";
  } else {
    n = std::snprintf(text, sizeof text, "month %d-%02d", 1970 + key.month / 12,
                      key.month % 12 + 1);
    out.append(text, size_t(n));
  }
  if (key.depth != 0) {
    n = std::snprintf(text, sizeof text, ", chunk %u/%0*x", unsigned(key.depth), int(key.depth),
                      key.path);
    out.append(text, size_t(n));
  }
  return out;
}

}  // namespace quipu
