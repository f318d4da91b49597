// store/format: store version u32 | element bits u8 | secret (192 bytes), little endian
// store/state:  version u8 (1) | checkpoint varint | time_s signed varint | dead-letter bytes
// varint |
//               commits varint | tallies (event/outcome.h), to the end
// position/KEY: the source's position as its room encodes it
// code/CHUNK (u32 big endian): version u8 (1) | up to 512 elements u64, little endian; only the
// last chunk may be short profiles/COMMIT (u64 big endian): version u8 (1) | hashes u64, little
// endian
#include "store/state.h"

#include "base/bytes.h"

namespace quipu {
namespace {
constexpr uint8_t kStateVersion = 1;
constexpr uint8_t kHashesVersion = 1;
}  // namespace

std::string encode_format(const StoreFormat& format) {
  std::string bytes;
  ByteWriter w(bytes);
  w.le32(format.version);
  w.u8(uint8_t(format.element_bits));
  w.bytes({reinterpret_cast<const char*>(format.secret.data()), format.secret.size()});
  return bytes;
}

bool decode_format(std::string_view bytes, StoreFormat& format) {
  ByteReader r(bytes);
  format.version = r.le32();
  if (r.ok() && format.version != kStoreVersion) return true;
  format.element_bits = r.u8();
  const std::string_view secret = r.bytes(format.secret.size());
  if (!r.ok() || !r.done() || format.element_bits < 1 || format.element_bits > 64) return false;
  std::memcpy(format.secret.data(), secret.data(), secret.size());
  return true;
}

std::string encode_state(const CommittedState& state, uint64_t commits) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(kStateVersion);
  w.varint(state.checkpoint);
  w.svarint(state.time_s);
  w.varint(state.dead_letter_bytes);
  w.varint(commits);
  encode_tallies(state.tallies, bytes);
  return bytes;
}

bool decode_state(std::string_view bytes, CommittedState& state, uint64_t& commits) {
  ByteReader r(bytes);
  const uint8_t version = r.u8();
  state.checkpoint = r.varint();
  state.time_s = r.svarint();
  state.dead_letter_bytes = r.varint();
  commits = r.varint();
  if (!r.ok() || version != kStateVersion) return false;
  auto tallies = decode_tallies({r.position(), r.left()});
  if (!tallies.ok()) return false;
  state.tallies = *tallies;
  return true;
}

std::string codes_key(uint32_t chunk) {
  std::string key(kCodesPrefix);
  ByteWriter(key).be32(chunk);
  return key;
}

std::string profiles_key(uint64_t commit) {
  std::string key(kProfilesPrefix);
  ByteWriter(key).be64(commit);
  return key;
}

std::string encode_hashes(std::span<const uint64_t> hashes) {
  std::string bytes;
  ByteWriter w(bytes);
  bytes.reserve(1 + hashes.size_bytes());
  w.u8(kHashesVersion);
  for (uint64_t hash : hashes) w.le64(hash);
  return bytes;
}

bool decode_hashes(std::string_view bytes, std::vector<uint64_t>& hashes) {
  ByteReader r(bytes);
  hashes.clear();
  if (r.u8() != kHashesVersion || r.left() % sizeof(uint64_t) != 0) return false;
  while (!r.done()) hashes.push_back(r.le64());
  return true;
}

}  // namespace quipu
