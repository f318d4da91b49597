// When compaction merges what (families.h says which runs), and when a commit waits for it. The
// writer's thread, but for what says otherwise.
#pragma once

#include <array>
#include <cstdint>

#include "store/database.h"
#include "store/families.h"

namespace quipu {

// A commit waits for compaction (kMaxWaitingRuns) no longer than this: it may be stuck, and a
// commit that goes through is worth more.
inline constexpr int64_t kMaxRoomWait_ms = 60'000;

class MergePolicy {
 public:
  explicit MergePolicy(Database& database) : database_(database) {}

  // Of the family that has most: sorted runs beyond those that compaction lets wait. Any thread.
  uint64_t waiting_runs() const;
  // Before a commit: until compaction is near enough behind.
  void wait_for_room() const;
  // After a commit: whether runs of any size are merged where none of like size lie side by side.
  Status choose_merged_runs();
  // Waits until compaction has nothing more to do. Any thread.
  Status settle() const;

  int64_t max_room_wait_ms = kMaxRoomWait_ms;  // tests change it

 private:
  uint64_t waiting_runs(Family f) const;

  Database& database_;
  std::array<MergedRuns, kFamilies> merged_runs_{};  // where any are usual it is not looked at
};

}  // namespace quipu
