// The Store, put together of what does its work: the open database (database.h), the filter of
// profiles and its filler, the policy of merging, the writer of commits, readers. Tests open it as
// such, to look inside. Threads: as Store says.
#pragma once

#include <memory>
#include <string>

#include "store/commit_writer.h"
#include "store/database.h"
#include "store/filter_filler.h"
#include "store/merge_policy.h"
#include "store/reader_pool.h"
#include "store/store.h"

namespace quipu {

// Records that one reader looks for at a time.
inline constexpr size_t kRecordsOfReader = 64;

class StoreImpl final : public Store {
 public:
  static Result<std::unique_ptr<StoreImpl>> open(const std::string& folder,
                                                 const StoreOptions& options);

  const Hasher& hasher() const override { return database_->hasher(); }
  const ElementCodes& element_codes() const override { return database_->element_codes(); }
  const std::string& folder() const override { return database_->folder(); }
  CommittedState committed() const override { return *database_->state(); }
  Result<CommitStats> commit(CheckpointWrite&& write) override;
  Status get_cells(std::span<const std::string> keys, std::span<std::string> rows) const override;
  std::optional<std::vector<CellPlace>> changed_cells(uint64_t after,
                                                      uint64_t last) const override {
    return changed_cells_.between(after, last);
  }
  std::unique_ptr<Snapshot> snapshot() const override;
  Result<std::vector<FamilyStats>> family_stats() const override;
  FilterStats filter_stats() const override { return filter_.stats(); }
  Status scan_records(const std::function<bool(std::string_view key, std::string_view value)>&
                          visit) const override;
  Status backup(const std::string& folder,
                const std::function<Status(const std::string&)>& beside) const override;
  Status settle() override { return merges_.settle(); }
  uint64_t waiting_runs() const override { return merges_.waiting_runs(); }
  std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) override;

  // For tests.
  Database& database() { return *database_; }
  MergePolicy& merges() { return merges_; }
  CommitWriter& writer() { return writer_; }

 private:
  StoreImpl(std::unique_ptr<Database> database, const StoreOptions& options);

  const std::unique_ptr<Database> database_;
  ReaderPool readers_;
  FilterFiller filter_;
  MergePolicy merges_;
  ChangedCells changed_cells_;
  CommitWriter writer_;
};

}  // namespace quipu
