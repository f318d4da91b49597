// Writing and reading of stored bytes. Fixed-width numbers in values are little endian; numbers in
// keys are big endian, so that keys sort as numbers. Varints are LEB128, signed ones zigzag first.
// A ByteReader never reads past its end: after a failed read ok() is false, every further read
// gives zero, and the caller checks ok() once at the end. No threads, no ownership of the bytes
// read.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace quipu {

using Int128 = __int128;
using UInt128 = unsigned __int128;

constexpr uint64_t zigzag(int64_t v) { return (uint64_t(v) << 1) ^ uint64_t(v >> 63); }
constexpr int64_t unzigzag(uint64_t v) { return int64_t(v >> 1) ^ -int64_t(v & 1); }

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void u8(uint8_t v) { out_.push_back(char(v)); }
  void le16(uint16_t v) { fixed(v); }
  void le32(uint32_t v) { fixed(v); }
  void le64(uint64_t v) { fixed(v); }
  void be16(uint16_t v) { fixed(__builtin_bswap16(v)); }
  void be32(uint32_t v) { fixed(__builtin_bswap32(v)); }
  void be64(uint64_t v) { fixed(__builtin_bswap64(v)); }
  void varint(uint64_t v) {
    while (v >= 0x80) {
      out_.push_back(char(v | 0x80));
      v >>= 7;
    }
    out_.push_back(char(v));
  }
  void svarint(int64_t v) { varint(zigzag(v)); }
  void svarint128(Int128 v) {
    UInt128 z = (UInt128(v) << 1) ^ UInt128(v >> 127);
    while (z >= 0x80) {
      out_.push_back(char(uint8_t(z) | 0x80));
      z >>= 7;
    }
    out_.push_back(char(uint8_t(z)));
  }
  void bytes(std::string_view b) { out_.append(b); }
  void sized(std::string_view b) {
    varint(b.size());
    out_.append(b);
  }

 private:
  template <typename T>
  void fixed(T v) {
    char b[sizeof v];
    std::memcpy(b, &v, sizeof v);
    out_.append(b, sizeof v);
  }
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view b) : p_(b.data()), end_(b.data() + b.size()) {}
  bool ok() const { return ok_; }
  bool done() const { return p_ == end_; }  // nothing left (or failed: then also true)
  size_t left() const { return size_t(end_ - p_); }
  const char* position() const { return p_; }
  void fail() {
    ok_ = false;
    p_ = end_;
  }

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t le16() { return fixed<uint16_t>(); }
  uint32_t le32() { return fixed<uint32_t>(); }
  uint64_t le64() { return fixed<uint64_t>(); }
  uint16_t be16() { return __builtin_bswap16(fixed<uint16_t>()); }
  uint32_t be32() { return __builtin_bswap32(fixed<uint32_t>()); }
  uint64_t be64() { return __builtin_bswap64(fixed<uint64_t>()); }
  uint64_t varint() {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) break;
      uint8_t b = uint8_t(*p_++);
      if (shift == 63 && b > 1) break;
      v |= uint64_t(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    fail();
    return 0;
  }
  int64_t svarint() { return unzigzag(varint()); }
  Int128 svarint128() {
    UInt128 v = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
      if (p_ == end_) break;
      uint8_t b = uint8_t(*p_++);
      if (shift == 126 && b > 3) break;
      v |= UInt128(b & 0x7f) << shift;
      if (b < 0x80) return Int128(v >> 1) ^ -Int128(v & 1);
    }
    fail();
    return 0;
  }
  std::string_view bytes(uint64_t n) {
    if (n > left()) {
      fail();
      return {};
    }
    std::string_view b(p_, size_t(n));
    p_ += n;
    return b;
  }
  std::string_view sized() { return bytes(varint()); }

 private:
  template <typename T>
  T fixed() {
    if (left() < sizeof(T)) {
      fail();
      return 0;
    }
    T v;
    std::memcpy(&v, p_, sizeof v);
    p_ += sizeof v;
    return v;
  }
  const char* p_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace quipu
