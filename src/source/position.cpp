// Stored bytes of a source position (version 2):
//   version u8 = 2 | path: varint length, bytes | bytes: varint | lines: varint
//   first: lo u64 le, hi u64 le | last: lo u64 le, hi u64 le | flags u8: 1 open line, 2 finished
//   content: varint | round: varint | beginnings: varint, that many of (lo u64 le, hi u64 le)
#include "base/bytes.h"
#include "source/source.h"

namespace quipu {
namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kOpenLine = 1, kFinished = 2;

}  // namespace

void encode_position(const SourcePosition& position, std::string& out) {
  ByteWriter w(out);
  w.u8(kVersion);
  w.sized(position.path);
  w.varint(position.bytes);
  w.varint(position.lines);
  for (const Hash128& hash : {position.first, position.last}) {
    w.le64(hash.lo);
    w.le64(hash.hi);
  }
  w.u8(uint8_t((position.open_line ? kOpenLine : 0) | (position.finished ? kFinished : 0)));
  w.varint(position.content);
  w.varint(position.round);
  w.varint(position.beginnings.size());
  for (const Hash128& hash : position.beginnings) {
    w.le64(hash.lo);
    w.le64(hash.hi);
  }
}

Result<SourcePosition> decode_position(std::string_view bytes) {
  ByteReader r(bytes);
  if (uint8_t version = r.u8(); r.ok() && version != kVersion) {
    return Error{"it is of version " + std::to_string(version) + "; this program reads version " +
                 std::to_string(kVersion)};
  }
  SourcePosition position;
  position.path = std::string(r.sized());
  position.bytes = r.varint();
  position.lines = r.varint();
  for (Hash128* hash : {&position.first, &position.last}) {
    hash->lo = r.le64();
    hash->hi = r.le64();
  }
  const uint8_t flags = r.u8();
  position.open_line = (flags & kOpenLine) != 0;
  position.finished = (flags & kFinished) != 0;
  position.content = r.varint();
  position.round = r.varint();
  const uint64_t beginnings = r.varint();
  if (beginnings > r.left() / (2 * sizeof(uint64_t))) return Error{"its bytes are damaged"};
  for (uint64_t i = 0; i < beginnings; ++i) {
    const uint64_t lo = r.le64();
    position.beginnings.push_back({lo, r.le64()});
  }
  if (!r.ok() || !r.done() || (flags & ~(kOpenLine | kFinished)) != 0 || position.path.empty())
    return Error{"its bytes are damaged"};
  return position;
}

}  // namespace quipu
