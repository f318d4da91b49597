#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/store_impl.h"
#include "store/store_model.h"

namespace quipu {
namespace {

using testing::HasSubstr;

std::unique_ptr<Store> open_store(const std::string& folder,
                                  StoreOptions options = test_options()) {
  auto store = Store::open(folder, options);
  EXPECT_TRUE(store.ok()) << store.error().message;
  return store.ok() ? std::move(*store) : nullptr;
}
// The same, to look inside.
std::unique_ptr<StoreImpl> open_inner(const std::string& folder) {
  auto store = StoreImpl::open(folder, test_options());
  EXPECT_TRUE(store.ok()) << store.error().message;
  return std::move(*store);
}

std::string open_error(const std::string& folder, StoreOptions options = test_options(false)) {
  auto store = Store::open(folder, options);
  return store.ok() ? "" : store.error().message;
}

CheckpointWrite empty_write(uint64_t checkpoint, size_t expected_bytes) {
  CheckpointWrite write;
  write.state.checkpoint = checkpoint;
  write.expected_bytes = expected_bytes;
  return write;
}

TEST(Store, HoldsTheSameAfterBatchesFilesAndAMixOfBoth) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (TestWay way : {TestWay::batch, TestWay::files, TestWay::mixed}) {
    TestFolder folder;
    StoreModel model;
    auto store = open_store(folder / "data");
    for (int i = 0; i < 12; ++i) {
      auto stats = store->commit(model.next(seed, way));
      ASSERT_TRUE(stats.ok()) << stats.error().message;
      EXPECT_EQ(stats->ingested, test_bytes(way, model.checkpoint) > 1);
      EXPECT_GT(stats->cell_rows, 0u);
      ASSERT_EQ(model.difference(*store), "");
    }
    ASSERT_TRUE(store->settle().ok());
    EXPECT_EQ(model.difference(*store), "") << "after compaction";
    store.reset();
    store = open_store(folder / "data", test_options(false));
    EXPECT_EQ(model.difference(*store), "") << "after reopening";
    ASSERT_TRUE(store->commit(model.next(seed, way)).ok());
    EXPECT_EQ(model.difference(*store), "");
  }
}

TEST(Store, LoadGivesEachRecordItsBytesInOrderAndAbsentOnesNothing) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  RecordKey one{5, TenantId(2), {1, 2}, 0, 0}, two{kForever, TenantId(2), {1, 2}, 1, 9},
      absent{6, TenantId(2), {1, 2}, 0, 0};
  for (uint64_t checkpoint : {1, 2, 3}) {
    CheckpointWrite write = empty_write(checkpoint, checkpoint == 2 ? 1'000'000 : 1);
    const std::string number = std::to_string(checkpoint);
    write.records = [&](ElementCodes&, const RecordSink& sink) -> Status {
      QUIPU_TRY(sink(one, number, checkpoint == 1 ? RecordWrite::first : RecordWrite::append));
      return sink(two, "x", RecordWrite::append);
    };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  }
  std::vector<std::string> values;
  const std::vector<RecordKey> keys{two, absent, one};
  ASSERT_TRUE(store->load(keys, values).ok());
  EXPECT_EQ(values, (std::vector<std::string>{"xxx", "", "123"}));
}

TEST(Store, KeepsAllNamesOfAnElement) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  for (uint64_t checkpoint : {1, 2}) {
    CheckpointWrite write = empty_write(checkpoint, checkpoint == 1 ? 1 : 1'000'000);
    NameBatch& names = write.names.emplace_back();
    names.add({TenantId(1), PropertyId(1), 77, checkpoint == 1 ? "red" : "blue"});
    names.add({TenantId(1), PropertyId(1), 78, "green"});
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  }
  auto snapshot = store->snapshot();
  EXPECT_EQ(*snapshot->names(TenantId(1), PropertyId(1), 77),
            (std::vector<std::string>{"blue", "red"}));
  EXPECT_EQ(*snapshot->names(TenantId(1), PropertyId(1), 78), (std::vector<std::string>{"green"}));
  EXPECT_TRUE(snapshot->names(TenantId(2), PropertyId(1), 78)->empty());
}

