#include "source/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace quipu {
namespace {

constexpr size_t kStepBytes = 256 << 10;
constexpr int kGzip = 16 + MAX_WBITS;
constexpr int kMaxZstdWindowLog = 23;

// Makes room for another step; false if the bound is passed. One byte more than allowed tells so.
bool grow(std::string& bytes, size_t used, size_t max_bytes) {
  if (used > max_bytes) return false;
  bytes.resize(std::min(used + kStepBytes, max_bytes + 1));
  return true;
}

Unpacked unpack_gzip(std::string_view packed, size_t max_bytes) {
  using Outcome = Unpacked::Outcome;
  Unpacked result;
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return {Outcome::damaged, ""};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = uInt(packed.size());
  size_t used = 0;
  while (result.outcome == Outcome::good) {
    if (!grow(result.bytes, used, max_bytes)) {
      result.outcome = Outcome::too_long;
      break;
    }
    stream.next_out = reinterpret_cast<Bytef*>(result.bytes.data() + used);
    stream.avail_out = uInt(result.bytes.size() - used);
    const int code = inflate(&stream, Z_NO_FLUSH);
    used = result.bytes.size() - stream.avail_out;
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) result.outcome = Outcome::damaged;  // another member
    } else if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      result.outcome = Outcome::damaged;
    }
  }
  inflateEnd(&stream);
  result.bytes.resize(result.outcome == Outcome::good ? used : 0);
  if (result.outcome == Outcome::good && used > max_bytes) return {Outcome::too_long, ""};
  return result;
}

struct FreeStream {
  void operator()(ZSTD_DCtx* stream) const { ZSTD_freeDCtx(stream); }
};

Unpacked unpack_zstd(std::string_view packed, size_t max_bytes) {
  using Outcome = Unpacked::Outcome;
  const std::unique_ptr<ZSTD_DCtx, FreeStream> stream(ZSTD_createDCtx());
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  Unpacked result;
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t used = 0;
  while (true) {
    if (!grow(result.bytes, used, max_bytes)) return {Outcome::too_long, ""};
    ZSTD_outBuffer out{result.bytes.data(), result.bytes.size(), used};
    const size_t hint = ZSTD_decompressStream(stream.get(), &out, &in);
    used = out.pos;
    if (ZSTD_isError(hint)) return {Outcome::damaged, ""};
    if (in.pos < in.size || out.pos == out.size) continue;
    if (hint != 0) return {Outcome::damaged, ""};  // a frame is cut short
    break;
  }
  if (used > max_bytes) return {Outcome::too_long, ""};
  result.bytes.resize(used);
  return result;
}

}  // namespace

Unpacked unpack(Packing packing, std::string_view packed, size_t max_bytes) {
  if (packing == Packing::gzip) return unpack_gzip(packed, max_bytes);
  if (packing == Packing::zstd) return unpack_zstd(packed, max_bytes);
  if (packed.size() > max_bytes) return {Unpacked::Outcome::too_long, ""};
  return {Unpacked::Outcome::good, std::string(packed)};
}

}  // namespace quipu
