// Layout of a sparse row (golden bytes: sparse_rows_test.cpp): segments, one after the other, each
//
//   version u8 = 1 | bytes that follow varint |
//   layout varint | dimensions varint | frames u8 | values u8 | value ids u8 each, rising
//   then events to the end of the segment:
//     slot of the UTC day u8 (0-95)
//     if the segment has value ids: u8, bit i: the i-th value is there; each that is as 128-bit
//     zigzag varint elements u64 each, little endian, of the layout's columns bitmaps over the
//     layout's dimensions, ceil(dimensions / 8) bytes each, low bit first:
//       here:  u8 0: all dimensions; 1: a bitmap follows
//       first: two bits a frame, low bits first, in ceil(frames / 4) bytes: 0 none, 1 as the frame
//       before (before the
//              first frame: the dimensions of `here` that count uniques), 2 a bitmap follows; then
//              those bitmaps
//
// What the columns and dimensions are stands in the catalogue under the layout's id.
#include "cells/sparse_rows.h"

#include <algorithm>

#include "cells/cell_codec.h"

namespace quipu {
namespace {

constexpr uint8_t kSparseRowVersion = 1;
enum FirstCode : uint8_t { kNone = 0, kAsBefore = 1, kBitmap = 2 };
constexpr int kCodesOfByte = 4;

Error broken(const char* what) {
  return Error{std::string("a stored sparse row of cells ") + what +
               ": the store's files are damaged or of a newer quipu; restore a backup or count "
               "again into a new store"};
}

constexpr int code_bytes(int frames) { return (frames + kCodesOfByte - 1) / kCodesOfByte; }

// The next segment of a row, without version and size. False: corrupt.
bool next_segment(ByteReader& in, std::string_view& segment) {
  if (in.u8() != kSparseRowVersion) return false;
  segment = in.sized();
  return in.ok() && !segment.empty();
}

using Bitmap = std::array<uint64_t, kMaxBitmapWords>;

Bitmap first_bits(uint32_t n) {
  Bitmap bits{};
  for (uint32_t w = 0; w * 64 < n; ++w)
    bits[w] = n - w * 64 >= 64 ? ~uint64_t(0) : (uint64_t(1) << (n - w * 64)) - 1;
  return bits;
}

// Reads the events of one segment and expands them.
class SegmentReader {
 public:
  SegmentReader(std::string_view segment, const LayoutOf& layout_of, DimensionId only,
                const std::function<void(const SparseCell&)>& visit)
      : in_(segment), layout_of_(layout_of), only_(only), visit_(visit) {}

  Status read() {
    const LayoutId id = LayoutId(in_.varint());
    const uint64_t dimensions = in_.varint();
    frames_ = in_.u8();
    const size_t values = in_.u8();
    if (frames_ > kMaxFrames || values > size_t(kMaxValues))
      return broken("has an impossible header");
    for (size_t v = 0; v < values; ++v) {
      value_ids_[v] = in_.u8();
      if (v > 0 && value_ids_[v] <= value_ids_[v - 1]) return broken("has an impossible header");
    }
    if (!in_.ok()) return broken("is cut off");
    values_ = values;
    layout_ = layout_of_(id);
    if (layout_ == nullptr) return broken("names a layout that the catalogue lacks");
    if (dimensions != layout_->dimensions.size() || dimensions > uint64_t(kMaxDimensions))
      return broken("does not fit its layout");
    for (const auto& d : layout_->dimensions) {
      if (d.positions.size() > size_t(kMaxArity) || d.sums.size() > size_t(kMaxValues))
        return broken("has an impossible layout");
      for (uint8_t p : d.positions) {
        if (p >= layout_->columns.size()) return broken("has an impossible layout");
      }
    }
    dimensions_ = uint32_t(dimensions);
    all_ = first_bits(dimensions_);
    for (uint32_t d = 0; d < dimensions_; ++d)
      unique_[d / 64] |= uint64_t(layout_->dimensions[d].unique) << d % 64;
    elements_.resize(layout_->columns.size());
    while (!in_.done()) QUIPU_TRY(read_event());
    return in_.ok() ? Status() : broken("is cut off");
  }