TEST(Store, ChangesItsWayOnlyAtHalfOrTwiceTheLimit) {
  TestFolder folder, other;
  auto store = open_store(folder / "data");  // the limit is 1,000
  const std::vector<std::pair<size_t, bool>> steps{{999, false}, {1000, false}, {1999, false},
                                                   {2000, true}, {1000, true},  {500, true},
                                                   {499, false}, {1500, false}, {2500, true}};
  uint64_t checkpoint = 0;
  for (auto [bytes, ingested] : steps) {
    auto stats = store->commit(empty_write(++checkpoint, bytes));
    ASSERT_TRUE(stats.ok());
    EXPECT_EQ(stats->ingested, ingested) << bytes;
  }
  store = open_store(other / "data");
  EXPECT_TRUE(store->commit(empty_write(1, 1000))->ingested)
      << "the first commit goes by the limit itself";
}

TEST(Store, ReadsCellsInOrderWithinBoundsAndUntilTold) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  std::vector<std::string> keys;
  for (uint32_t chunk : {1, 3, 5}) keys.push_back(test_cell_key(9, chunk));
  CheckpointWrite write = empty_write(1, 1'000'000);
  write.cells = [&](const RowSink& sink) -> Status {
    for (const std::string& key : keys) QUIPU_TRY(sink(key, test_cell_row(1, 2)));
    return {};
  };
  ASSERT_TRUE(store->commit(std::move(write)).ok());
  auto snapshot = store->snapshot();
  auto scan = [&](std::string_view begin, std::string_view end, size_t most = 100) {
    std::vector<std::string> found;
    EXPECT_TRUE(snapshot
                    ->scan_cells(begin, end,
                                 [&](std::string_view key, std::string_view) {
                                   found.emplace_back(key);
                                   EXPECT_EQ(*snapshot->seek_cell_key(key), key)
                                       << "reading within a scan";
                                   return found.size() < most;
                                 })
                    .ok());
    return found;
  };
  EXPECT_EQ(scan("", ""), keys);
  EXPECT_EQ(scan(keys[0], keys[2]), (std::vector<std::string>{keys[0], keys[1]}));
  EXPECT_EQ(scan(test_cell_key(9, 2), ""), (std::vector<std::string>{keys[1], keys[2]}));
  EXPECT_EQ(scan("", "", 1), (std::vector<std::string>{keys[0]}));
  EXPECT_TRUE(scan(test_cell_key(9, 6), "").empty());
  EXPECT_EQ(*snapshot->seek_cell_key(""), keys[0]);
  EXPECT_EQ(*snapshot->seek_cell_key(test_cell_key(9, 4)), keys[2]);
  EXPECT_EQ(*snapshot->seek_cell_key(test_cell_key(9, 6)), "");
  std::vector<std::string> values;
  ASSERT_TRUE(snapshot->get_cells({keys[1], test_cell_key(9, 2)}, values).ok());
  EXPECT_EQ(values, (std::vector<std::string>{test_cell_row(1, 2), ""}));
  // As the last commit left them, without a snapshot.
  const std::vector<std::string> asked{keys[1], test_cell_key(9, 2)};
  values.assign(2, "what was there");
  ASSERT_TRUE(store->get_cells(asked, values).ok());
  EXPECT_EQ(values, (std::vector<std::string>{test_cell_row(1, 2), ""}));
}

TEST(Store, ASnapshotIsOfOneCheckpointWhateverIsCommittedMeanwhile) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  constexpr uint64_t kCommits = 60;
  const std::string cell = test_cell_key(1, 1);
  const RecordKey record{1, TenantId(1), {1, 1}, 0, 0};
  std::atomic<bool> done = false;
  std::atomic<uint64_t> looks = 0;
  auto read = [&] {
    while (!done) {
      auto snapshot = store->snapshot();
      const uint64_t n = snapshot->state().checkpoint;
      if (n == 0) continue;
      ASSERT_EQ(*snapshot->get_meta("position/source"), std::to_string(n));
      std::vector<std::string> values;
      ASSERT_TRUE(snapshot->get_cells({cell}, values).ok());
      uint64_t count = 0;
      ASSERT_TRUE(
          read_cell_row(values[0], [&](const CellEntry& e) { count = e.slots[0].count; }).ok());
      ASSERT_EQ(count, n);
      ASSERT_EQ(snapshot->names(TenantId(1), PropertyId(1), 5)->size(), n);
      ASSERT_EQ(*snapshot->get_meta("tenant/1"), std::to_string(n));
      ++looks;
    }
  };
  std::thread reader(read), other_reader(read);
  for (uint64_t n = 1; n <= kCommits; ++n) {
    CheckpointWrite write = empty_write(n, test_bytes(TestWay::mixed, n));
    write.positions["source"] = std::to_string(n);
    write.cells = [&](const RowSink& sink) { return sink(cell, test_cell_row(1, 1)); };
    write.records = [&](ElementCodes&, const RecordSink& sink) {
      return sink(record, "x", RecordWrite::append);
    };
    write.names.emplace_back().add({TenantId(1), PropertyId(1), 5, std::to_string(n)});
    write.catalogue = [n] { return std::vector<MetaPut>{{"tenant/1", std::to_string(n)}}; };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  }
  done = true;
  reader.join();
  other_reader.join();
  EXPECT_GT(looks, 0u);
  std::vector<std::string> values;
  ASSERT_TRUE(store->load(std::vector{record}, values).ok());
  EXPECT_EQ(values[0].size(), kCommits);
}

