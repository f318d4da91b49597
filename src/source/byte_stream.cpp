#include "source/byte_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "source/newlines.h"

namespace quipu {
namespace {

constexpr size_t kInputBytes = 128 << 10;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kZstdSkippableTail = "\x2a\x4d\x18";  // behind a byte 0x50 .. 0x5f

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(std::shared_ptr<RawInput> input) : input_(std::move(input)) {}
  Result<size_t> read(char* to, size_t n) override {
    auto got = input_->read_at(offset_, to, n);
    if (got.ok()) offset_ += *got;
    return got;
  }
  bool would_wait() override { return input_->would_wait(offset_); }
  bool seek(uint64_t offset) override {
    offset_ = offset;
    return true;
  }
  uint64_t raw_bytes() const override { return offset_; }

 private:
  std::shared_ptr<RawInput> input_;
  uint64_t offset_ = 0;
};

// What gzip and zstd streams share: the compressed bytes at hand, and errors that stay.
class CompressedStream : public ByteStream {
 public:
  CompressedStream(std::shared_ptr<RawInput> input, std::string name)
      : input_(std::move(input)), name_(std::move(name)), bytes_(kInputBytes) {}

  Result<size_t> read(char* to, size_t n) final {
    if (!failed_.message.empty()) return failed_;
    size_t made = 0;
    while (made == 0 && !ended_) {
      if (at_ == size_ && !input_ended_ && !output_waits_) {
        auto got = input_->read_at(offset_, bytes_.data(), bytes_.size());
        if (!got.ok()) return failed_ = got.error();
        input_ended_ = *got == 0;
        offset_ += *got;
        at_ = 0;
        size_ = *got;
      }
      std::string wrong = decompress(to, n, made);
      if (!wrong.empty()) {
        return failed_ = Error{
                   name_ + ": " + wrong + " at byte " + std::to_string(raw_bytes()) + " (after " +
                   std::to_string(made_ + made) +
                   " decompressed bytes); once the file is whole again, the same command goes on"};
      }
      output_waits_ = made == n;
    }
    made_ += made;
    return made;
  }
  bool would_wait() final {
    return failed_.message.empty() && !ended_ && at_ == size_ && !input_ended_ && !output_waits_ &&
           input_->would_wait(offset_);
  }
  uint64_t raw_bytes() const final { return offset_ - (size_ - at_); }
  bool has_own_end() const final { return true; }

 protected:
  // Turns input from bytes_[at_, size_) into output, as far as both go; sets ended_ at a good end.
  // If there is no more input (input_ended_) and the end is not good, gives a message; also on
  // damage.
  virtual std::string decompress(char* to, size_t n, size_t& made) = 0;

  std::vector<char>& bytes() { return bytes_; }
  size_t at_ = 0, size_ = 0;
  bool input_ended_ = false;
  bool ended_ = false;

 private:
  std::shared_ptr<RawInput> input_;
  const std::string name_;
  std::vector<char> bytes_;
  uint64_t offset_ = 0;  // of the input, behind bytes_[size_)
  uint64_t made_ = 0;
  bool output_waits_ = false;  // the decompressor may hold more output than there was room for
  Error failed_;
};

class GzipStream : public CompressedStream {
 public:
  using CompressedStream::CompressedStream;
  ~GzipStream() override {
    if (open_) ::inflateEnd(&z_);
  }
  bool init() { return open_ = ::inflateInit2(&z_, 15 + 16) == Z_OK; }

