// One checkpoint into the database, by one of two ways that give the same contents:
//   batch  one synced write batch over all families;
//   files  a sorted file a family, written at the same time, ingested together.
// Either is atomic for recovery. Meta comes last in both (the catalogue asks for what the group-by
// found). After it the file `committed` is synced, and only then the caller may say so.
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "base/fault.h"
#include "store/names.h"
#include "store/state.h"
#include "store/store_impl.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
using rocksdb::Slice;

Slice slice(std::string_view bytes) { return Slice(bytes.data(), bytes.size()); }
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Where the rows of one family go, keys rising. Those of several families may be filled at the same
// time.
class FamilyOutput {
 public:
  virtual ~FamilyOutput() = default;
  virtual rocksdb::Status merge(Slice key, Slice value) = 0;
  virtual rocksdb::Status put(Slice key, Slice value) = 0;
  virtual rocksdb::Status end() = 0;
};

// Where the rows of a commit go.
class Output {
 public:
  virtual ~Output() = default;
  virtual rocksdb::Status begin(Family family, std::unique_ptr<FamilyOutput>& rows) = 0;
  virtual rocksdb::Status
  write() = 0;  // all of it, atomically and durably, once all families have ended
};

class BatchOutput final : public Output {
 public:
  explicit BatchOutput(const StoreImpl& store) : store_(store) {}
  rocksdb::Status begin(Family family, std::unique_ptr<FamilyOutput>& rows) override {
    rows = std::make_unique<Rows>(batch_, store_.family(family));
    return {};
  }
  rocksdb::Status write() override {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return store_.db()->Write(synced, &batch_);
  }

 private:
  class Rows final : public FamilyOutput {  // one thread fills all families
   public:
    Rows(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* handle)
        : batch_(batch), handle_(handle) {}
    rocksdb::Status merge(Slice key, Slice value) override {
      return batch_.Merge(handle_, key, value);
    }
    rocksdb::Status put(Slice key, Slice value) override { return batch_.Put(handle_, key, value); }
    rocksdb::Status end() override { return {}; }

   private:
    rocksdb::WriteBatch& batch_;
    rocksdb::ColumnFamilyHandle* const handle_;
  };

  const StoreImpl& store_;
  rocksdb::WriteBatch batch_;
};

class FileOutput final : public Output {
 public:
  explicit FileOutput(const StoreImpl& store) : store_(store) {}
  ~FileOutput() override {
    for (const auto& arg : files_)
      ::unlink(arg.external_files[0].c_str());  // moved away if all went well
  }
  rocksdb::Status begin(Family family, std::unique_ptr<FamilyOutput>& rows) override {
    rocksdb::IngestExternalFileArg arg;
    arg.column_family = store_.family(family);
    arg.external_files = {store_.path("ingest/") + family_name(family) + ".sst"};
    arg.options.move_files = true;
    arg.options.snapshot_consistency = true;
    arg.options.allow_global_seqno = true;
    arg.options.allow_blocking_flush = true;
    arg.options.write_global_seqno = false;
    files_.push_back(arg);
    auto file = std::make_unique<Rows>(store_, family);
    const rocksdb::Status opened = file->open(arg.external_files[0]);
    rows = std::move(file);
    return opened;
  }
  rocksdb::Status write() override { return store_.db()->IngestExternalFiles(files_); }

 private:
  class Rows final : public FamilyOutput {
   public:
    Rows(const StoreImpl& store, Family family)
        : writer_(rocksdb::EnvOptions(store.options(family)), store.options(family),
                  store.family(family), /*invalidate_page_cache=*/false) {}
    rocksdb::Status open(const std::string& path) { return writer_.Open(path); }
    rocksdb::Status merge(Slice key, Slice value) override { return writer_.Merge(key, value); }
    rocksdb::Status put(Slice key, Slice value) override { return writer_.Put(key, value); }
    rocksdb::Status end() override { return writer_.Finish(); }  // syncs the file

   private:
    rocksdb::SstFileWriter writer_;
  };

  const StoreImpl& store_;
  std::vector<rocksdb::IngestExternalFileArg> files_;
};

}  // namespace

bool StoreImpl::takes_files(size_t expected_bytes) {
  size_t limit = store_options_.ingest_bytes;
  if (way_ == Way::files) limit /= 2;
  if (way_ == Way::batch) limit *= 2;
  way_ = expected_bytes >= limit ? Way::files : Way::batch;
  return way_ == Way::files;
}

