#include "store/store.h"

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "base/fault.h"
#include "store/files.h"
#include "store/store_impl.h"

namespace quipu {

StoreImpl::~StoreImpl() {
  stop_filling();
  readers_.reset();
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->DestroyColumnFamilyHandle(default_handle_);
}

Error StoreImpl::error(const rocksdb::Status& status) const {
  return store_error(trouble_of(status), folder_, state()->checkpoint);
}

uint64_t StoreImpl::property(Family f, const char* name) const {
  std::string text;
  return db_->GetProperty(family(f), name, &text) ? std::stoull(text) : 0;
}

Result<std::vector<FamilyStats>> StoreImpl::family_stats() const {
  std::vector<FamilyStats> all;
  for (Family f : kAllFamilies) {
    rocksdb::ColumnFamilyMetaData meta;
    db_->GetColumnFamilyMetaData(family(f), &meta);
    std::map<std::string, std::string>
        compaction;  // of all levels; a figure that RocksDB does not give stays 0
    db_->GetMapProperty(family(f), rocksdb::DB::Properties::kCFStats, &compaction);
    const auto figure = [&](const char* name) {
      return std::strtod(compaction[name].c_str(), nullptr);
    };
    all.push_back({family_name(f), rows_of(f), meta.size, meta.file_count,
                   figure("compaction.Sum.CompMergeCPU"), uint64_t(figure("compaction.Sum.KeyIn")),
                   uint64_t(figure("compaction.Sum.WriteGB") * double(1 << 30))});
  }
  return all;
}

FilterStats StoreImpl::filter_stats() const {
  if (!filter_) return {};
  return {filter_complete_.load(std::memory_order_acquire), filter_->keys(), filter_->bytes()};
}

uint64_t StoreImpl::rows_of(Family f) const {
  uint64_t rows = property(f, "rocksdb.num-entries-active-mem-table") +
                  property(f, "rocksdb.num-entries-imm-mem-tables");
  rocksdb::TablePropertiesCollection tables;
  if (!db_->GetPropertiesOfAllTables(family(f), &tables).ok()) return rows;
  for (const auto& [file, properties] : tables) rows += properties->num_entries;
  return rows;
}

Status StoreImpl::scan_records(
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const auto now = view();
  rocksdb::ReadOptions options;
  options.snapshot = now->snapshot;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, family(Family::records)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key(it->key().data(), it->key().size());
    if (key != kCommitsKey && !visit(key, {it->value().data(), it->value().size()})) break;
  }
  if (!it->status().ok()) return error(it->status());
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
    {
      std::lock_guard lock(write_mutex_);
      mark = {state()->checkpoint, commits_};
      rocksdb::Checkpoint* made = nullptr;
      rocksdb::Status s = rocksdb::Checkpoint::Create(db_.get(), &made);
      const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
      if (s.ok()) s = checkpoint->CreateCheckpoint(unfinished);
      if (s.IsNoSpace())
        return Error{"no space left on device for the backup in " + folder +
                     "; free some and run the same command again"};
      if (!s.ok()) return error(s);
    }
    fault_point("backup.database_copied");
    if (beside) QUIPU_TRY(beside(target));
    QUIPU_TRY(sync_folder(target));
    fault_point("backup.files_copied");
    // From here on it is a store, and a whole one.
    if (::rename(unfinished.c_str(), database.c_str()) != 0)
      return file_error("rename", unfinished, errno);
    auto made = CommitMark::create(target + "/committed", mark);
    if (!made.ok()) return made.error();
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

Status StoreImpl::settle() {
  // Universal compaction may call itself needed and pick nothing: quiet for so long counts as
  // settled.
  constexpr int kQuietRounds = 50;
  int quiet = 0;
  for (int idle_rounds = 0; quiet < kQuietRounds && idle_rounds < 3;) {
    if (auto trouble = background_->get())
      return store_error(*trouble, folder_, state()->checkpoint);
    uint64_t running = 0, pending = 0;
    for (Family f : kAllFamilies) {
      running += property(f, "rocksdb.num-running-compactions") +
                 property(f, "rocksdb.num-running-flushes");
      pending += property(f, "rocksdb.compaction-pending") +
                 property(f, "rocksdb.mem-table-flush-pending");
    }
    quiet = running ? 0 : quiet + 1;
    idle_rounds = running || pending ? 0 : idle_rounds + 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

uint64_t StoreImpl::waiting_runs() const {
  uint64_t most = 0;
  for (Family f : kAllFamilies) {
    most = std::max(most, waiting_runs(f));
  }
  return most;
}

uint64_t StoreImpl::waiting_runs(Family f) const {
  rocksdb::ColumnFamilyMetaData meta;
  db_->GetColumnFamilyMetaData(family(f), &meta);
  // Those that are being merged wait no longer, however long that takes.
  const auto& files = meta.levels[0].files;
  const uint64_t runs = uint64_t(std::count_if(
      files.begin(), files.end(), [](const auto& file) { return !file.being_compacted; }));
  return runs > kRunsBeforeCompaction ? runs - kRunsBeforeCompaction : 0;
}

// See families.h. Options that are set are written to the database's folder, so they are only when
// something changed.
Status StoreImpl::choose_merged_runs() {
  for (Family f : kAllFamilies) {
    if (usual_merged_runs(f) == MergedRuns::any) continue;
    const uint64_t waiting = waiting_runs(f);
    MergedRuns& runs = merged_runs_[size_t(f)];
    const MergedRuns wanted = waiting > kStuckRuns ? MergedRuns::any
                              : waiting == 0       ? MergedRuns::of_like_size
                                                   : runs;
    if (wanted == runs) continue;
    if (auto s = db_->SetOptions(family(f), {merged_runs_option(wanted)}); !s.ok()) return error(s);
    runs = wanted;
  }
  return {};
}

}  // namespace quipu
