#include "store/commit_writer.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "base/check.h"
#include "base/cpu_clock.h"
#include "base/fault.h"
#include "store/commit_output.h"
#include "store/names.h"
#include "store/state.h"

namespace quipu {
namespace {

using Clock = std::chrono::steady_clock;
using MetaRows = std::map<std::string, std::string>;  // sorted, a key once

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The last key of a property has the longest prefix.
Result<StoredNames> stored_names(const Database& database, rocksdb::Iterator& it, TenantId tenant,
                                 PropertyId property) {
  std::string last;
  NameKey{tenant, property, kMaxPrefixBits, ~uint32_t(0)}.append_to(last);
  it.SeekForPrev(rocksdb::Slice(last));
  if (!it.status().ok()) return database.error(it.status());
  const auto bits =
      it.Valid() ? prefix_bits_of(it.key().ToStringView(), tenant, property) : std::nullopt;
  if (!bits) return StoredNames{};
  const auto names = decode_names(it.value().ToStringView());
  if (!names) return database.error(rocksdb::Status::Corruption("a row of names"));
  return StoredNames{*bits, names->size()};
}

// One checkpoint in the making: each family's rows, by a method of its own, called once. With files
// write_cells(), write_records() and write_names() may run at the same time; write_meta() is last.
class CommitInMaking {
 public:
  CommitInMaking(Database& database, FilterFiller& filter, NameRows& name_rows,
                 CheckpointWrite& write, CommitOutput& out)
      : database_(database), filter_(filter), name_rows_(name_rows), write_(write), out_(out) {}

  Status begin(const std::string& own_commit);
  Status write_cells();
  Status write_records();
  Status write_names();
  Status write_meta(MetaRows meta, uint64_t commits);
  const CommitStats& stats() const { return stats_; }
  std::vector<CellPlace> take_changed() { return changed_.take(); }

 private:
  FamilyOutput& rows(Family family) { return *rows_[size_t(family)]; }