void StoreImpl::wait_for_room() {
  const auto deadline = Clock::now() + std::chrono::milliseconds(max_room_wait_ms);
  while (waiting_runs() > kMaxWaitingRuns && !background_->get() && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Status StoreImpl::check_space(size_t expected_bytes) const {
  if (spare_disk_bytes == 0) return {};
  std::error_code failed;
  const auto space = std::filesystem::space(folder_, failed);
  if (failed)
    return Error{"cannot ask how much space is free in " + folder_ + ": " + failed.message()};
  const uint64_t wanted = 2 * uint64_t(expected_bytes) + spare_disk_bytes;
  if (space.available >= wanted) return {};
  const auto mib = [](uint64_t bytes) { return std::to_string((bytes >> 20) + 1) + " MiB"; };
  return Error{
      "too little space on device: the next checkpoint of the store in " + folder_ + " may need " +
      mib(wanted) + ", " + mib(space.available) +
      " are free; free some and run the same command again: it continues from checkpoint " +
      std::to_string(state()->checkpoint)};
}

// An ingest flushes what earlier batches left in memory; done before it, no reader waits for that.
Status StoreImpl::flush_for_ingest() {
  for (Family f : kAllFamilies) {
    if (property(f, "rocksdb.num-entries-active-mem-table") == 0) continue;
    if (auto s = db_->Flush(rocksdb::FlushOptions(), family(f)); !s.ok()) return error(s);
  }
  return {};
}

// The last key of a property has the longest prefix.
Result<StoredNames> StoreImpl::stored_names(rocksdb::Iterator& it, TenantId tenant,
                                            PropertyId property) const {
  std::string last;
  NameKey{tenant, property, kMaxPrefixBits, ~uint32_t(0)}.append_to(last);
  it.SeekForPrev(slice(last));
  if (!it.status().ok()) return error(it.status());
  const auto bits =
      it.Valid() ? prefix_bits_of(it.key().ToStringView(), tenant, property) : std::nullopt;
  if (!bits) return StoredNames{};
  const auto names = decode_names(it.value().ToStringView());
  if (!names) return error(rocksdb::Status::Corruption("a row of names"));
  return StoredNames{*bits, names->size()};
}

Result<CommitStats> StoreImpl::commit(CheckpointWrite&& write) {
  fault_point("commit.begin");
  CommittedState state = *this->state();
  CHECK(write.state.checkpoint > state.checkpoint);
  wait_for_room();
  if (auto trouble = background_->get()) return store_error(*trouble, folder_, state.checkpoint);

  QUIPU_TRY(check_space(std::max(write.expected_bytes, write.space_bytes)));

  state.checkpoint = write.state.checkpoint;
  state.time_s = write.state.time_s;
  state.tallies = write.state.tallies;
  state.dead_letter_bytes = write.state.dead_letter_bytes;
  const uint64_t commits = commits_ + 1;
  std::map<std::string, std::string> meta;  // sorted, a key once
  meta.emplace(kStateKey, encode_state(state, commits));
  for (auto& [key, row] : write.positions)
    meta[std::string(kPositionPrefix) + key] = std::move(row);

  std::string own_commit = encode_commits(1);
  if (planted(Planted::positions_before_cells)) {
    BatchOutput early(*this);
    std::unique_ptr<FamilyOutput> rows;
    for (Family f : kAllFamilies) {
      early.begin(f, rows);
      rows->merge(slice(kCommitsKey), own_commit);
    }
    for (const auto& [key, value] : meta) rows->put(key, value);
    if (auto s = early.write(); !s.ok()) return error(s);
    own_commit = encode_commits(0);
    fault_point("commit.positions_only");
  }

  CommitStats stats;
  stats.ingested = takes_files(write.expected_bytes);
  std::unique_ptr<Output> out;
  if (stats.ingested) {
    out = std::make_unique<FileOutput>(*this);
  } else {
    out = std::make_unique<BatchOutput>(*this);
  }
  std::array<std::unique_ptr<FamilyOutput>, kFamilies> rows;
  for (Family f : kAllFamilies) {
    std::unique_ptr<FamilyOutput>& of = rows[size_t(f)];
    rocksdb::Status s = out->begin(f, of);
    if (s.ok()) s = of->merge(slice(kCommitsKey), own_commit);
    if (!s.ok()) return error(s);
  }
  const auto start = Clock::now();
  ChangedCells::Commit changed;
  const auto cells = [&]() -> Status {
    CpuLaps own;
    FamilyOutput& of = *rows[size_t(Family::cells)];
    const RowSink sink = [&](std::string_view key, std::string_view value) -> Status {
      changed.note(key);
      if (auto merged = of.merge(slice(key), slice(value)); !merged.ok()) return error(merged);
      stats.cell_rows += 1;
      stats.cell_bytes += key.size() + value.size();
      return {};
    };
    if (write.cells) QUIPU_TRY(write.cells(sink));
    if (auto s = of.end(); !s.ok()) return error(s);
    stats.cells_cpu_ns = own.lap_ns();
    fault_point("commit.cells_written");
    return {};
  };
  std::vector<uint64_t> profiles, new_profiles;
  const auto records = [&]() -> Status {
    CpuLaps own;
    FamilyOutput& of = *rows[size_t(Family::records)];
    std::string key, last;
    const RecordSink sink = [&](const RecordKey& record, std::string_view bytes,
                                RecordWrite how) -> Status {
      key.clear();
      record.append_to(key);
      CHECK(key > last);
      last = key;
      if (is_forever_root(record) && !planted(Planted::profile_not_in_filter)) {
        profiles.push_back(profile_hash(record));
        if (how == RecordWrite::first) new_profiles.push_back(profiles.back());
      }
      const auto added = how == RecordWrite::append ? of.merge(slice(key), slice(bytes))
                                                    : of.put(slice(key), slice(bytes));
      if (!added.ok()) return error(added);
      stats.record_rows += 1;
      stats.record_bytes += key.size() + bytes.size();
      return {};
    };
    if (write.records) QUIPU_TRY(write.records(*codes_, sink));
    if (filter_) filter_->insert(profiles);
    if (auto s = of.end(); !s.ok()) return error(s);
    stats.records_cpu_ns = own.lap_ns();
    return {};
  };
  const auto names = [&]() -> Status {
    CpuLaps own;
    FamilyOutput& of = *rows[size_t(Family::names)];
    for (const NameBatch& batch : write.names) stats.names += batch.size();
    std::unique_ptr<rocksdb::Iterator> stored;
    const auto ask = [&](TenantId tenant, PropertyId property) {
      if (!stored) stored.reset(db_->NewIterator({}, family(Family::names)));
      return stored_names(*stored, tenant, property);
    };
    QUIPU_TRY(
        name_rows_.cut(write.names, ask, [&](std::string_view key, std::string_view row) -> Status {
          if (auto merged = of.merge(slice(key), slice(row)); !merged.ok()) return error(merged);
          stats.name_rows += 1;
          stats.name_bytes += key.size() + row.size();
          return {};
        }));
    if (auto s = of.end(); !s.ok()) return error(s);
    stats.names_cpu_ns = own.lap_ns();
    return {};
  };
  if (stats.ingested) {  // each family is a file of its own
    Status records_done, names_done;
    std::thread records_thread([&] {
      name_thread("commit records");
      records_done = records();
    });
    std::thread names_thread([&] {
      name_thread("commit names");
      names_done = names();
    });
    const Status cells_done = cells();
    records_thread.join();
    names_thread.join();
    QUIPU_TRY(cells_done);
    QUIPU_TRY(records_done);
    QUIPU_TRY(names_done);
    stats.caller_cpu_ns = stats.cells_cpu_ns;
  } else {
    QUIPU_TRY(cells());
    QUIPU_TRY(records());
    QUIPU_TRY(names());
    stats.caller_cpu_ns = stats.cells_cpu_ns + stats.records_cpu_ns + stats.names_cpu_ns;
  }
  if (write.catalogue) {
    auto entries = write.catalogue();
    if (!entries.ok()) return entries.error();
    for (MetaPut& entry : *entries) {
      CHECK(!entry.key.starts_with("store/") && !entry.key.starts_with(kPositionPrefix) &&
            !entry.key.starts_with(kCodesPrefix) && !entry.key.starts_with(kProfilesPrefix) &&
            entry.key.size() > 1);
      meta[std::move(entry.key)] = std::move(entry.value);
    }
  }
  if (!new_profiles.empty()) meta[profiles_key(commits)] = encode_hashes(new_profiles);
  for (uint32_t chunk : codes_->take_changed()) {
    if (!planted(Planted::codes_not_committed))
      meta[codes_key(chunk)] = encode_hashes(codes_->chunk(chunk));
  }
  FamilyOutput& of_meta = *rows[size_t(Family::meta)];
  rocksdb::Status s;
  for (const auto& [key, value] : meta) {
    if (s.ok()) s = of_meta.put(key, value);
  }
  if (s.ok()) s = of_meta.end();
  if (!s.ok()) return error(s);
  if (stats.ingested) fault_point("commit.files_written");
  stats.build_s = seconds_since(start);

  const auto ingest_start = Clock::now();
  if (stats.ingested) QUIPU_TRY(flush_for_ingest());
  fault_point(stats.ingested ? "commit.ingest_begin" : "commit.batch_begin");
  const CommitMark::Value mark{state.checkpoint, commits};
  {
    std::lock_guard lock(write_mutex_);
    s = out->write();
    if (!s.ok()) return error(s);
    changed_cells_.add(state.checkpoint, changed.take());
    set_state(std::move(state));
    commits_ = commits;
  }
  fault_point(stats.ingested ? "commit.ingest_done" : "commit.batch_done");
  QUIPU_TRY(mark_->write(mark));
  stats.ingest_s = seconds_since(ingest_start);
  QUIPU_TRY(choose_merged_runs());
  return stats;
}

}  // namespace quipu
