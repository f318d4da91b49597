// A stream of bytes cut into blocks of whole records, with the position behind each: the Source
// behind files and standard input. Opened at a position by open.cpp. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/block_buffers.h"
#include "source/byte_stream.h"
#include "source/fingerprint.h"
#include "source/record_scanner.h"
#include "source/source.h"

namespace quipu {

class LineSource : public Source {
 public:
  struct Start {
    std::unique_ptr<ByteStream> stream;  // stands behind `taken` and `ahead`
    Fingerprint taken;                   // what was passed over: committed before, or the header
    std::string ahead;                   // read from the stream, not taken
    uint64_t lines = 0;                  // lines in `taken`
    bool ended = false;                  // nothing that counts follows: give no block
    SourcePosition position;             // until a block is given
    std::string header;
    std::string name;
    uint64_t bytes_total = 0;
    uint64_t lines_again = 0;
  };
  LineSource(Start start, const SourceOptions& options);

  Result<Block> next() override;
  SourcePosition position() const override { return position_; }
  Unfinished unfinished() const override { return unfinished_; }
  const std::string& header() const override { return header_; }
  const std::string& name() const override { return name_; }
  uint64_t lines_again() const override { return lines_again_; }
  uint64_t bytes_read() const override { return stream_->raw_bytes(); }
  uint64_t bytes_total() const override { return bytes_total_; }

 private:
  Status fill(std::vector<char>& bytes, size_t& size);
  size_t whole_at_end(std::string_view all);
  Result<Block> next_too_long(std::shared_ptr<std::vector<char>> buffer, std::string_view all);
  Result<bool> skip_rest_of_line();
  Block give(std::shared_ptr<std::vector<char>> buffer, size_t text_size);
  void reached(uint64_t lines, bool open_line);
  void leave(std::string_view rest, bool open_quote);
  Block end();

  const size_t max_line_bytes_, block_bytes_;
  const RecordFormat format_;
  const bool complete_;
  const LineWeigher* const weigher_;
  const uint64_t block_weight_;
  std::unique_ptr<ByteStream> stream_;
  RecordScanner scanner_;
  Fingerprint taken_;
  BlockBuffers buffers_;
  std::string ahead_;  // bytes read beyond what was given
  uint64_t lines_;
  bool ended_;  // the stream is at its end
  SourcePosition position_;
  Unfinished unfinished_;
  const std::string header_, name_;
  const uint64_t bytes_total_, lines_again_;
};

}  // namespace quipu
