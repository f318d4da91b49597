#include "source/journal_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/newlines.h"
#include "journal/journal.h"
#include "journal/segments.h"
#include "source/block_buffers.h"
#include "source/block_weight.h"

namespace quipu {
namespace {

constexpr size_t kReadBytes = 128 << 10;

struct FreeStream {
  void operator()(ZSTD_DCtx* stream) const { ZSTD_freeDCtx(stream); }
};

class JournalSource : public Source {
 public:
  JournalSource(const Journal& journal, SourcePosition position, const SourceOptions& options)
      : journal_(journal),
        stop_(options.stop),
        block_bytes_(std::max<size_t>(options.block_bytes, 1)),
        weigher_(options.weigher),
        block_weight_(options.block_weight),
        stream_(ZSTD_createDCtx()),
        position_(std::move(position)) {}
  ~JournalSource() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<Block> next() override;
  SourcePosition position() const override { return position_; }
  Unfinished unfinished() const override { return {}; }
  const std::string& header() const override { return header_; }
  const std::string& name() const override { return name_; }
  uint64_t lines_again() const override { return 0; }
  uint64_t bytes_read() const override { return raw_bytes_; }
  uint64_t bytes_total() const override { return 0; }

 private:
  Status open_segment_of(uint64_t offset);
  Result<size_t> decompress(char* to, size_t room, const Journal::Durable& durable);

