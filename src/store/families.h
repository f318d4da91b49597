// The families of the store's RocksDB, how each is laid out on disk, and how its values merge.
//   cells    universal compaction   merge: rows of cells add up (cells/cell_rows.h)
//   records  universal              merge: bytes are strung together
//   names    universal              merge: union of sets of names (names.h)
//   meta     universal              plain puts (state.h, catalogue_rows.h)
// In each family the key kCommitsKey counts the commits that are in it (u64, little endian; merge:
// sum). A commit adds one in all four, so at open a family that lost a commit is found out; readers
// of a family skip that key, which sorts before all others. Pure but for the objects handed out,
// which RocksDB shares between its threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rocksdb {
class Cache;
class MergeOperator;
struct ColumnFamilyOptions;
}  // namespace rocksdb

namespace quipu {

enum class Family : uint8_t { cells, records, names, meta };
inline constexpr size_t kFamilies = 4;
inline constexpr Family kAllFamilies[kFamilies] = {Family::cells, Family::records, Family::names,
                                                   Family::meta};
const char* family_name(Family family);

inline constexpr std::string_view kCommitsKey{"\0", 1};
std::string encode_commits(uint64_t commits);
bool decode_commits(std::string_view bytes, uint64_t& commits);  // false: no such count

// Sorted runs that a family may have before compaction merges some of them, and how many it merges
// at least. Fewer: more rewriting of what is stored; more: more places to look in. Few runs merged
// at a time (RocksDB's default is two), or all of them whenever the newer ones outweigh the oldest
// twice (its bound of space amplification, which is for data that is overwritten), write the same
// rows again and again. docs/performance.md has what was measured.
inline constexpr uint64_t kRunsBeforeCompaction = 20, kLeastMergedRuns = 8;

// Which runs are merged, neighbours all: any whose next is no larger than all before it together;
// so there are one large run and smaller ones, and few to look into for a record. Of families that
// counting does not read, those of like size, none more than kLikeSize times the next: commits
// under load are of about one size, and so is what was merged of them, so a row is rewritten as
// often as there are sizes, and hardly ever with all others. But where sizes vary no eight
// neighbours may be alike; then, when more than kStuckRuns beyond the usual wait, any are merged
// until none waits.
enum class MergedRuns : uint8_t { of_like_size, any };
constexpr MergedRuns usual_merged_runs(Family family) {
  return family == Family::cells || family == Family::names ? MergedRuns::of_like_size
                                                            : MergedRuns::any;
}
inline constexpr unsigned kLikeSize = 4;
inline constexpr uint64_t kStuckRuns = 4;
// By a name and its value, for rocksdb::DB::SetOptions().
std::pair<std::string, std::string> merged_runs_option(MergedRuns runs);
// So many more runs than that in a family hold the next commit back.
inline constexpr uint64_t kMaxWaitingRuns = 24;

std::shared_ptr<rocksdb::MergeOperator> merge_operator(Family family);
// How filters and indexes of new files are laid out: a commit writes small ones. Either options
// read all files.
enum class FileSize : uint8_t { any, small };
rocksdb::ColumnFamilyOptions family_options(Family family,
                                            const std::shared_ptr<rocksdb::Cache>& cache,
                                            size_t write_buffer_bytes, FileSize size);

}  // namespace quipu
