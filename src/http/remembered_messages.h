// Messages of visitors that were not known yet, remembered for a while. Segment's browser library
// sends a message again with the userId that the visitor has by then: the same message would be
// that of another profile, and count twice. So a message that came without a userId is that of its
// anonymousId whenever it comes again. Only a hint: what is forgotten (by a restart, or behind some
// kRememberedMessages newer ones) is taken as it comes. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quipu {

inline constexpr size_t kRememberedMessages = size_t(1) << 21;  // 8 bytes each

class RememberedMessages {
 public:
  // What is remembered of a message.
  static uint64_t mark(std::string_view tenant, std::string_view anonymous_id,
                       std::string_view message_id);
  void add(uint64_t mark);
  bool has(uint64_t mark) const;

 private:
  static constexpr size_t kBucket = 16;  // marks, the newest first; the last one falls out
  size_t bucket_of(uint64_t mark) const;

  std::vector<uint64_t> marks_;  // none before the first one is added
};

}  // namespace quipu
