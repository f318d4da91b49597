// The writer of commits: one checkpoint into the database, by files or by a batch
// (commit_output.h). Meta comes last in both: the catalogue asks for what the group-by found. After
// it the file `committed` is synced, and only then the caller may say so. One thread calls
// commit(); with files, records and names are made by two threads that it waits for.
#pragma once

#include <cstdint>

#include "store/changed_cells.h"
#include "store/database.h"
#include "store/filter_filler.h"
#include "store/name_rows.h"
#include "store/store.h"

namespace quipu {

// Free space on the disk without which no commit begins, beside twice the bytes it may write: a
// database on a full disk cannot even compact to become smaller.
inline constexpr uint64_t kSpareDiskBytes = uint64_t(16) << 20;

class CommitWriter {
 public:
  CommitWriter(Database& database, FilterFiller& filter, ChangedCells& changed, size_t ingest_bytes)
      : database_(database), filter_(filter), changed_(changed), ingest_bytes_(ingest_bytes) {}

  Result<CommitStats> commit(CheckpointWrite&& write);

  uint64_t spare_disk_bytes = kSpareDiskBytes;  // 0, in tests: not looked at

 private:
  bool takes_files(size_t expected_bytes);
  Status check_space(size_t expected_bytes) const;
  Status flush_for_ingest() const;

  Database& database_;
  FilterFiller& filter_;
  ChangedCells& changed_;
  const size_t ingest_bytes_;
  NameRows name_rows_;  // of this thread, or of one that it waits for
  enum class Way { none, batch, files } way_ = Way::none;
};

}  // namespace quipu