TEST(Store, AnOldSnapshotKeepsItsView) {
  TestFolder folder;
  StoreModel model;
  auto store = open_store(folder / "data");
  ASSERT_TRUE(store->commit(model.next(1, TestWay::files)).ok());
  auto old = store->snapshot();
  const auto first = model;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(store->commit(model.next(1, TestWay::mixed)).ok());
  ASSERT_TRUE(store->settle().ok());
  EXPECT_EQ(old->state().checkpoint, 1u);
  std::map<std::string, std::map<uint64_t, uint64_t>> cells;
  ASSERT_TRUE(old->scan_cells("", "",
                              [&](std::string_view key, std::string_view value) {
                                EXPECT_TRUE(read_cell_row(value, [&](const CellEntry& e) {
                                              cells[std::string(key)][e.elements[0]] +=
                                                  e.slots[0].count;
                                            }).ok());
                                return true;
                              })
                  .ok());
  EXPECT_EQ(cells, first.cells);
  EXPECT_EQ(model.difference(*store), "");
}

TEST(Store, AnErrorOfTheGroupByIsTheCommitsErrorAndLeavesNothing) {
  TestFolder folder;
  StoreModel model;
  auto store = open_store(folder / "data");
  ASSERT_TRUE(store->commit(model.next(3, TestWay::files)).ok());
  for (size_t bytes : {1, 1'000'000}) {
    CheckpointWrite write = empty_write(2, bytes);
    write.cells = [&](const RowSink& sink) -> Status {
      QUIPU_TRY(sink(test_cell_key(1, 1), test_cell_row(1, 1)));
      return Error{"the pane is broken"};
    };
    auto stats = store->commit(std::move(write));
    ASSERT_FALSE(stats.ok());
    EXPECT_EQ(stats.error().message, "the pane is broken");
  }
  store.reset();
  store = open_store(folder / "data");
  EXPECT_EQ(model.difference(*store), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "data/ingest"));
}

TEST(Store, ARowThatCannotBeMergedIsAnErrorToItsReaders) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  const std::string key = test_cell_key(1, 1);
  for (uint64_t n : {1, 2}) {
    CheckpointWrite write = empty_write(n, 1);
    write.cells = [&](const RowSink& sink) {
      return sink(key, n == 1 ? test_cell_row(1, 1) : "\xff no row");
    };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  }
  auto snapshot = store->snapshot();
  std::vector<std::string> values;
  Status got = snapshot->get_cells({key}, values);
  ASSERT_FALSE(got.ok());
  EXPECT_THAT(got.error().message, HasSubstr("damaged"));
  EXPECT_FALSE(
      snapshot->scan_cells("", "", [](std::string_view, std::string_view) { return true; }).ok());
}

TEST(Store, KeepsSecretAndElementBitsForLife) {
  TestFolder folder, other;
  StoreOptions options = test_options();
  options.secret = {};
  options.element_bits = 16;
  auto store = open_store(folder / "data", options);
  const uint64_t element = store->hasher().element("a text");
  const Hash128 profile = store->hasher().hash128("somebody");
  EXPECT_LT(element, 1u << 16);
  store.reset();
  store = open_store(folder / "data", test_options());
  EXPECT_EQ(store->hasher().element("a text"), element);
  EXPECT_EQ(store->hasher().hash128("somebody"), profile);
  options.element_bits = 64;
  EXPECT_NE(open_store(other / "data", options)->hasher().hash128("somebody"), profile)
      << "drawn anew for each store";
}

