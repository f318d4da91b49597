#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "store/database.h"
#include "store/files.h"
#include "store/state.h"

namespace quipu {
namespace {

constexpr auto kLockPoll = std::chrono::milliseconds(20);

class ErrorListener final : public rocksdb::EventListener {
 public:
  explicit ErrorListener(std::shared_ptr<BackgroundErrors> errors) : errors_(std::move(errors)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    errors_->report(trouble_of(*status));
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::shared_ptr<BackgroundErrors> errors_;
};

// Half of what the process may have open; the rest is for sources, sockets and files being written.
int max_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
  return int(std::clamp<rlim_t>(limit.rlim_cur / 2, 64, 8192));
}

rocksdb::DBOptions database_options(const StoreOptions& options, bool create) {
  const int cores = std::max(1, int(std::thread::hardware_concurrency()));
  rocksdb::DBOptions db;
  db.create_if_missing = create;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;  // see database.h
  db.max_open_files = max_open_files();
  db.skip_stats_update_on_db_open = true;
  db.max_background_jobs =
      std::max(4, cores);  // the one long job of universal compaction must not block short ones
  db.max_subcompactions = uint32_t(std::clamp(cores / 2, 1, 4));  // the rest count meanwhile
  db.db_write_buffer_size = options.write_buffer_bytes;
  db.max_total_wal_size = 4 * options.write_buffer_bytes;
  db.use_direct_reads = options.direct_reads;
  db.bytes_per_sync = 1 << 20;
  // Each part of a compaction reads ahead in each of its runs, in two buffers.
  const size_t buffers = 2 * (kRunsBeforeCompaction + kMaxWaitingRuns) *
                         size_t(db.max_background_jobs) * db.max_subcompactions;
  db.compaction_readahead_size =
      std::clamp<size_t>(options.compaction_bytes / buffers, 32 << 10, 2 << 20);
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.max_log_file_size = 1 << 20;
  db.keep_log_file_num = 2;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

Error no_store(const std::string& folder) {
  return Error{"no store in " + folder +
               "; count something into it first: quipu run PLAN FILE --data " + folder};
}

Error damaged(const std::string& folder, const std::string& what) {
  return store_error({Trouble::Kind::damage, what}, folder, 0);
}

// Files that only a database which held something leaves behind.
bool holds_data(const std::string& database) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(database, ignored)) {
    const auto ending = entry.path().extension();
    if (ending == ".sst" || ending == ".log") return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& folder,
                                                 const StoreOptions& options) {
  std::unique_ptr<Database> database(new Database(folder, options));
  QUIPU_TRY(database->enter_folder());
  QUIPU_TRY(database->take_lock());
  QUIPU_TRY(database->find_database());
  QUIPU_TRY(database->open_database(options.create));
  QUIPU_TRY(database->read_format());
  QUIPU_TRY(database->read_state());
  QUIPU_TRY(database->read_codes());
  QUIPU_TRY(database->compare_mark());
  QUIPU_TRY(database->clear_ingest_folder());
  return database;
}

Status Database::enter_folder() {
  struct stat info {};
  if (::stat(folder_.c_str(), &info) != 0 && errno == ENOENT) {
    if (!store_options_.create) return no_store(folder_);
    const Status made = make_folder(folder_);
    // Somebody else may have made it meanwhile.
    if (::stat(folder_.c_str(), &info) != 0)
      return made.ok() ? file_error("open", folder_, errno) : made;
  } else if (::stat(folder_.c_str(), &info) != 0) {
    return file_error("open", folder_, errno);
  }
  if (!S_ISDIR(info.st_mode))
    return Error{folder_ + " is a file, not a store's folder; name another with --data"};
  const bool of_a_store = exists("lock") || exists("committed") || exists("db");
  if (!store_options_.create && !of_a_store) return no_store(folder_);
  if ((info.st_mode & 077) == 0) return {};
  std::error_code failed;
  if (!of_a_store && !std::filesystem::is_empty(folder_, failed)) {
    return Error{folder_ +
                 " may be entered by others, and holds other files: a store's folder is its "
                 "owner's alone. Name a new folder with --data"};
  }
  if (::chmod(folder_.c_str(), 0700) != 0)
    return file_error("make private (others may enter it)", folder_, errno);
  return {};
}

Status Database::take_lock() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(store_options_.lock_wait_ms);
  while (true) {
    QUIPU_ASSIGN(auto taken, StoreLock::take(folder_));
    if (taken) {
      lock_.emplace(std::move(*taken));
      return {};
    }
    const bool wait =
        Clock::now() < deadline && (!store_options_.keep_waiting || store_options_.keep_waiting());
    if (!wait) {
      return store_error({Trouble::Kind::in_use, StoreLock::holder(folder_)}, folder_, 0);
    }
    std::this_thread::sleep_for(kLockPoll);
  }
}

// Looks before anything of the database is made.
Status Database::find_database() const {
  if (exists("db/CURRENT")) return {};
  if (exists("committed") || holds_data(path("db")))
    return damaged(folder_, "db/CURRENT is missing");
  return store_options_.create ? Status{} : no_store(folder_);
}

Status Database::open_database(bool create) {
  rocksdb::DBOptions db_options = database_options(store_options_, create);
  rocksdb::LRUCacheOptions cache_options;
  cache_options.capacity = store_options_.cache_bytes;
  cache_options.high_pri_pool_ratio =
      0.8;  // filters and indexes: a profile that is new is looked for in all of them
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(cache_options);

  std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, {}}};
  for (Family f : kAllFamilies) {
    families.emplace_back(
        family_name(f), family_options(f, cache, store_options_.write_buffer_bytes, FileSize::any));
    options_[size_t(f)] = std::make_unique<rocksdb::Options>(
        db_options, family_options(f, cache, store_options_.write_buffer_bytes, FileSize::small));
    options_[size_t(f)]->bottommost_compression =
        rocksdb::kDisableCompressionOption;  // the writer of new files would take it
  }
  rocksdb::DBOptions with_listener = db_options;
  with_listener.listeners.push_back(std::make_shared<ErrorListener>(background_));

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      rocksdb::DB::Open(with_listener, path("db"), families, &handles, &db);
  if (!opened.ok()) {
    if (opened.IsInvalidArgument() &&
        opened.ToString().find("Column families not opened") != std::string::npos) {
      return Error{"the store in " + folder_ +
                   " was written by another version of quipu: use that one, or count " +
                   "the inputs into a new store"};
    }
    return error(opened);
  }
  db_.reset(db);
  default_handle_ = handles[0];
  for (size_t f = 0; f < kFamilies; ++f) handles_[f] = handles[f + 1];
  return {};
}