  const Journal& journal_;
  const StopFlag* const stop_;
  const size_t block_bytes_;
  const LineWeigher* const weigher_;
  const uint64_t block_weight_;
  const std::unique_ptr<ZSTD_DCtx, FreeStream> stream_;
  BlockBuffers buffers_;
  SourcePosition position_;
  std::string ahead_;  // decompressed, not given: lines beyond the weight, the head of one
  uint64_t at_ = 0;    // offset behind what was decompressed
  int fd_ = -1;
  uint64_t segment_begin_ = 0, segment_read_ = 0;  // of the file at hand
  std::vector<char> input_ = std::vector<char>(kReadBytes);
  ZSTD_inBuffer in_{input_.data(), 0, 0};
  bool flushed_ = true;  // the stream holds nothing back
  uint64_t raw_bytes_ = 0;
  const std::string header_, name_ = "journal";
};

// Opens the segment that holds the offset, at its begin.
Status JournalSource::open_segment_of(uint64_t offset) {
  QUIPU_ASSIGN(const auto segments, list_segments(journal_.folder()));
  auto behind = std::find_if(segments.begin(), segments.end(),
                             [&](const JournalSegment& s) { return s.begin > offset; });
  if (behind == segments.begin()) {
    return Error{journal_.folder() + ": what follows byte " + std::to_string(offset) +
                 " is missing; restore its segments"};
  }
  const JournalSegment& segment = *(behind - 1);
  if (fd_ >= 0) ::close(fd_);
  fd_ = ::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return Error{segment.path + ": cannot be opened: " + std::strerror(errno)};
  at_ = segment_begin_ = segment.begin;
  segment_read_ = 0;
  in_.size = in_.pos = 0;
  flushed_ = true;
  ZSTD_DCtx_reset(stream_.get(), ZSTD_reset_session_only);
  return {};
}

// More of the segment at hand, up to what is durable; 0 at that end.
Result<size_t> JournalSource::decompress(char* to, size_t room, const Journal::Durable& durable) {
  ZSTD_outBuffer out{to, room, 0};
  while (out.pos == 0) {
    if (in_.pos == in_.size && flushed_) {
      const bool grows = segment_begin_ == durable.segment_begin;
      const size_t most =
          grows ? size_t(std::min<uint64_t>(kReadBytes, durable.segment_bytes - segment_read_))
                : kReadBytes;
      const ssize_t n = most == 0 ? 0 : ::pread(fd_, input_.data(), most, off_t(segment_read_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error{journal_.folder() + ": cannot be read: " + std::strerror(errno)};
      if (n == 0) return size_t{0};
      segment_read_ += uint64_t(n);
      raw_bytes_ += uint64_t(n);
      in_ = {input_.data(), size_t(n), 0};
    }
    const size_t hint = ZSTD_decompressStream(stream_.get(), &out, &in_);
    if (ZSTD_isError(hint)) {
      return Error{segment_path(journal_.folder(), segment_begin_) + ": damaged near byte " +
                   std::to_string(segment_read_) + ": " + ZSTD_getErrorName(hint) +
                   "; restore the file from a backup"};
    }
    flushed_ = out.pos < out.size;
  }
  at_ += out.pos;
  return out.pos;
}

Result<Block> JournalSource::next() {
  const uint64_t begin = position_.bytes;
  const Journal::Durable durable = journal_.wait_beyond(begin, stop_);
  if (stop_ && stop_->is_set()) return Error{"journal: stopped while waiting for it"};
  if (durable.end <= begin) return Block();  // closed
  if (fd_ < 0) QUIPU_TRY(open_segment_of(begin));
  auto buffer = buffers_.take(ahead_.size() + block_bytes_ + kBlockPadding);
  std::memcpy(buffer->data(), ahead_.data(), ahead_.size());
  size_t size = ahead_.size();            // bytes at hand from `begin` on
  size_t whole = ahead_.rfind('\n') + 1;  // of whole lines
  while (size < block_bytes_ || whole == 0) {
    if (at_ == durable.end) break;
    if (buffer->size() < size + block_bytes_ + kBlockPadding)
      buffer->resize(size + block_bytes_ + kBlockPadding);
    const uint64_t from = at_;
    QUIPU_ASSIGN(size_t n, decompress(buffer->data() + size, block_bytes_, durable));
    if (n == 0) {  // the segment's end: the next one begins here
      if (segment_begin_ == durable.segment_begin)
        return Error{journal_.folder() + ": ends before what was synced; restore its files"};
      const uint64_t before = segment_begin_, reached = at_;
      QUIPU_TRY(open_segment_of(reached));
      if (segment_begin_ == before || at_ != reached)
        return Error{journal_.folder() + ": the segment that begins at byte " +
                     std::to_string(reached) + " is missing; restore it"};
      continue;
    }
    if (from < begin) {  // passed over: committed before
      const size_t skip = size_t(std::min<uint64_t>(begin - from, n));
      n -= skip;
      std::memmove(buffer->data() + size, buffer->data() + size + skip, n);
    }
    const size_t newline = std::string_view(buffer->data() + size, n).rfind('\n');
    if (newline != std::string_view::npos) whole = size + newline + 1;
    size += n;
  }
  if (buffer->size() < size + kBlockPadding) buffer->resize(size + kBlockPadding);
  Block block;
  block.text = std::string_view(buffer->data(), whole);
  whole = cut_by_weight(block, weigher_, block_weight_, block.weight);
  block.text = std::string_view(buffer->data(), whole);
  ahead_.assign(buffer->data() + whole, size - whole);
  block.buffer = std::move(buffer);
  block.first_line = position_.lines + 1;
  block.offset = begin;
  position_.bytes += whole;
  position_.lines += count_newlines(block.text);
  position_.finished = false;
  return block;
}

}  // namespace

Result<std::unique_ptr<Source>> open_journal(const Journal& journal, const FeedPositions& positions,
                                             const SourceOptions& options) {
  QUIPU_ASSIGN(const auto committed, positions(kJournalPath));
  SourcePosition position = committed.value_or(SourcePosition{});
  position.path = kJournalPath;
  if (position.bytes > journal.durable().end)
    return Error{journal.folder() + ": is shorter than what was counted of it"};
  return std::unique_ptr<Source>(new JournalSource(journal, std::move(position), options));
}

Result<std::unique_ptr<Source>> open_journal_at(const Journal& journal, uint64_t bytes,
                                                const SourceOptions& options) {
  SourcePosition position;
  position.bytes = bytes;
  return open_journal(
      journal, [&](const std::string&) { return std::optional<SourcePosition>(position); },
      options);
}

}  // namespace quipu
