// The words of a log that go into chunks (row_log.h), sorted for encode_appends(): by record, then
// by chunk. Memory: 16 bytes a word, of a record that has most of them much less. One thread; the
// logs stay as they are and outlive it.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "tally/record_words.h"
#include "tally/row_log.h"

namespace quipu {

// Of a record: keys of its chunks come behind its own.
using RecordOrder = std::tuple<MonthIndex, uint32_t, uint64_t, uint64_t>;
inline RecordOrder order_of(const RowLogEntry& e) {
  return {e.month, raw(e.tenant), e.profile.hi, e.profile.lo};
}
inline RecordOrder order_of(const RecordKey& k) {
  return {k.month, raw(k.tenant), k.profile.hi, k.profile.lo};
}

// A logged word on its way through the sort: by depth and path of its chunk, then by slot.
struct ChunkWord {
  static constexpr int kDepthShift = 60, kPathShift = 28, kSlotShift = 12;
  static constexpr uint64_t kFresh = 1, kFull = 2;
  explicit ChunkWord(const LoggedWord& w)
      : place(uint64_t(w.depth) << kDepthShift |
              uint64_t(chunk_path(w.word, w.depth)) << kPathShift | uint64_t(w.slot) << kSlotShift |
              (w.fresh ? kFresh : 0) | (w.full ? kFull : 0)),
        word(w.word) {}
  uint64_t chunk() const { return place >> kPathShift; }
  uint8_t depth() const { return uint8_t(place >> kDepthShift); }
  uint32_t path() const { return uint32_t(place >> kPathShift); }
  Slot slot() const { return Slot(place >> kSlotShift & 0xFFFF); }
  bool fresh() const { return place & kFresh; }
  bool full() const { return place & kFull; }

  uint64_t place;
  uint64_t word;
};
static_assert(kMaxChunkDepth * kChunkBits <= 32 && kMaxChunkDepth < 16);

// The chunk words of some logs, record by record, those of a large record in pieces.
class ChunkWords {
 public:
  explicit ChunkWords(std::span<const RowLog> logs);

  bool done() const { return next_ == records_.size(); }
  const RecordOrder& record() const { return records_[next_]; }  // the next one
  // The next piece of its words, by chunk, none of which is cut; the first has all of the root.
  // Valid until the next call.
  std::span<const ChunkWord> take();
  bool has_more() const { return !pieces_.empty(); }  // pieces of the record that was taken last

 private:
  struct Piece {  // of words of a depth: those whose first bits are in [begin, end)
    uint8_t depth;
    uint32_t begin, end;
  };
  template <typename F>
  void each_word(const F& f) const;
  void cut_into_pieces();

  const std::span<const RowLog> logs_;
  std::vector<uint32_t> first_number_;  // by log, in ranks_
  std::vector<uint32_t> ranks_;         // of the logs' records
  std::vector<RecordOrder> records_;    // rising
  std::vector<uint32_t> counts_;        // of words, by record
  std::vector<size_t> begins_;          // of each in words_, where it is no large one
  std::vector<ChunkWord> words_, piece_;
  size_t piece_words_ = 0;  // a record with more is large
  size_t next_ = 0;
  std::vector<Piece> pieces_;  // to be taken, the next at the end
};

}  // namespace quipu
