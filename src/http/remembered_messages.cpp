#include "http/remembered_messages.h"

#include <algorithm>
#include <string>

#include "http/hex_digest.h"

namespace quipu {

uint64_t RememberedMessages::mark(std::string_view tenant, std::string_view anonymous_id,
                                  std::string_view message_id) {
  std::string text(tenant);
  text += '\0';
  text += anonymous_id;
  text += '\0';
  text += message_id;
  return sha256_number(text);
}

size_t RememberedMessages::bucket_of(uint64_t mark) const {
  return mark % (kRememberedMessages / kBucket) * kBucket;
}

void RememberedMessages::add(uint64_t mark) {
  if (has(mark)) return;
  if (marks_.empty()) marks_.resize(kRememberedMessages);
  uint64_t* const bucket = marks_.data() + bucket_of(mark);
  std::copy_backward(bucket, bucket + kBucket - 1, bucket + kBucket);
  bucket[0] = mark;
}

bool RememberedMessages::has(uint64_t mark) const {
  if (marks_.empty()) return false;
  const uint64_t* const bucket = marks_.data() + bucket_of(mark);
  return std::find(bucket, bucket + kBucket, mark) != bucket + kBucket;
}

}  // namespace quipu
