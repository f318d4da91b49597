// One checkpoint into the database, by one of two ways that give the same contents:
//   batch  one synced write batch over all families;
//   files  a sorted file a family, ingested together.
// Either is atomic for recovery. Order in both: cells, records, names, meta (the catalogue asks for what
// the group-by found). After it the file `committed` is synced, and only then the caller may say so.
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
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Where the rows of a commit go: families in order, keys rising within each.
class Output {
 public:
  virtual ~Output() = default;
  virtual rocksdb::Status begin(Family family) = 0;
  virtual rocksdb::Status merge(Slice key, Slice value) = 0;
  virtual rocksdb::Status put(Slice key, Slice value) = 0;
  virtual rocksdb::Status end() = 0;       // of this family
  virtual rocksdb::Status write() = 0;     // all of it, atomically and durably
};

class BatchOutput final : public Output {
 public:
  explicit BatchOutput(const StoreImpl& store) : store_(store) {}
  rocksdb::Status begin(Family family) override {
    handle_ = store_.family(family);
    return {};
  }
  rocksdb::Status merge(Slice key, Slice value) override { return batch_.Merge(handle_, key, value); }
  rocksdb::Status put(Slice key, Slice value) override { return batch_.Put(handle_, key, value); }
  rocksdb::Status end() override { return {}; }
  rocksdb::Status write() override {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return store_.db()->Write(synced, &batch_);
  }

 private:
  const StoreImpl& store_;
  rocksdb::WriteBatch batch_;
  rocksdb::ColumnFamilyHandle* handle_ = nullptr;
};

class FileOutput final : public Output {
 public:
  explicit FileOutput(const StoreImpl& store) : store_(store) {}
  ~FileOutput() override {
    for (const auto& arg : files_) ::unlink(arg.external_files[0].c_str());  // moved away if all went well
  }
  rocksdb::Status begin(Family family) override {
    const rocksdb::Options& options = store_.options(family);
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options), options, store_.family(family),
                                                       /*invalidate_page_cache=*/false);
    rocksdb::IngestExternalFileArg arg;
    arg.column_family = store_.family(family);
    arg.external_files = {store_.path("ingest/") + family_name(family) + ".sst"};
    arg.options.move_files = true;
    arg.options.snapshot_consistency = true;
    arg.options.allow_global_seqno = true;
    arg.options.allow_blocking_flush = true;
    arg.options.write_global_seqno = false;
    files_.push_back(arg);
    return writer_->Open(arg.external_files[0]);
  }
  rocksdb::Status merge(Slice key, Slice value) override { return writer_->Merge(key, value); }
  rocksdb::Status put(Slice key, Slice value) override { return writer_->Put(key, value); }
  rocksdb::Status end() override { return writer_->Finish(); }  // syncs the file
  rocksdb::Status write() override { return store_.db()->IngestExternalFiles(files_); }

 private:
  const StoreImpl& store_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<rocksdb::IngestExternalFileArg> files_;
};

// A name on its way through the sort.
struct NamePlace {
  uint64_t tenant_and_property;
  uint64_t element;
  std::string_view text;
  bool same_key(const NamePlace& other) const {
    return tenant_and_property == other.tenant_and_property && element == other.element;
  }
  bool operator<(const NamePlace& other) const {
    return std::tie(tenant_and_property, element, text) <
           std::tie(other.tenant_and_property, other.element, other.text);
  }
};

rocksdb::Status add_names(const std::vector<NameBatch>& batches, Output& out, CommitStats& stats) {
  std::vector<NamePlace> names;
  size_t count = 0;
  for (const NameBatch& batch : batches) count += batch.size();
  names.reserve(count);
  for (const NameBatch& batch : batches) {
    for (const NameEntry& name : batch) {
      names.push_back({uint64_t(raw(name.tenant)) << 32 | raw(name.property), name.element, name.text});
    }
  }
  std::sort(names.begin(), names.end());
  std::string key;
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < names.size();) {
    const NamePlace& first = names[i];
    texts.clear();
    for (; i < names.size() && names[i].same_key(first); ++i) {
      if (texts.empty() || texts.back() != names[i].text) texts.push_back(names[i].text);
    }
    key.clear();
    append_name_key(TenantId(uint32_t(first.tenant_and_property >> 32)), PropertyId(uint32_t(first.tenant_and_property)),
                    first.element, key);
    const std::string value = encode_names(texts);
    if (auto s = out.merge(key, value); !s.ok()) return s;
    stats.name_rows += 1;
    stats.name_bytes += key.size() + value.size();
  }
  return {};
}

}  // namespace

bool StoreImpl::takes_files(size_t expected_bytes) {
  size_t limit = store_options_.ingest_bytes;
  if (way_ == Way::files) limit /= 2;
  if (way_ == Way::batch) limit *= 2;
  way_ = expected_bytes >= limit ? Way::files : Way::batch;
  return way_ == Way::files;
}