TEST(Store, MakesAFolderThatOnlyItsOwnerEnters) {
  TestFolder folder;
  open_store(folder / "data");
  struct stat info {};
  ASSERT_EQ(::stat((folder / "data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(Store, SaysWhatToDoWhereThereIsNoStore) {
  TestFolder folder;
  EXPECT_THAT(open_error(folder / "none"),
              HasSubstr("no store in " + (folder / "none") + "; count something into it first"));
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
  EXPECT_THAT(open_error(folder.path()), HasSubstr("no store in"));
  std::ofstream(folder / "file") << "text";
  EXPECT_THAT(open_error(folder / "file", test_options()), HasSubstr("is a file"));
  EXPECT_NE(open_error(folder / "none/deeper", test_options()), "");
}

TEST(Store, IsOpenedOnce) {
  TestFolder folder;
  auto store = open_store(folder / "data");
  EXPECT_THAT(open_error(folder / "data"), HasSubstr("is in use"));
  store.reset();
  EXPECT_EQ(open_error(folder / "data"), "");
}

TEST(Store, DeletesStrayIngestFilesAtOpen) {
  TestFolder folder;
  open_store(folder / "data");
  std::ofstream(folder / "data/ingest/cells.sst") << "half a file";
  auto store = open_store(folder / "data");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "data/ingest"));
  EXPECT_TRUE(store->commit(empty_write(1, 1'000'000)).ok());
}

TEST(Store, ABackupIsAStoreOfItsOwn) {
  TestFolder folder;
  StoreModel model;
  auto store = open_store(folder / "data");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->commit(model.next(2, TestWay::mixed)).ok());
  ASSERT_TRUE(store->backup(folder / "backup").ok());
  const StoreModel then = model;
  ASSERT_TRUE(store->commit(model.next(2, TestWay::files)).ok());
  EXPECT_THAT(store->backup(folder / "backup").error().message, HasSubstr("exists already"));

  auto copy = open_store(folder / "backup", test_options(false));
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(then.difference(*copy), "");
  StoreModel another = then;
  ASSERT_TRUE(copy->commit(another.next(99, TestWay::batch)).ok());
  EXPECT_EQ(another.difference(*copy), "");
  EXPECT_EQ(model.difference(*store), "");
  EXPECT_FALSE(store->backup(folder / "no/such/folder").ok());
}

TEST(Store, RunsOfLikeSizeAreMergedAndOthersOnceTheyAreMany) {
  TestFolder folder;
  auto store = open_inner(folder / "data");
  Database& inner = store->database();
  auto commit = [&, n = uint64_t(0)](uint32_t rows) mutable {
    CheckpointWrite write = empty_write(++n, 1'000'000);
    write.cells = [rows](const RowSink& sink) -> Status {
      for (uint32_t r = 1; r <= rows; ++r)
        QUIPU_TRY(sink(test_cell_key(r, 1), test_cell_row(1, r)));
      return {};
    };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  };
  const auto runs = [&] { return inner.property(Family::cells, "rocksdb.num-files-at-level0"); };
  const auto alike = [&] {
    return inner.db()
               ->GetOptions(inner.family(Family::cells))
               .compaction_options_universal.stop_style == rocksdb::kCompactionStopStyleSimilarSize;
  };
  constexpr uint64_t usual = kRunsBeforeCompaction;
  for (uint64_t i = 0; i < usual; ++i) commit(5000);
  ASSERT_TRUE(store->settle().ok());
  EXPECT_LT(runs(), usual - kLeastMergedRuns) << "runs of one size";

  while (runs() < usual + kStuckRuns) commit(runs() % 2 ? 5000 : 50);
  ASSERT_TRUE(store->settle().ok());
  EXPECT_EQ(runs(), usual + kStuckRuns) << "none is like its neighbours";
  EXPECT_TRUE(alike());
  commit(50);
  ASSERT_TRUE(store->settle().ok());
  EXPECT_FALSE(alike());
  EXPECT_LT(runs(), usual) << "they are merged all the same";
  commit(50);
  EXPECT_TRUE(alike());
}