 private:
  std::string decompress(char* to, size_t n, size_t& made) override {
    if (between_members_) {
      // gzip pads with zeros, as tapes need; anything else must be another member.
      if (padding_ || (at_ < size_ && bytes()[at_] == 0)) {
        padding_ = true;
        while (at_ < size_ && bytes()[at_] == 0) ++at_;
        if (at_ < size_) return "there are bytes behind the end of the gzip data";
      }
      ended_ = at_ == size_ && input_ended_;
      if (at_ == size_) return {};
      if (bytes()[at_] != kGzipMagic[0]) return "there are bytes behind the end of the gzip data";
      between_members_ = false;
      CHECK(::inflateReset(&z_) == Z_OK);
    }
    z_.next_in = reinterpret_cast<Bytef*>(bytes().data() + at_);
    z_.avail_in = uInt(size_ - at_);
    z_.next_out = reinterpret_cast<Bytef*>(to);
    z_.avail_out = uInt(std::min<size_t>(n, 1u << 30));
    const size_t room = z_.avail_out;
    const int code = ::inflate(&z_, Z_NO_FLUSH);
    at_ = size_ - z_.avail_in;
    made = room - z_.avail_out;
    if (code == Z_STREAM_END) {
      between_members_ = true;
    } else if (code == Z_MEM_ERROR) {
      return "there is not enough memory to decompress";
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return std::string("the gzip data are damaged (") + (z_.msg ? z_.msg : "no gzip") + ")";
    } else if (input_ended_ && code == Z_BUF_ERROR && made == 0) {
      return "the gzip data end too early";
    }
    return {};
  }

  z_stream z_{};
  bool open_ = false;
  bool between_members_ = false;
  bool padding_ = false;
};

class ZstdStream : public CompressedStream {
 public:
  using CompressedStream::CompressedStream;
  ~ZstdStream() override { ::ZSTD_freeDStream(z_); }
  bool init() { return z_ != nullptr; }

 private:
  std::string decompress(char* to, size_t n, size_t& made) override {
    if (input_ended_ && at_ == size_ && frame_complete_) {
      ended_ = true;
      return {};
    }
    ZSTD_inBuffer in{bytes().data(), size_, at_};
    ZSTD_outBuffer out{to, n, 0};
    const size_t code = ::ZSTD_decompressStream(z_, &out, &in);
    const bool progress = in.pos > at_ || out.pos > 0;
    at_ = in.pos;
    made = out.pos;
    if (::ZSTD_isError(code))
      return std::string("the zstd data are damaged (") + ::ZSTD_getErrorName(code) + ")";
    if (progress)
      frame_complete_ = code == 0;  // a call with nothing to do speaks of the frame to come
    if (input_ended_ && at_ == size_ && !progress && !frame_complete_)
      return "the zstd data end too early";
    return {};
  }

  ZSTD_DStream* z_ = ::ZSTD_createDStream();
  bool frame_complete_ = true;
};

template <typename Stream>
Result<std::unique_ptr<ByteStream>> compressed(std::shared_ptr<RawInput> input,
                                               const std::string& name) {
  auto stream = std::make_unique<Stream>(std::move(input), name);
  if (!stream->init()) return Error{name + ": there is not enough memory to decompress it"};
  return std::unique_ptr<ByteStream>(std::move(stream));
}

Result<std::unique_ptr<ByteStream>> open_as(std::string_view magic, std::shared_ptr<RawInput> input,
                                            const std::string& name) {
  if (magic.starts_with(kGzipMagic)) return compressed<GzipStream>(std::move(input), name);
  const bool skippable = magic.size() == 4 && (uint8_t(magic[0]) & 0xf0) == 0x50 &&
                         magic.substr(1) == kZstdSkippableTail;
  if (magic == kZstdMagic || skippable) return compressed<ZstdStream>(std::move(input), name);
  return std::unique_ptr<ByteStream>(std::make_unique<PlainStream>(std::move(input)));
}

}  // namespace

Result<std::unique_ptr<ByteStream>> open_stream(std::shared_ptr<RawInput> input,
                                                const std::string& name) {
  char head[4];
  size_t have = 0;
  while (have < sizeof head) {
    QUIPU_ASSIGN(auto got, input->read_at(have, head + have, sizeof head - have));
    if (got == 0) break;
    have += got;
  }
  const std::string_view magic(head, have);
  Result<std::unique_ptr<ByteStream>> stream = open_as(magic, std::move(input), name);
  if (!stream.ok()) return stream;
  return with_newlines(std::move(*stream));
}

}  // namespace quipu
