// The open database of a store: RocksDB with its families, the folder and its lock, and what the
// last commit left. Layout of the folder: lock (lock.h), db/ (RocksDB), ingest/ (sorted files on
// their way in; strays are deleted at open), committed (commit_mark.h); whatever else is there is
// the engine's. open() judges what it finds (open.cpp); change() and acknowledge() belong to the
// writer's thread; all else: any thread.
//
// What is visible together: an ingest is atomic over families for recovery, not for readers. So
// change() holds a mutex while the database changes, and view() takes the state and RocksDB's
// snapshot as a pair under it: a reader may wait for one ingest, and never sees half of one. No
// snapshot is kept for long: compaction does not merge across one, and rewrites what it could not
// merge once it is gone.
//
// What is found out at open: `committed` names an acknowledged commit that the database has lost; a
// family has not exactly the commits that the state counts (families.h).
// Recovery of the log stops at its first torn or damaged record (kPointInTimeRecovery): a batch
// that was not acknowledged may end in anything after a power failure, and must not keep the store
// from opening. If what is dropped was acknowledged, `committed` knows, and the open fails.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "store/commit_mark.h"
#include "store/families.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/trouble.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Snapshot;
class Status;
struct Options;
struct ReadOptions;
}  // namespace rocksdb

namespace quipu {

// The database as one checkpoint left it.
struct View {
  rocksdb::DB* db = nullptr;
  const rocksdb::Snapshot* snapshot = nullptr;
  std::shared_ptr<const CommittedState> state;
  explicit View(rocksdb::DB* db);
  ~View();
  View(const View&) = delete;
};

class Database {
 public:
  // Errors as Store::open().
  static Result<std::unique_ptr<Database>> open(const std::string& folder,
                                                const StoreOptions& options);
  ~Database();
  Database(const Database&) = delete;

  const std::string& folder() const { return folder_; }
  std::string path(const char* name) const { return folder_ + "/" + name; }
  const Hasher& hasher() const { return *hasher_; }
  // Codes are given by the writer's thread, or one that it waits for.
  ElementCodes& element_codes() { return *codes_; }
  const ElementCodes& element_codes() const { return *codes_; }
  BackgroundErrors& background() const { return *background_; }

  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family(Family f) const { return handles_[size_t(f)]; }
  const rocksdb::Options& options(Family f) const { return *options_[size_t(f)]; }
  Error error(const rocksdb::Status& status) const;
  Error error(const Trouble& trouble) const;
  uint64_t property(Family f, const char* name) const;
  // Entries in a family's files and memtables: rows not yet merged count several times.
  uint64_t rows_of(Family f) const;
  // Rows of one family by key; empty where absent. As many values as keys.
  Status multi_get(const rocksdb::ReadOptions& options, Family family,
                   std::span<const std::string> keys, std::span<std::string> values) const;

  std::shared_ptr<const CommittedState> state() const;
  uint64_t commits() const { return committed_.commits; }  // the writer's thread
  std::unique_ptr<View> view() const;
  // One more commit: write() changes the database, and nobody sees that without the new state.
  Status change(const CommittedState& state, const std::function<Status()>& write);
  // Syncs the file `committed`: from then on the last commit may be told of.
  Status acknowledge();
  // Calls f(what is committed) while nothing changes.
  Status hold_still(const std::function<Status(const CommitMark::Value&)>& f) const;

 private:
  Database(std::string folder, const StoreOptions& options)
      : folder_(std::move(folder)), store_options_(options) {}
  bool exists(const char* name) const { return std::filesystem::exists(path(name)); }
  // Opening, in this order (open.cpp).
  Status enter_folder();  // makes it if it may, makes it private
  Status take_lock();
  Status find_database() const;
  Status open_database(bool create);
  Status read_format();
  Status make_new();  // the first rows of an empty database
  Status read_state();
  Status check_commits(uint64_t commits, uint64_t checkpoint) const;
  Status read_codes();
  Status compare_mark();  // with what was acknowledged
  Status clear_ingest_folder() const;
  void set_state(const CommittedState& state);

  const std::string folder_;
  const StoreOptions store_options_;
  std::optional<StoreLock> lock_;  // given back last
  std::array<std::unique_ptr<rocksdb::Options>, kFamilies> options_;
  std::shared_ptr<BackgroundErrors> background_ = std::make_shared<BackgroundErrors>();
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_{};  // owned
  rocksdb::ColumnFamilyHandle* default_handle_ = nullptr;          // owned
  std::optional<Hasher> hasher_;
  std::unique_ptr<ElementCodes> codes_;

  mutable std::mutex write_mutex_;  // held while the database changes
  CommitMark::Value committed_;     // changed under it
  std::optional<CommitMark> mark_;  // of the writer's thread

  mutable std::mutex state_mutex_;  // taken last
  std::shared_ptr<const CommittedState> state_ = std::make_shared<CommittedState>();
};

}  // namespace quipu