TEST(Store, ACommitWaitsWhileCompactionIsFarBehindButNotForEver) {
  TestFolder folder;
  auto store = open_inner(folder / "data");
  Database& inner = store->database();
  auto commit_s = [&, n = uint64_t(0)]() mutable {
    const auto start = std::chrono::steady_clock::now();
    CheckpointWrite write = empty_write(++n, 1'000'000);
    write.cells = [](const RowSink& sink) {
      return sink(test_cell_key(1, 1), test_cell_row(1, 1));
    };
    EXPECT_TRUE(store->commit(std::move(write)).ok());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  auto waiting_runs = [&] { return store->waiting_runs(); };
  commit_s();
  ASSERT_TRUE(inner.db()->PauseBackgroundWork().ok());
  store->merges().max_room_wait_ms = 5;
  for (uint64_t i = 0; i < 100 && waiting_runs() <= kMaxWaitingRuns; ++i) commit_s();
  ASSERT_GT(waiting_runs(), kMaxWaitingRuns);

  store->merges().max_room_wait_ms = 50;
  EXPECT_GE(commit_s(), 0.05) << "the way out";
  store->merges().max_room_wait_ms = kMaxRoomWait_ms;
  std::thread compaction([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(inner.db()->ContinueBackgroundWork().ok());
  });
  const double waited_s = commit_s();
  compaction.join();
  EXPECT_GE(waited_s, 0.09);
  EXPECT_LT(waited_s, 30);
  EXPECT_LE(waiting_runs(), kMaxWaitingRuns + 1);
}

TEST(Store, RunsThatAreBeingMergedWaitNoLonger) {
  TestFolder folder;
  auto store = open_inner(folder / "data");
  Database& inner = store->database();
  rocksdb::ColumnFamilyHandle* const records = inner.family(Family::records);
  ASSERT_TRUE(inner.db()->SetOptions(records, {{"disable_auto_compactions", "true"}}).ok());
  constexpr uint64_t kCommits = kRunsBeforeCompaction + 10;
  for (uint64_t n = 1; n <= kCommits; ++n) {
    CheckpointWrite write = empty_write(n, 1'000'000);  // by files, each a run
    write.records = [&](ElementCodes&, const RecordSink& sink) {
      return sink({kForever, TenantId(1), {n, n}, 0, 0}, std::string(1'000'000, 'r'),
                  RecordWrite::first);
    };
    ASSERT_TRUE(store->commit(std::move(write)).ok());
  }
  auto runs = [&] {
    std::vector<std::string> files;
    rocksdb::ColumnFamilyMetaData meta;
    inner.db()->GetColumnFamilyMetaData(records, &meta);
    for (const auto& file : meta.levels[0].files) files.push_back(file.name);
    return files;
  };
  ASSERT_TRUE(store->settle().ok()) << "the other families";
  const std::vector<std::string> merged = runs();
  ASSERT_GT(merged.size(), kRunsBeforeCompaction);
  EXPECT_EQ(store->waiting_runs(), merged.size() - kRunsBeforeCompaction);

  std::thread merge([&] {
    rocksdb::CompactionOptions options;
    options.compression = rocksdb::kDisableCompressionOption;
    EXPECT_TRUE(inner.db()->CompactFiles(options, records, merged, 6).ok());
  });
  bool seen = false;
  while (!seen && runs() == merged) seen = store->waiting_runs() == 0 && runs() == merged;
  EXPECT_TRUE(seen) << "all are there, none waits";
  merge.join();
  EXPECT_TRUE(runs().empty());
}

TEST(Store, TellsSizesOfItsFamilies) {
  TestFolder folder;
  StoreModel model;
  auto store = open_inner(folder / "data");
  ASSERT_TRUE(store->commit(model.next(2, TestWay::files)).ok());
  auto stats = store->family_stats();
  ASSERT_TRUE(stats.ok());
  ASSERT_EQ(stats->size(), 4u);
  EXPECT_EQ((*stats)[0].family, "cells");
  EXPECT_EQ((*stats)[1].family, "records");
  for (const FamilyStats& family : *stats) {
    EXPECT_GT(family.rows, 0u) << family.family;
    EXPECT_GT(family.bytes, 0u) << family.family;
    EXPECT_GT(family.files, 0u) << family.family;
    EXPECT_EQ(family.compacted_rows, 0u) << family.family;
  }
  ASSERT_TRUE(store->commit(model.next(2, TestWay::files)).ok());
  const auto with_another = store->family_stats();
  ASSERT_TRUE(with_another.ok());
  for (size_t f = 0; f < kFamilies; ++f) {
    EXPECT_EQ((*with_another)[f].compacted_bytes, (*stats)[f].compacted_bytes)
        << "files of commits are no compaction's; " << (*stats)[f].family;
  }
  const Database& inner = store->database();
  for (Family f : kAllFamilies)
    ASSERT_TRUE(inner.db()->CompactRange({}, inner.family(f), nullptr, nullptr).ok());
  stats = store->family_stats();
  ASSERT_TRUE(stats.ok());
  for (const FamilyStats& family : *stats) {
    EXPECT_GE(family.compacted_rows, family.rows) << family.family;
    EXPECT_GT(family.compaction_cpu_s, 0) << family.family;
    EXPECT_GE(family.compacted_bytes, family.bytes / 2) << family.family;
  }
}

}  // namespace
}  // namespace quipu