 private:
  Bitmap read_bitmap() {
    Bitmap bits{};
    for (uint32_t byte = 0; byte * 8 < dimensions_; ++byte)
      bits[byte / 8] |= uint64_t(in_.u8()) << (byte % 8 * 8);
    return bits;
  }

  Status read_event() {
    slot_ = SlotCount{};
    slot_.slot = in_.u8();
    if (slot_.slot >= kSlotsOfDay) return broken("has an impossible slot");
    slot_.count = 1;
    event_values_ = values_ > 0 ? in_.u8() : 0;
    if (event_values_ >> values_) return broken("has impossible values");
    for (size_t v = 0; v < values_; ++v) sums_[v] = event_values_ >> v & 1 ? in_.svarint128() : 0;
    for (uint64_t& e : elements_) e = in_.le64();

    const uint8_t here_code = in_.u8();
    if (here_code > 1) return broken("has an impossible bitmap");
    here_ = here_code == 0 ? all_ : read_bitmap();
    uint64_t codes = 0;
    for (int b = 0; b < code_bytes(frames_); ++b) codes |= uint64_t(in_.u8()) << (8 * b);
    Bitmap before;
    for (uint32_t w = 0; w < uint32_t(kMaxBitmapWords); ++w) {
      if (here_[w] & ~all_[w]) return broken("has an impossible bitmap");
      before[w] = here_[w] & unique_[w];
    }
    for (int f = 0; f < frames_; ++f) {
      switch (codes >> (2 * f) & 3) {
        case kNone:
          first_[size_t(f)] = Bitmap{};
          break;
        case kAsBefore:
          first_[size_t(f)] = before;
          break;
        case kBitmap:
          first_[size_t(f)] = read_bitmap();
          break;
        default:
          return broken("has an impossible bitmap");
      }
      before = first_[size_t(f)];
      for (uint32_t w = 0; w < uint32_t(kMaxBitmapWords); ++w) {
        if (before[w] & ~(here_[w] & unique_[w])) return broken("has an impossible bitmap");
      }
    }
    if (!in_.ok()) return broken("is cut off");
    expand();
    return {};
  }

  void expand() {
    for (uint32_t d = 0; d < dimensions_; ++d) {
      if (!(here_[d / 64] >> d % 64 & 1)) continue;
      const SectionLayout::Dimension& dimension = layout_->dimensions[d];
      if (only_ != DimensionId::none && dimension.id != only_) continue;
      std::array<uint64_t, kMaxArity> elements{};
      for (size_t k = 0; k < dimension.positions.size(); ++k)
        elements[k] = elements_[dimension.positions[k]];
      // The values it sums that the segment has; those of the event that it does not sum stay out.
      std::array<ValueId, kMaxValues> ids{};
      size_t n = 0;
      for (size_t v = 0; v < values_; ++v) {
        if (std::find(dimension.sums.begin(), dimension.sums.end(), value_ids_[v]) ==
            dimension.sums.end())
          continue;
        ids[n] = value_ids_[v];
        slot_.sums[n++] = sums_[v];
      }
      const int frames = dimension.unique ? frames_ : 0;
      for (int f = 0; f < frames; ++f)
        slot_.first[size_t(f)] = uint32_t(first_[size_t(f)][d / 64] >> d % 64 & 1);
      SparseCell cell;
      cell.dimension = dimension.id;
      cell.entry.elements = {elements.data(), dimension.positions.size()};
      cell.entry.value_ids = {ids.data(), n};
      cell.entry.frames = frames;
      cell.entry.slots = {&slot_, 1};
      visit_(cell);
    }
  }

