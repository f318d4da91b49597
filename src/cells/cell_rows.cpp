// Layout of a packed row (golden bytes: cell_rows_test.cpp):
//
//   version u8 = 1 | codec u8 = 0 | arity u8 | values u8 | value ids u8 each, rising | frames u8 |
//   entries varint then the entries, strictly rising by (value_hash, elements):
//     elements u64 each, little endian
//     slots, rising; the last one has the top bit of its head set:
//       head u8: slot of the UTC day (0-95); 0x80: last of the entry
//       flags u8:
//         0x80 clear: count is 1 and every first field 0 or 1. Bits 0-5 are first[0..5]; beyond six
//         frames
//                     follow bytes of eight further flags each, low bit first.
//         0x80 set:   bits 0-5 are the count, or 0: the count follows as varint. Then one bit a
//         frame, low bit
//                     first, in bytes: this field differs from the one before it (the count before
//                     first[0]); then for each that differs the difference as zigzag varint.
//         0x40:       sums follow, one 128-bit zigzag varint a value id; else all are zero.
//
// No first field is written for a dimension without uniques (frames 0). Fields that a row lacks are
// zero, so rows of one key whose headers differ (a plan change turned uniques or a sum on) merge
// under the union of their value ids and the larger number of frames. A sum cannot overflow:
// |value| <= 10^20, 10^26 in units of 10^-6, and 2^127 is 1.7 * 10^38: it would take 10^12 events
// of the largest value in one slot of one cell. value_hash chains mix64 over the elements
// (value_hash_step), so it is part of the format.
#include "cells/cell_rows.h"

#include "cells/cell_codec.h"

namespace quipu {
namespace {

constexpr size_t kSparseKeyBytes = 16;
constexpr size_t kPackedKeyBytes = 21;

Error broken(const char* what) {
  return Error{std::string("a stored row of cells ") + what +
               ": the store's files are damaged or of a newer quipu; restore a backup or count "
               "again into a new store"};
}

}  // namespace

void append_cell_prefix(DayIndex day, TenantId tenant, SelectorId selector, std::string& out) {
  ByteWriter w(out);
  w.be32(day);
  w.be32(raw(tenant));
  w.be32(raw(selector));
}

void CellKey::append_to(std::string& out) const {
  append_cell_prefix(day, tenant, selector, out);
  ByteWriter w(out);
  w.be32(raw(dimension));
  if (dimension == DimensionId::none) return;
  w.u8(chunk_bits);
  w.be32(chunk);
}

std::optional<CellKey> CellKey::parse(std::string_view bytes) {
  if (bytes.size() != kSparseKeyBytes && bytes.size() != kPackedKeyBytes) return std::nullopt;
  ByteReader in(bytes);
  CellKey key;
  key.day = in.be32();
  key.tenant = TenantId(in.be32());
  key.selector = SelectorId(in.be32());
  key.dimension = DimensionId(in.be32());
  if ((key.dimension == DimensionId::none) != (bytes.size() == kSparseKeyBytes))
    return std::nullopt;
  if (key.dimension == DimensionId::none) return key;
  key.chunk_bits = in.u8();
  key.chunk = in.be32();
  if (key.joint())
    return key.chunk == 0 && key.dimension == last_of_joint(key.dimension) ? std::optional(key)
                                                                           : std::nullopt;
  if (key.chunk_bits > kMaxChunkBits || uint32_t(uint64_t(key.chunk) << key.chunk_bits) != 0)
    return std::nullopt;
  return key;
}

uint64_t value_hash(std::span<const uint64_t> elements) {
  uint64_t hash = kValueHashStart;
  for (uint64_t e : elements) hash = value_hash_step(hash, e);
  return hash;
}

CellRowBuilder::CellRowBuilder(int arity, std::span<const ValueId> value_ids, int frames)
    : arity_(arity), frames_(frames), value_ids_(value_ids.begin(), value_ids.end()) {
  CHECK(arity >= 0 && arity <= kMaxArity && frames >= 0 && frames <= kMaxFrames &&
        value_ids.size() <= size_t(kMaxValues));
}

void CellRowBuilder::add(std::span<const uint64_t> elements, std::span<const SlotCount> slots) {
  CHECK(elements.size() == size_t(arity_) && !slots.empty());
  const size_t used = body_.size();
  body_.resize(used + elements.size_bytes() +
               slots.size() * max_slot_bytes(frames_, value_ids_.size()));
  char* p = put_elements(body_.data() + used, elements);
  for (size_t s = 0; s < slots.size(); ++s) {
    p = put_slot(p, slots[s].slot, s + 1 == slots.size(), slots[s].count,
                 {slots[s].first.data(), size_t(frames_)},
                 {slots[s].sums.data(), value_ids_.size()});
  }
  body_.resize(size_t(p - body_.data()));
  ++entries_;
}

size_t CellRowBuilder::entries() const { return entries_; }
size_t CellRowBuilder::bytes() const { return body_.size() + kMaxRowHeaderBytes; }

std::string CellRowBuilder::finish() {
  CellRowHeader header;
  header.arity = arity_;
  header.frames = frames_;
  header.values = value_ids_.size();
  std::copy(value_ids_.begin(), value_ids_.end(), header.value_ids.begin());
  header.entries = entries_;
  char buffer[kMaxRowHeaderBytes];
  std::string row(buffer, header.put(buffer));
  row += body_;
  body_.clear();
  entries_ = 0;
  return row;
}

Status read_cell_row(std::string_view value, const CellVisitor& visit,
                     std::span<const uint64_t> hashes) {
  ByteReader in(value);
  CellRowHeader header;
  if (const char* wrong = header.get(in)) return broken(wrong);
  std::array<uint64_t, kMaxArity> elements{}, before{};
  uint64_t hash_before = 0;
  std::array<SlotCount, kSlotsOfDay> slots;
  CellEntry entry;
  entry.value_ids = {header.value_ids.data(), header.values};
  entry.frames = header.frames;
  for (uint64_t e = 0; e < header.entries; ++e) {
    for (int k = 0; k < header.arity; ++k) elements[size_t(k)] = in.le64();
    entry.elements = {elements.data(), size_t(header.arity)};
    const uint64_t hash = value_hash(entry.elements);
    if (e > 0 && (hash < hash_before || (hash == hash_before && elements <= before)))
      return broken("has values out of order");
    hash_before = hash;
    before = elements;
    if (!hashes.empty()) {
      if (hash > hashes.back()) return {};
      if (!std::binary_search(hashes.begin(), hashes.end(), hash)) {
        if (!skip_slots(in, header.frames, header.values))
          return broken("is cut off or has an impossible slot");
        continue;
      }
    }
    size_t n = 0;
    for (bool last = false; !last; ++n) {
      if (n == kSlotsOfDay || !get_slot(in, header.frames, header.values, slots[n], last))
        return broken("is cut off or has an impossible slot");
      if (n > 0 && slots[n].slot <= slots[n - 1].slot) return broken("has slots out of order");
    }
    entry.slots = {slots.data(), n};
    visit(entry);
  }
  if (!in.done()) return broken("has bytes behind its end");
  return {};
}

}  // namespace quipu
