#include "source/newlines.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace quipu {
namespace {

constexpr size_t kReadBytes = 64 << 10;

class NewlineStream : public ByteStream {
 public:
  explicit NewlineStream(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  Result<size_t> read(char* to, size_t n) override {
    if (ends_ == Ends::unknown) QUIPU_TRY(find_first_end());
    if (at_ < ahead_.size()) {
      const size_t given = std::min(n, ahead_.size() - at_);
      std::memcpy(to, ahead_.data() + at_, given);
      at_ += given;
      if (at_ == ahead_.size()) drop_ahead();
      return replaced(to, given);
    }
    auto got = stream_->read(to, n);
    if (!got.ok()) return got;
    return replaced(to, *got);
  }
  bool would_wait() override { return at_ == ahead_.size() && stream_->would_wait(); }
  bool seek(uint64_t offset) override {
    if (!stream_->seek(0)) return false;
    if (ends_ == Ends::unknown) {
      drop_ahead();
      // An error is met again when it is read.
      if (!find_first_end().ok()) ends_ = Ends::unknown;
    }
    drop_ahead();
    return stream_->seek(offset);
  }
  uint64_t raw_bytes() const override { return stream_->raw_bytes(); }
  bool has_own_end() const override { return stream_->has_own_end(); }

 private:
  enum class Ends : uint8_t { unknown, newline, carriage_return };

  Status find_first_end() {
    for (size_t searched = 0;;) {
      const size_t found = std::min(ahead_.find_first_of("\r\n", searched), ahead_.size());
      const bool last_byte = found + 1 == ahead_.size() && ahead_[found] == '\r';
      if (found < ahead_.size() && !last_byte) {
        const bool alone = ahead_[found] == '\r' && ahead_[found + 1] != '\n';
        ends_ = alone ? Ends::carriage_return : Ends::newline;
        return {};
      }
      searched = found;
      const size_t have = ahead_.size();
      ahead_.resize(have + kReadBytes);
      auto got = stream_->read(ahead_.data() + have, kReadBytes);
      ahead_.resize(have + (got.ok() ? *got : 0));
      if (!got.ok()) return got.error();
      if (*got == 0 || ahead_.size() > kFirstLineBytes) {
        ends_ = Ends::newline;
        return {};
      }
    }
  }
  size_t replaced(char* bytes, size_t n) const {
    if (ends_ == Ends::carriage_return) std::replace(bytes, bytes + n, '\r', '\n');
    return n;
  }
  void drop_ahead() {
    ahead_ = {};
    at_ = 0;
  }

  const std::unique_ptr<ByteStream> stream_;
  Ends ends_ = Ends::unknown;
  std::string ahead_;  // read from the stream, given from at_ on
  size_t at_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> with_newlines(std::unique_ptr<ByteStream> stream) {
  return std::make_unique<NewlineStream>(std::move(stream));
}

}  // namespace quipu
