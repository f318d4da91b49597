#include "source/fingerprint.h"

#include <algorithm>

#include "base/check.h"

namespace quipu {
namespace {

// Fixed for ever, unlike a store's secret: fingerprints are compared across stores and versions.
// They tell files apart and need not withstand anyone.
Hash128 hash_of(std::string_view bytes) {
  static const Hasher hasher = [] {
    HashSecret secret;
    for (size_t i = 0; i < secret.size(); ++i) secret[i] = uint8_t(mix64(i + 1));
    return Hasher(secret);
  }();
  return bytes.empty() ? Hash128{} : hasher.hash128(bytes);
}

}  // namespace

void Fingerprint::add(std::string_view bytes) {
  total_ += bytes.size();
  if (first_.size() < kFingerprintBytes) {
    first_.append(bytes.substr(0, kFingerprintBytes - first_.size()));
    first_hash_ = hash_of(first_);
  }
  if (bytes.size() >= kFingerprintBytes) {
    last_.assign(bytes.substr(bytes.size() - kFingerprintBytes));
    return;
  }
  const size_t keep = std::min(last_.size(), kFingerprintBytes - bytes.size());
  last_.erase(0, last_.size() - keep);
  last_.append(bytes);
}

void Fingerprint::jump(uint64_t total, std::string_view first, std::string_view last) {
  const size_t size = size_t(std::min<uint64_t>(total, kFingerprintBytes));
  CHECK(first.size() == size && last.size() == size && total >= total_);
  total_ = total;
  first_.assign(first);
  first_hash_ = hash_of(first_);
  last_.assign(last);
}

Hash128 Fingerprint::last() const { return hash_of(last_); }

bool Fingerprint::matches(const SourcePosition& position) const {
  return total_ == position.bytes && first() == position.first && last() == position.last;
}

}  // namespace quipu