Status Database::read_format() {
  const rocksdb::Slice key(kFormatKey.data(), kFormatKey.size());
  std::string bytes;
  rocksdb::Status got = db_->Get({}, family(Family::meta), key, &bytes);
  if (got.IsNotFound() && !exists("committed")) {
    QUIPU_TRY(check_commits(0, 0));
    if (!store_options_.create) return no_store(folder_);
    QUIPU_TRY(make_new());
    got = db_->Get({}, family(Family::meta), key, &bytes);
  }
  if (got.IsNotFound())
    return damaged(folder_, "the row that says what kind of store it is was lost");
  if (!got.ok()) return error(got);
  StoreFormat format;
  if (!decode_format(bytes, format))
    return damaged(folder_, "the row that says what kind of store it is cannot be read");
  if (format.version != kStoreVersion) {
    return Error{"the store in " + folder_ + " is of version " + std::to_string(format.version) +
                 ", this quipu reads version " + std::to_string(kStoreVersion) +
                 ": use the quipu that wrote it, or count the inputs into a new store"};
  }
  hasher_.emplace(format.secret, format.element_bits);
  return {};
}

Status Database::read_state() {
  std::string bytes;
  const rocksdb::Status got = db_->Get({}, family(Family::meta),
                                       rocksdb::Slice(kStateKey.data(), kStateKey.size()), &bytes);
  if (!got.ok() && !got.IsNotFound()) return error(got);
  CommittedState state;
  uint64_t commits = 0;
  if (got.IsNotFound() || !decode_state(bytes, state, commits))
    return damaged(folder_, "the row of the last checkpoint cannot be read");
  QUIPU_TRY(check_commits(commits, state.checkpoint));
  committed_ = {state.checkpoint, commits};
  set_state(state);
  return {};
}

