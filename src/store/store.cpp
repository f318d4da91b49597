#include "store/store.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/utilities/checkpoint.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/fault.h"
#include "store/files.h"
#include "store/store_impl.h"

namespace quipu {

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, const StoreOptions& options) {
  QUIPU_ASSIGN(auto store, StoreImpl::open(folder, options));
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<StoreImpl>> StoreImpl::open(const std::string& folder,
                                                   const StoreOptions& options) {
  QUIPU_ASSIGN(auto database, Database::open(folder, options));
  return std::unique_ptr<StoreImpl>(new StoreImpl(std::move(database), options));
}

StoreImpl::StoreImpl(std::unique_ptr<Database> database, const StoreOptions& options)
    : database_(std::move(database)),
      readers_(options.readers),
      filter_(*database_, options),
      merges_(*database_),
      writer_(*database_, filter_, changed_cells_, options.ingest_bytes) {}

Result<CommitStats> StoreImpl::commit(CheckpointWrite&& write) {
  fault_point("commit.begin");
  CHECK_GT(write.state.checkpoint, database_->state()->checkpoint);
  merges_.wait_for_room();
  if (auto trouble = database_->background().get()) return database_->error(*trouble);
  QUIPU_ASSIGN(const CommitStats stats, writer_.commit(std::move(write)));
  QUIPU_TRY(merges_.choose_merged_runs());
  return stats;
}

Result<std::vector<FamilyStats>> StoreImpl::family_stats() const {
  std::vector<FamilyStats> all;
  for (Family f : kAllFamilies) {
    rocksdb::ColumnFamilyMetaData meta;
    database_->db()->GetColumnFamilyMetaData(database_->family(f), &meta);
    std::map<std::string, std::string>
        compaction;  // of all levels; a figure that RocksDB does not give stays 0
    database_->db()->GetMapProperty(database_->family(f), rocksdb::DB::Properties::kCFStats,
                                    &compaction);
    const auto figure = [&](const char* name) {
      return std::strtod(compaction[name].c_str(), nullptr);
    };
    all.push_back({family_name(f), database_->rows_of(f), meta.size, meta.file_count,
                   figure("compaction.Sum.CompMergeCPU"), uint64_t(figure("compaction.Sum.KeyIn")),
                   uint64_t(figure("compaction.Sum.WriteGB") * double(1 << 30))});
  }
  return all;
}

Status StoreImpl::scan_records(
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const auto now = database_->view();
  rocksdb::ReadOptions options;
  options.snapshot = now->snapshot;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(
      database_->db()->NewIterator(options, database_->family(Family::records)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key(it->key().data(), it->key().size());
    if (key != kCommitsKey && !visit(key, {it->value().data(), it->value().size()})) break;
  }
  if (!it->status().ok()) return database_->error(it->status());
  return {};
}

Status StoreImpl::backup(const std::string& folder,
                         const std::function<Status(const std::string&)>& beside) const {
  if (std::filesystem::exists(folder))
    return Error{folder + " exists already; name a new folder for the backup"};
  const std::string target = std::filesystem::absolute(folder).string();
  auto copy = [&]() -> Status {
    const std::string database = target + "/db", unfinished = target + "/db.unfinished";
    CommitMark::Value mark;
    QUIPU_TRY(database_->hold_still([&](const CommitMark::Value& committed) -> Status {
      mark = committed;
      rocksdb::Checkpoint* made = nullptr;
      rocksdb::Status s = rocksdb::Checkpoint::Create(database_->db(), &made);
      const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
      if (s.ok()) s = checkpoint->CreateCheckpoint(unfinished);
      if (s.IsNoSpace())
        return Error{"no space left on device for the backup in " + folder +
                     "; free some and run the same command again"};
      return s.ok() ? Status() : database_->error(s);
    }));
    fault_point("backup.database_copied");
    if (beside) QUIPU_TRY(beside(target));
    QUIPU_TRY(sync_folder(target));
    fault_point("backup.files_copied");
    // From here on it is a store, and a whole one.
    if (::rename(unfinished.c_str(), database.c_str()) != 0)
      return file_error("rename", unfinished, errno);
    QUIPU_TRY(CommitMark::create(target + "/committed", mark));
    fault_point("backup.done");
    return {};
  };
  QUIPU_TRY(make_folder(target));
  Status copied = copy();
  if (!copied.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(target, ignored);
  }
  return copied;
}

}  // namespace quipu