void StoreImpl::wait_for_room() const {
  const auto deadline = Clock::now() + std::chrono::milliseconds(max_room_wait_ms);
  while (waiting_runs() > kMaxWaitingRuns && !background_->get() && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Status StoreImpl::check_space(size_t expected_bytes) const {
  if (spare_disk_bytes == 0) return {};
  std::error_code failed;
  const auto space = std::filesystem::space(directory_, failed);
  if (failed) return Error{"cannot ask how much space is free in " + directory_ + ": " + failed.message()};
  const uint64_t wanted = 2 * uint64_t(expected_bytes) + spare_disk_bytes;
  if (space.available >= wanted) return {};
  const auto mib = [](uint64_t bytes) { return std::to_string((bytes >> 20) + 1) + " MiB"; };
  return Error{"too little space on device: the next checkpoint of the store in " + directory_ + " may need " + mib(wanted) + ", " +
               mib(space.available) + " are free; free some and run the same command again: it continues from checkpoint " +
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

Result<CommitStats> StoreImpl::commit(CheckpointWrite&& write) {
  fault_point("commit.begin");
  CommittedState state = *this->state();
  CHECK(write.state.checkpoint > state.checkpoint);
  wait_for_room();
  if (auto trouble = background_->get()) return store_error(*trouble, directory_, state.checkpoint);

  QUIPU_TRY(check_space(write.expected_bytes));

  state.checkpoint = write.state.checkpoint;
  state.time_s = write.state.time_s;
  state.tallies = write.state.tallies;
  state.dead_letter_bytes = write.state.dead_letter_bytes;
  const uint64_t commits = commits_ + 1;
  std::map<std::string, std::string> meta;  // sorted, a key once
  meta.emplace(kStateKey, encode_state(state, commits));
  for (auto& [source, position] : write.state.positions) {
    meta[std::string(kPositionPrefix) + source] = position;
    state.positions[source] = std::move(position);
  }

  std::string own_commit = encode_commits(1);
  if (planted(Planted::positions_before_cells)) {
    BatchOutput early(*this);
    for (Family f : kAllFamilies) {
      early.begin(f);
      early.merge(slice(kCommitsKey), own_commit);
    }
    for (const auto& [key, value] : meta) early.put(key, value);
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
  auto begin = [&](Family family) {
    auto s = out->begin(family);
    return s.ok() ? out->merge(slice(kCommitsKey), own_commit) : s;
  };
  const auto start = Clock::now();
  CpuLaps laps;
  rocksdb::Status s = begin(Family::cells);
  if (!s.ok()) return error(s);
  if (write.cells) {
    std::string last;
    auto sink = [&](std::string_view key, std::string_view value) -> Status {
      CHECK(key > last && key.size() > kCommitsKey.size());
      last.assign(key);
      if (auto merged = out->merge(slice(key), slice(value)); !merged.ok()) return error(merged);
      stats.cell_rows += 1;
      stats.cell_bytes += key.size() + value.size();
      return {};
    };
    QUIPU_TRY(write.cells(sink));
  }
  s = out->end();
  if (!s.ok()) return error(s);
  stats.cells_cpu_ns = laps.lap_ns();
  fault_point("commit.cells_written");

  s = begin(Family::records);
  if (!s.ok()) return error(s);
  if (write.records) {
    std::string key, last;
    QUIPU_TRY(write.records([&](const RecordKey& record, std::string_view bytes) -> Status {
      key.clear();
      record.append_to(key);
      CHECK(key > last);
      last = key;
      if (auto merged = out->merge(slice(key), slice(bytes)); !merged.ok()) return error(merged);
      stats.record_rows += 1;
      stats.record_bytes += key.size() + bytes.size();
      return {};
    }));
  }
  s = out->end();
  stats.records_cpu_ns = laps.lap_ns();
  if (s.ok()) s = begin(Family::names);
  if (s.ok()) s = add_names(write.names, *out, stats);
  if (s.ok()) s = out->end();
  stats.names_cpu_ns = laps.lap_ns();
  if (s.ok()) s = begin(Family::meta);
  if (!s.ok()) return error(s);
  if (write.catalogue) {
    auto entries = write.catalogue();
    if (!entries.ok()) return entries.error();
    for (MetaPut& entry : *entries) {
      CHECK(!entry.key.starts_with("store/") && !entry.key.starts_with(kPositionPrefix) && entry.key.size() > 1);
      meta[std::move(entry.key)] = std::move(entry.value);
    }
  }
  for (const auto& [key, value] : meta) {
    if (s.ok()) s = out->put(key, value);
  }
  if (s.ok()) s = out->end();
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
    set_state(std::move(state));
    commits_ = commits;
  }
  fault_point(stats.ingested ? "commit.ingest_done" : "commit.batch_done");
  QUIPU_TRY(mark_->write(mark));
  stats.ingest_s = seconds_since(ingest_start);
  return stats;
}

}  // namespace quipu
