#include "store/families.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "base/check.h"

namespace quipu {
namespace {

constexpr uint64_t kRecordsFileBytes = uint64_t(256) << 20;

// A new profile costs a filter probe in each sorted run: 1% of false alarms.
constexpr double kFilterBitsPerKey = 10;

rocksdb::CompressionType compression() {
  const auto known = rocksdb::GetSupportedCompressions();
  auto has = [&](rocksdb::CompressionType type) {
    return std::find(known.begin(), known.end(), type) != known.end();
  };
  if (has(rocksdb::kLZ4Compression)) return rocksdb::kLZ4Compression;
  return has(rocksdb::kSnappyCompression) ? rocksdb::kSnappyCompression : rocksdb::kNoCompression;
}

}  // namespace

std::pair<std::string, std::string> merged_runs_option(MergedRuns runs) {
  const bool alike = runs == MergedRuns::of_like_size;
  return {"compaction_options_universal",
          std::string("{stop_style=") +
              (alike ? "kCompactionStopStyleSimilarSize" : "kCompactionStopStyleTotalSize") +
              ";size_ratio=" + (alike ? std::to_string(100 * (kLikeSize - 1)) : "1") + ";}"};
}

const char* family_name(Family family) {
  switch (family) {
    case Family::cells:
      return "cells";
    case Family::records:
      return "records";
    case Family::names:
      return "names";
    case Family::meta:
      return "meta";
  }
  CHECK(false);
}

rocksdb::ColumnFamilyOptions family_options(Family family,
                                            const std::shared_ptr<rocksdb::Cache>& cache,
                                            size_t write_buffer_bytes, FileSize size) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  table.block_size = family == Family::cells ? 16 << 10 : 8 << 10;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  // What commits wrote is looked through for every record; the others' pieces come and go.
  table.metadata_cache_options.unpartitioned_pinning =
      family == Family::records ? rocksdb::PinningTier::kAll : rocksdb::PinningTier::kNone;
  if (family != Family::meta) {
    // Ribbon filters (Dillinger and Walzer, 2021) are as sharp in 30% less memory, and dearer to
    // make.
    table.filter_policy.reset(size == FileSize::any
                                  ? rocksdb::NewRibbonFilterPolicy(kFilterBitsPerKey)
                                  : rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
    table.whole_key_filtering = true;
    // In pieces they need no more memory than what is looked at; whole they are found in one step.
    if (size == FileSize::any) {
      table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
      table.partition_filters = true;
      table.index_block_restart_interval =
          16;  // keys of an index share most of their bytes: more of it is in memory
    }
  }

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.merge_operator = merge_operator(family);
  // What lies still is compressed; what will soon be rewritten is not worth the time.
  options.compression = rocksdb::kNoCompression;
  // Lists of hashes do not shrink, and records of hashes and codes hardly: not for what it takes to
  // write and read them.
  const bool of_hashes = family == Family::meta || family == Family::records;
  options.bottommost_compression = of_hashes ? rocksdb::kNoCompression : compression();
  options.write_buffer_size = write_buffer_bytes;
  // Records are looked up many at a time, and those of one file are looked up together.
  if (family == Family::records) options.target_file_size_base = kRecordsFileBytes;
  // The filter of profiles says which records there are, so what is looked for in the oldest run is
  // nearly always there: no filter for it, which would be most of all filters.
  options.optimize_filters_for_hits = family == Family::records;
  options.ttl = 0;
  options.periodic_compaction_seconds = 0;
  options.force_consistency_checks = true;
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compaction_options_universal.min_merge_width = kLeastMergedRuns;
  options.compaction_options_universal.max_size_amplification_percent = 10'000;
  options.level0_file_num_compaction_trigger = int(kRunsBeforeCompaction);
  // Commits wait by themselves, see merge_policy.h; these count runs that are being merged, too.
  options.level0_slowdown_writes_trigger = int(2 * kRunsBeforeCompaction + 4 * kMaxWaitingRuns);
  options.level0_stop_writes_trigger = int(2 * kRunsBeforeCompaction + 5 * kMaxWaitingRuns);
  rocksdb::ColumnFamilyOptions merging;
  const auto [name, value] = merged_runs_option(usual_merged_runs(family));
  CHECK(rocksdb::GetColumnFamilyOptionsFromMap(rocksdb::ConfigOptions(), options, {{name, value}},
                                               &merging)
            .ok());
  return merging;
}

}  // namespace quipu
