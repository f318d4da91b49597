#include "source/beginnings.h"

#include <algorithm>
#include <bit>

#include "source/source.h"

namespace quipu {

Hash128 fingerprint_hash(std::string_view bytes) {
  static const Hasher hasher = [] {
    HashSecret secret;
    for (size_t i = 0; i < secret.size(); ++i) secret[i] = uint8_t(mix64(i + 1));
    return Hasher(secret);
  }();
  return bytes.empty() ? Hash128{} : hasher.hash128(bytes);
}

bool is_beginning_whole(size_t text_bytes, size_t header_bytes) {
  return text_bytes >= header_bytes + kFingerprintBytes;
}

std::vector<Beginning> beginnings_of(std::string_view text, size_t header_bytes, bool ended) {
  const bool whole = is_beginning_whole(text.size(), header_bytes);
  text = text.substr(0, header_bytes + kFingerprintBytes);
  std::vector<Beginning> found;
  uint64_t lines = 0;
  for (size_t at = header_bytes; at < text.size();) {
    size_t end = text.find_first_of("\r\n", at);
    if (end == std::string_view::npos) {
      if (whole || !ended) break;
      end = text.size();
    }
    if (end > at && std::has_single_bit(++lines)) {
      found.push_back({fingerprint_hash(text.substr(0, end)), lines});
    }
    at = end + 1;
  }
  if (whole) found.push_back({fingerprint_hash(text), std::max<uint64_t>(lines, 1)});
  return found;
}

}  // namespace quipu
