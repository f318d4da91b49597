#include "tally/chunk_words.h"

#include <algorithm>
#include <array>
#include <bit>

namespace quipu {
namespace {

constexpr size_t kLeastPieceWords = size_t(1) << 17;
constexpr size_t kLargestParts = 16;  // a large record has more than so much of all words

}  // namespace

template <typename F>
void ChunkWords::each_word(const F& f) const {
  for (size_t l = 0; l < logs_.size(); ++l) {
    if (logs_[l].empty()) continue;
    RowLogAccess::of(logs_[l]).chunk_words.each_block(
        [&](const LoggedWord* w, const LoggedWord* end) {
          for (; w != end; ++w) f(ranks_[first_number_[l] + w->record], *w);
        });
  }
}

ChunkWords::ChunkWords(std::span<const RowLog> logs) : logs_(logs) {
  std::vector<RecordOrder> orders;
  for (const RowLog& log : logs) {
    first_number_.push_back(uint32_t(orders.size()));
    if (log.empty()) continue;
    for (const RecordKey& key : RowLogAccess::of(log).records) orders.push_back(order_of(key));
  }
  records_ = orders;
  std::sort(records_.begin(), records_.end());
  records_.erase(std::unique(records_.begin(), records_.end()), records_.end());
  for (const RecordOrder& order : orders)
    ranks_.push_back(
        uint32_t(std::lower_bound(records_.begin(), records_.end(), order) - records_.begin()));
  counts_.resize(records_.size());
  size_t all = 0;
  each_word([&](uint32_t rank, const LoggedWord&) { ++counts_[rank], ++all; });
  piece_words_ = std::max(kLeastPieceWords, all / kLargestParts);
  size_t small = 0;
  for (uint32_t count : counts_) {
    begins_.push_back(small);
    if (count <= piece_words_) small += count;
  }
  words_.resize(small, ChunkWord(LoggedWord{}));
  std::vector<size_t> at = begins_;
  each_word([&](uint32_t rank, const LoggedWord& w) {
    if (counts_[rank] <= piece_words_) words_[at[rank]++] = ChunkWord(w);
  });
}

void ChunkWords::cut_into_pieces() {
  std::array<size_t, kMaxChunkDepth + 1> of_depth{};
  each_word([&](uint32_t rank, const LoggedWord& w) { of_depth[w.depth] += rank == next_; });
  for (uint8_t depth = kMaxChunkDepth; depth > 0; --depth) {
    const size_t parts =
        std::min<size_t>(std::bit_ceil(1 + of_depth[depth] / piece_words_), kChunkChildren);
    if (of_depth[depth] == 0) continue;
    for (size_t p = parts; p-- > 0;)
      pieces_.push_back({depth, uint32_t(p * kChunkChildren / parts),
                         uint32_t((p + 1) * kChunkChildren / parts)});
  }
  pieces_.push_back({0, 0, kChunkChildren});
}

std::span<const ChunkWord> ChunkWords::take() {
  const auto by_place = [](const ChunkWord& a, const ChunkWord& b) { return a.place < b.place; };
  if (pieces_.empty() && counts_[next_] <= piece_words_) {
    const auto begin = words_.begin() + ptrdiff_t(begins_[next_]);
    const auto end = begin + ptrdiff_t(counts_[next_]);
    ++next_;
    std::sort(begin, end, by_place);
    return {begin, end};
  }
  if (pieces_.empty()) cut_into_pieces();
  const Piece piece = pieces_.back();
  pieces_.pop_back();
  piece_.clear();
  each_word([&](uint32_t rank, const LoggedWord& w) {
    const uint32_t first = chunk_path(w.word, 1);
    if (rank == next_ && w.depth == piece.depth && first >= piece.begin && first < piece.end)
      piece_.emplace_back(w);
  });
  std::sort(piece_.begin(), piece_.end(), by_place);
  if (pieces_.empty()) ++next_;
  return piece_;
}

}  // namespace quipu