Status Database::read_codes() {
  codes_ = std::make_unique<ElementCodes>(store_options_.element_codes);
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, family(Family::meta)));
  std::vector<uint64_t> elements;
  uint32_t chunk = 0;
  for (it->Seek(codes_key(0)); it->Valid() && it->key().starts_with(rocksdb::Slice(
                                                  kCodesPrefix.data(), kCodesPrefix.size()));
       it->Next()) {
    const bool restored = it->key() == codes_key(chunk++) &&
                          decode_hashes(it->value().ToStringView(), elements) &&
                          codes_->restore(elements);
    if (!restored) return damaged(folder_, "the codes of elements cannot be read");
  }
  return it->status().ok() ? Status{} : error(it->status());
}

// With what was acknowledged.
Status Database::compare_mark() {
  QUIPU_ASSIGN(mark_, CommitMark::open(path("committed")));
  if (!mark_) {
    QUIPU_ASSIGN(mark_, CommitMark::create(path("committed"), committed_));
    return {};
  }
  if (mark_->value().commits < committed_.commits) return acknowledge();
  if (mark_->value().commits == committed_.commits) return {};
  const std::string left = "checkpoint " + std::to_string(committed_.checkpoint);
  return Error{"the store in " + folder_ + " has lost checkpoint " +
               std::to_string(mark_->value().checkpoint) + ": it was committed, but a file in " +
               path("db") + " was damaged and the database ends at " + left +
               "; restore a backup, or remove " + path("committed") +
               " and run the same command again: it continues from " + left +
               " and counts again what came after it"};
}

Status Database::make_new() {
  StoreFormat format;
  format.element_bits = store_options_.element_bits;
  format.secret =
      store_options_.secret == HashSecret{} ? draw_hash_secret() : store_options_.secret;
  rocksdb::WriteBatch batch;
  const std::string format_bytes = encode_format(format), state_bytes = encode_state({}, 0);
  rocksdb::Status put = batch.Put(
      family(Family::meta), rocksdb::Slice(kFormatKey.data(), kFormatKey.size()), format_bytes);
  if (put.ok())
    put = batch.Put(family(Family::meta), rocksdb::Slice(kStateKey.data(), kStateKey.size()),
                    state_bytes);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (put.ok()) put = db_->Write(synced, &batch);
  if (!put.ok()) return error(put);
  return sync_folder(folder_);
}

Status Database::check_commits(uint64_t commits, uint64_t checkpoint) const {
  for (Family f : kAllFamilies) {
    std::string bytes;
    uint64_t found = 0;
    const rocksdb::Status got =
        db_->Get({}, family(f), rocksdb::Slice(kCommitsKey.data(), kCommitsKey.size()), &bytes);
    if (!got.ok() && !got.IsNotFound()) return error(got);
    if (got.ok() && !decode_commits(bytes, found))
      return damaged(folder_, std::string("count of commits in ") + family_name(f));
    if (found != commits) {
      return damaged(folder_, std::string("family ") + family_name(f) + " holds " +
                                  std::to_string(found) + " of the " + std::to_string(commits) +
                                  " commits up to checkpoint " + std::to_string(checkpoint));
    }
  }
  return {};
}

Status Database::clear_ingest_folder() const {
  const std::string folder = path("ingest");
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return make_folder(folder);
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    std::filesystem::remove(entry.path(), failed);
    if (failed) break;
  }
  if (failed) return Error{"cannot clear " + folder + ": " + failed.message()};
  return {};
}

}  // namespace quipu
