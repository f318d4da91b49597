#include "store/merge_policy.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace quipu {

void MergePolicy::wait_for_room() const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(max_room_wait_ms);
  while (waiting_runs() > kMaxWaitingRuns && !database_.background().get() &&
         Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

uint64_t MergePolicy::waiting_runs() const {
  uint64_t most = 0;
  for (Family f : kAllFamilies) {
    most = std::max(most, waiting_runs(f));
  }
  return most;
}

uint64_t MergePolicy::waiting_runs(Family f) const {
  rocksdb::ColumnFamilyMetaData meta;
  database_.db()->GetColumnFamilyMetaData(database_.family(f), &meta);
  // Those that are being merged wait no longer, however long that takes.
  const auto& files = meta.levels[0].files;
  const uint64_t runs = uint64_t(std::count_if(
      files.begin(), files.end(), [](const auto& file) { return !file.being_compacted; }));
  return runs > kRunsBeforeCompaction ? runs - kRunsBeforeCompaction : 0;
}

// See families.h. Options that are set are written to the database's folder, so they are only when
// something changed.
Status MergePolicy::choose_merged_runs() {
  for (Family f : kAllFamilies) {
    if (usual_merged_runs(f) == MergedRuns::any) continue;
    const uint64_t waiting = waiting_runs(f);
    MergedRuns& runs = merged_runs_[size_t(f)];
    const MergedRuns wanted = waiting > kStuckRuns ? MergedRuns::any
                              : waiting == 0       ? MergedRuns::of_like_size
                                                   : runs;
    if (wanted == runs) continue;
    if (auto s = database_.db()->SetOptions(database_.family(f), {merged_runs_option(wanted)});
        !s.ok())
      return database_.error(s);
    runs = wanted;
  }
  return {};
}

Status MergePolicy::settle() const {
  // Universal compaction may call itself needed and pick nothing: quiet for so long counts as
  // settled.
  constexpr int kQuietRounds = 50;
  int quiet = 0;
  for (int idle_rounds = 0; quiet < kQuietRounds && idle_rounds < 3;) {
    if (auto trouble = database_.background().get()) return database_.error(*trouble);
    uint64_t running = 0, pending = 0;
    for (Family f : kAllFamilies) {
      running += database_.property(f, "rocksdb.num-running-compactions") +
                 database_.property(f, "rocksdb.num-running-flushes");
      pending += database_.property(f, "rocksdb.compaction-pending") +
                 database_.property(f, "rocksdb.mem-table-flush-pending");
    }
    quiet = running ? 0 : quiet + 1;
    idle_rounds = running || pending ? 0 : idle_rounds + 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

}  // namespace quipu
