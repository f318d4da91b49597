// The Store over RocksDB. Layout of the data folder: lock (lock.h), db/ (RocksDB), ingest/ (sorted
// files on their way in; strays are deleted at open), committed (commit_mark.h); whatever else is
// there is the engine's.
//
// What is visible together: an ingest is atomic over families for recovery, not for readers. So
// commit() holds a mutex while the database changes, and a Snapshot takes its state and RocksDB's
// snapshot as a pair under it: a reader may wait for one ingest, and never sees half of one. No
// snapshot is kept between questions: compaction does not merge across one, and rewrites what it
// could not merge once it is gone.
//
// What is found out at open: `committed` names an acknowledged commit that the database has lost; a
// family has not exactly the commits that the state counts (families.h).
// Recovery of the log stops at its first torn or damaged record (kPointInTimeRecovery): a batch
// that was not acknowledged may end in anything after a power failure, and must not keep the store
// from opening. If what is dropped was acknowledged, `committed` knows, and the open fails.
#pragma once

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "store/commit_mark.h"
#include "store/families.h"
#include "store/lock.h"
#include "store/name_rows.h"
#include "store/reader_pool.h"
#include "store/record_filter.h"
#include "store/store.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Iterator;
class Snapshot;
class Status;
struct Options;
struct ReadOptions;
}  // namespace rocksdb

namespace quipu {

// A commit waits for compaction (kMaxWaitingRuns) no longer than this: it may be stuck, and a
// commit that goes through is worth more.
inline constexpr int64_t kMaxRoomWait_ms = 60'000;

// Free space on the disk without which no commit begins, beside twice the bytes it may write: a
// database on a full disk cannot even compact to become smaller.
inline constexpr uint64_t kSpareDiskBytes = uint64_t(16) << 20;

// Records that one reader looks for at a time.
inline constexpr size_t kRecordsOfReader = 64;

// The filter of profiles is filled from the store by a thread of this niceness.
inline constexpr int kFillingNice = 10;

// A RocksDB error as a plain value, and as the user reads it.
struct Trouble {
  enum class Kind : uint8_t { other, no_space, damage, in_use } kind = Kind::other;
  std::string text;
};
Trouble trouble_of(const rocksdb::Status& status);
Error store_error(const Trouble& trouble, const std::string& folder, uint64_t checkpoint);

// The first error of a flush or compaction, or of filling the filter: whose thread met it reports
// it, commit() asks. Then fail stop.
struct BackgroundErrors {
  std::mutex mutex;
  std::optional<Trouble> first;
  void report(Trouble trouble) {
    std::lock_guard lock(mutex);
    if (!first) first = std::move(trouble);
  }
  std::optional<Trouble> get() {
    std::lock_guard lock(mutex);
    return first;
  }
};

// The database as one checkpoint left it.
struct View {
  rocksdb::DB* db = nullptr;
  const rocksdb::Snapshot* snapshot = nullptr;
  std::shared_ptr<const CommittedState> state;
  explicit View(rocksdb::DB* db);
  ~View();
  View(const View&) = delete;
};

class StoreImpl final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& folder,
                                             const StoreOptions& options);
  ~StoreImpl() override;

  const Hasher& hasher() const override { return *hasher_; }
  const ElementCodes& element_codes() const override { return *codes_; }
  const std::string& folder() const override { return folder_; }
  CommittedState committed() const override { return *state(); }
  Result<CommitStats> commit(CheckpointWrite&& write) override;
  Status get_cells(std::span<const std::string> keys, std::span<std::string> rows) const override;
  std::optional<std::vector<CellPlace>> changed_cells(uint64_t after,
                                                      uint64_t last) const override {
    return changed_cells_.between(after, last);
  }
  std::unique_ptr<Snapshot> snapshot() const override;
  Result<std::vector<FamilyStats>> family_stats() const override;
  FilterStats filter_stats() const override;
  Status scan_records(const std::function<bool(std::string_view key, std::string_view value)>&
                          visit) const override;
  Status backup(const std::string& folder,
                const std::function<Status(const std::string&)>& beside) const override;
  Status settle() override;
  uint64_t waiting_runs() const override;
  std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) override;

  int64_t max_room_wait_ms = kMaxRoomWait_ms;   // tests change it
  uint64_t spare_disk_bytes = kSpareDiskBytes;  // 0, in tests: not looked at
  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family(Family f) const { return handles_[size_t(f)]; }
  const rocksdb::Options& options(Family f) const { return *options_[size_t(f)]; }
  std::string path(const char* name) const { return folder_ + "/" + name; }
  bool exists(const char* name) const { return std::filesystem::exists(path(name)); }
  Error error(const rocksdb::Status& status) const;
  uint64_t property(Family f, const char* name) const;
  uint64_t rows_of(Family f)
      const;  // entries in its files and memtables: rows not yet merged count several times

 private:
  StoreImpl() = default;
  Status enter_folder();  // makes it if it may, makes it private
  Status take_lock();
  Status find_database() const;
  Status open_database(bool create);
  Status make_new();  // the first rows of an empty database
  Status read_state();
  Status read_codes();
  Status check_commits(uint64_t commits, uint64_t checkpoint) const;
  Status clear_ingest_folder() const;

  std::shared_ptr<const CommittedState> state() const;
  void set_state(CommittedState state);
  std::unique_ptr<View> view() const;
  void wait_for_room();
  uint64_t waiting_runs(Family f) const;
  Status choose_merged_runs();
  Status check_space(size_t expected_bytes) const;
  Status flush_for_ingest();
  Result<StoredNames> stored_names(rocksdb::Iterator& names, TenantId tenant,
                                   PropertyId property) const;
  bool takes_files(size_t expected_bytes);
  void begin_filling(size_t most_bytes);  // makes the filter
  void stop_filling();
  void fill_filter(uint64_t last_commit);

  std::string folder_;
  StoreOptions store_options_;
  std::optional<StoreLock> lock_;  // given back last
  std::array<std::unique_ptr<rocksdb::Options>, kFamilies> options_;
  std::shared_ptr<BackgroundErrors> background_;
  std::array<MergedRuns, kFamilies>
      merged_runs_{};  // of the writer's thread; where any are usual it is not looked at
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_{};  // owned
  rocksdb::ColumnFamilyHandle* default_handle_ = nullptr;          // owned
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<RecordFilter> filter_;  // or nullptr
  std::atomic<bool> filter_complete_{false}, closing_{false};
  std::thread filling_;
  std::optional<Hasher> hasher_;
  std::unique_ptr<ElementCodes> codes_;  // given by the writer's thread, or one that it waits for

  mutable std::mutex
      write_mutex_;       // held while the database changes: commit against views and backup
  uint64_t commits_ = 0;  // changed under write_mutex_
  std::optional<CommitMark> mark_;  // of the writer's thread
  NameRows name_rows_;              // of the writer's thread, or of one that it waits for
  enum class Way { none, batch, files } way_ = Way::none;

  ChangedCells changed_cells_;

  mutable std::mutex state_mutex_;  // taken last
  std::shared_ptr<const CommittedState> state_ = std::make_shared<CommittedState>();
};

// Rows of one family by key; empty where absent. As many values as keys.
Status multi_get(const StoreImpl& store, const rocksdb::ReadOptions& options, Family family,
                 std::span<const std::string> keys, std::span<std::string> values);

}  // namespace quipu