  Database& database_;
  FilterFiller& filter_;
  NameRows& name_rows_;
  CheckpointWrite& write_;
  CommitOutput& out_;
  std::array<std::unique_ptr<FamilyOutput>, kFamilies> rows_;
  std::vector<uint64_t> profiles_, new_profiles_;
  ChangedCells::Commit changed_;
  CommitStats stats_;
};

Status CommitInMaking::begin(const std::string& own_commit) {
  for (Family f : kAllFamilies) {
    QUIPU_ASSIGN(rows_[size_t(f)], out_.begin(f));
    QUIPU_TRY(rows(f).merge(kCommitsKey, own_commit));
  }
  return {};
}

Status CommitInMaking::write_cells() {
  CpuLaps own;
  FamilyOutput& of = rows(Family::cells);
  const RowSink sink = [&](std::string_view key, std::string_view value) -> Status {
    changed_.note(key);
    QUIPU_TRY(of.merge(key, value));
    stats_.cell_rows += 1;
    stats_.cell_bytes += key.size() + value.size();
    return {};
  };
  if (write_.cells) QUIPU_TRY(write_.cells(sink));
  QUIPU_TRY(of.end());
  stats_.cells_cpu_ns = own.lap_ns();
  fault_point("commit.cells_written");
  return {};
}

Status CommitInMaking::write_records() {
  CpuLaps own;
  FamilyOutput& of = rows(Family::records);
  std::string key, last;
  const RecordSink sink = [&](const RecordKey& record, std::string_view bytes,
                              RecordWrite how) -> Status {
    key.clear();
    record.append_to(key);
    CHECK(key > last);
    last = key;
    if (is_forever_root(record) && !planted(Planted::profile_not_in_filter)) {
      profiles_.push_back(profile_hash(record));
      if (how == RecordWrite::first) new_profiles_.push_back(profiles_.back());
    }
    QUIPU_TRY(how == RecordWrite::append ? of.merge(key, bytes) : of.put(key, bytes));
    stats_.record_rows += 1;
    stats_.record_bytes += key.size() + bytes.size();
    return {};
  };
  if (write_.records) QUIPU_TRY(write_.records(database_.element_codes(), sink));
  filter_.insert(profiles_);
  QUIPU_TRY(of.end());
  stats_.records_cpu_ns = own.lap_ns();
  return {};
}

Status CommitInMaking::write_names() {
  CpuLaps own;
  FamilyOutput& of = rows(Family::names);
  for (const NameBatch& batch : write_.names) stats_.names += batch.size();
  std::unique_ptr<rocksdb::Iterator> stored;
  const auto ask = [&](TenantId tenant, PropertyId property) {
    if (!stored) stored.reset(database_.db()->NewIterator({}, database_.family(Family::names)));
    return stored_names(database_, *stored, tenant, property);
  };
  std::string last;
  const auto sink = [&](std::string_view key, std::string_view row) -> Status {
    CHECK(key > last && key.size() > kCommitsKey.size());
    last.assign(key);
    QUIPU_TRY(of.merge(key, row));
    stats_.name_rows += 1;
    stats_.name_bytes += key.size() + row.size();
    return {};
  };
  QUIPU_TRY(name_rows_.cut(write_.names, ask, sink));
  QUIPU_TRY(of.end());
  stats_.names_cpu_ns = own.lap_ns();
  return {};
}

// meta: the store's own rows; what the catalogue and the other families brought comes to them.
Status CommitInMaking::write_meta(MetaRows meta, uint64_t commits) {
  if (write_.catalogue) {
    QUIPU_ASSIGN(auto entries, write_.catalogue());
    for (MetaPut& entry : entries) {
      CHECK(!entry.key.starts_with("store/") && !entry.key.starts_with(kPositionPrefix) &&
            !entry.key.starts_with(kCodesPrefix) && !entry.key.starts_with(kProfilesPrefix) &&
            entry.key.size() > 1);
      meta[std::move(entry.key)] = std::move(entry.value);
    }
  }
  if (!new_profiles_.empty()) meta[profiles_key(commits)] = encode_hashes(new_profiles_);
  ElementCodes& codes = database_.element_codes();
  for (uint32_t chunk : codes.take_changed()) {
    if (!planted(Planted::codes_not_committed))
      meta[codes_key(chunk)] = encode_hashes(codes.chunk(chunk));
  }
  FamilyOutput& of = rows(Family::meta);
  for (const auto& [key, value] : meta) QUIPU_TRY(of.put(key, value));
  return of.end();
}

// At the same time: each family is a file of its own.
Status write_side_by_side(CommitInMaking& making) {
  Status records, names;
  std::thread records_thread([&] {
    name_thread("commit records");
    records = making.write_records();
  });
  std::thread names_thread([&] {
    name_thread("commit names");
    names = making.write_names();
  });
  const Status cells = making.write_cells();
  records_thread.join();
  names_thread.join();
  QUIPU_TRY(cells);
  QUIPU_TRY(records);
  return names;
}

Status write_one_by_one(CommitInMaking& making) {
  QUIPU_TRY(making.write_cells());
  QUIPU_TRY(making.write_records());
  return making.write_names();
}

CommittedState state_after(CommittedState state, const CheckpointWrite& write) {
  state.checkpoint = write.state.checkpoint;
  state.time_s = write.state.time_s;
  state.tallies = write.state.tallies;
  state.dead_letter_bytes = write.state.dead_letter_bytes;
  return state;
}

// A planted fault: positions become durable before the cells that belong to them.
Status write_early(const Database& database, const MetaRows& meta) {
  const auto early = make_batch_output(database);
  std::unique_ptr<FamilyOutput> rows;
  for (Family f : kAllFamilies) {
    QUIPU_ASSIGN(rows, early->begin(f));
    QUIPU_TRY(rows->merge(kCommitsKey, encode_commits(1)));
  }
  for (const auto& [key, value] : meta) QUIPU_TRY(rows->put(key, value));
  QUIPU_TRY(early->write());
  fault_point("commit.positions_only");
  return {};
}

}  // namespace

bool CommitWriter::takes_files(size_t expected_bytes) {
  size_t limit = ingest_bytes_;
  if (way_ == Way::files) limit /= 2;
  if (way_ == Way::batch) limit *= 2;
  way_ = expected_bytes >= limit ? Way::files : Way::batch;
  return way_ == Way::files;
}

Status CommitWriter::check_space(size_t expected_bytes) const {
  if (spare_disk_bytes == 0) return {};
  std::error_code failed;
  const auto space = std::filesystem::space(database_.folder(), failed);
  if (failed)
    return Error{"cannot ask how much space is free in " + database_.folder() + ": " +
                 failed.message()};
  const uint64_t wanted = 2 * uint64_t(expected_bytes) + spare_disk_bytes;
  if (space.available >= wanted) return {};
  const auto mib = [](uint64_t bytes) { return std::to_string((bytes >> 20) + 1) + " MiB"; };
  return Error{
      "too little space on device: the next checkpoint of the store in " + database_.folder() +
      " may need " + mib(wanted) + ", " + mib(space.available) +
      " are free; free some and run the same command again: it continues from checkpoint " +
      std::to_string(database_.state()->checkpoint)};
}

// An ingest flushes what earlier batches left in memory; done before it, no reader waits for that.
Status CommitWriter::flush_for_ingest() const {
  for (Family f : kAllFamilies) {
    if (database_.property(f, "rocksdb.num-entries-active-mem-table") == 0) continue;
    if (auto s = database_.db()->Flush(rocksdb::FlushOptions(), database_.family(f)); !s.ok())
      return database_.error(s);
  }
  return {};
}

Result<CommitStats> CommitWriter::commit(CheckpointWrite&& write) {
  QUIPU_TRY(check_space(std::max(write.expected_bytes, write.space_bytes)));
  const CommittedState state = state_after(*database_.state(), write);
  const uint64_t commits = database_.commits() + 1;
  MetaRows meta;
  meta.emplace(kStateKey, encode_state(state, commits));
  for (auto& [key, row] : write.positions)
    meta[std::string(kPositionPrefix) + key] = std::move(row);
  const bool early = planted(Planted::positions_before_cells);
  if (early) QUIPU_TRY(write_early(database_, meta));

  const bool files = takes_files(write.expected_bytes);
  const auto out = files ? make_file_output(database_) : make_batch_output(database_);
  CommitInMaking making(database_, filter_, name_rows_, write, *out);
  QUIPU_TRY(making.begin(encode_commits(early ? 0 : 1)));
  const auto build_start = Clock::now();
  QUIPU_TRY(files ? write_side_by_side(making) : write_one_by_one(making));
  QUIPU_TRY(making.write_meta(std::move(meta), commits));
  if (files) fault_point("commit.files_written");

  CommitStats stats = making.stats();
  stats.ingested = files;
  stats.caller_cpu_ns = stats.cells_cpu_ns;
  if (!files) stats.caller_cpu_ns += stats.records_cpu_ns + stats.names_cpu_ns;
  stats.build_s = seconds_since(build_start);

  const auto ingest_start = Clock::now();
  if (files) QUIPU_TRY(flush_for_ingest());
  fault_point(files ? "commit.ingest_begin" : "commit.batch_begin");
  QUIPU_TRY(database_.change(state, [&]() -> Status {
    QUIPU_TRY(out->write());
    changed_.add(state.checkpoint, making.take_changed());
    return {};
  }));
  CHECK_EQ(database_.commits(), commits);
  fault_point(files ? "commit.ingest_done" : "commit.batch_done");
  QUIPU_TRY(database_.acknowledge());
  stats.ingest_s = seconds_since(ingest_start);
  return stats;
}

}  // namespace quipu
