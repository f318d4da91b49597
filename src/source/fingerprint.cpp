#include "source/fingerprint.h"

#include <algorithm>

#include "base/check.h"
#include "source/beginnings.h"

namespace quipu {

size_t Fingerprint::first_window(uint64_t total) const {
  return size_t(std::min<uint64_t>(total, header_bytes_ + kFingerprintBytes));
}

size_t Fingerprint::last_window(uint64_t total) {
  return size_t(std::min<uint64_t>(total, kFingerprintBytes));
}

void Fingerprint::add(std::string_view bytes) {
  total_ += bytes.size();
  if (first_.size() < header_bytes_ + kFingerprintBytes) {
    const bool changes = first_.size() < kFingerprintBytes;
    first_.append(bytes.substr(0, header_bytes_ + kFingerprintBytes - first_.size()));
    if (changes) {
      first_hash_ = fingerprint_hash(std::string_view(first_).substr(0, kFingerprintBytes));
    }
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
  CHECK(first.size() == first_window(total) && last.size() == last_window(total) &&
        total >= total_);
  total_ = total;
  first_.assign(first);
  first_hash_ = fingerprint_hash(first.substr(0, kFingerprintBytes));
  last_.assign(last);
}

Hash128 Fingerprint::last() const { return fingerprint_hash(last_); }

const std::vector<Hash128>& Fingerprint::beginnings() {
  if (first_.size() != beginnings_size_) {
    beginnings_.clear();
    for (const Beginning& b : beginnings_of(first_, header_bytes_, true)) {
      beginnings_.push_back(b.hash);
    }
    beginnings_size_ = first_.size();
  }
  return beginnings_;
}

bool Fingerprint::matches(const SourcePosition& position) const {
  return total_ == position.bytes && first() == position.first && last() == position.last;
}

}  // namespace quipu