  ByteReader in_;
  const LayoutOf& layout_of_;
  const DimensionId only_;
  const std::function<void(const SparseCell&)>& visit_;
  const SectionLayout* layout_ = nullptr;
  uint32_t dimensions_ = 0;
  int frames_ = 0;
  size_t values_ = 0;
  std::array<ValueId, kMaxValues> value_ids_{};
  Bitmap all_{}, unique_{}, here_{};
  std::array<Bitmap, kMaxFrames> first_;
  std::vector<uint64_t> elements_;
  uint8_t event_values_ = 0;
  std::array<Fixed6, kMaxValues> sums_{};
  SlotCount slot_;
};

}  // namespace

SparseRowBuilder::SparseRowBuilder(LayoutId layout, uint32_t dimensions,
                                   std::span<const uint64_t> unique,
                                   std::span<const ValueId> value_ids, int frames)
    : dimensions_(dimensions),
      frames_(frames),
      words_((dimensions + 63) / 64),
      values_(value_ids.size()) {
  CHECK(dimensions <= uint32_t(kMaxDimensions) && frames >= 0 && frames <= kMaxFrames &&
        values_ <= size_t(kMaxValues));
  all_ = first_bits(dimensions);
  for (size_t w = 0; w < words_; ++w) unique_[w] = unique[w] & all_[w];
  ByteWriter w(head_);
  w.varint(raw(layout));
  w.varint(dimensions);
  w.u8(uint8_t(frames));
  w.u8(uint8_t(values_));
  for (ValueId id : value_ids) w.u8(id);
}

void SparseRowBuilder::put_bitmap(const Bitmap& bits) {
  for (uint32_t byte = 0; byte * 8 < dimensions_; ++byte)
    body_.push_back(char(bits[byte / 8] >> (byte % 8 * 8)));
}

void SparseRowBuilder::add(const SparseEvent& event) {
  ByteWriter w(body_);
  w.u8(event.slot);
  if (values_ > 0) w.u8(event.values);
  for (size_t v = 0; v < values_; ++v) {
    if (event.values >> v & 1) w.svarint128(event.sums[v]);
  }
  for (uint64_t e : event.elements) w.le64(e);

  Bitmap here{}, before{};
  for (size_t i = 0; i < words_; ++i) {
    here[i] = event.here[i] & all_[i];
    before[i] = here[i] & unique_[i];
  }
  const Bitmap countable = before;
  w.u8(here == all_ ? 0 : 1);
  if (here != all_) put_bitmap(here);

  uint64_t codes = 0;
  std::array<Bitmap, kMaxFrames> explicit_bits;
  int explicit_count = 0;
  for (int f = 0; f < frames_; ++f) {
    Bitmap bits{};
    if (event.first[size_t(f)] != nullptr) {
      for (size_t i = 0; i < words_; ++i) bits[i] = event.first[size_t(f)][i] & countable[i];
    }
    const FirstCode code = bits == Bitmap{} ? kNone : bits == before ? kAsBefore : kBitmap;
    codes |= uint64_t(code) << (2 * f);
    if (code == kBitmap) explicit_bits[size_t(explicit_count++)] = bits;
    before = bits;
  }
  for (int b = 0; b < code_bytes(frames_); ++b) w.u8(uint8_t(codes >> (8 * b)));
  for (int i = 0; i < explicit_count; ++i) put_bitmap(explicit_bits[size_t(i)]);
}

std::string SparseRowBuilder::finish() {
  std::string row;
  ByteWriter w(row);
  w.u8(kSparseRowVersion);
  w.varint(head_.size() + body_.size());
  row += head_;
  row += body_;
  body_.clear();
  return row;
}

Status read_sparse_row(std::string_view value, const LayoutOf& layout_of, DimensionId only,
                       const std::function<void(const SparseCell&)>& visit) {
  ByteReader in(value);
  do {
    std::string_view segment;
    if (!next_segment(in, segment)) return broken("is cut off or of an unknown version");
    QUIPU_TRY(SegmentReader(segment, layout_of, only, visit).read());
  } while (!in.done());
  return {};
}

size_t sparse_segments(std::string_view row) {
  size_t count = 0;
  std::string_view segment;
  for (ByteReader in(row); !in.done(); ++count) {
    if (!next_segment(in, segment)) return 0;
  }
  return count;
}

std::optional<std::string> string_together(std::span<const std::string_view> rows) {
  std::string all;
  size_t bytes = 0;
  for (std::string_view row : rows) bytes += row.size();
  all.reserve(bytes);
  for (std::string_view row : rows) {
    ByteReader in(row);
    do {
      std::string_view segment;
      if (!next_segment(in, segment)) return std::nullopt;
    } while (!in.done());
    all += row;
  }
  return all;
}

}  // namespace quipu
