#include "bench/ways/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/table.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <future>
#include <thread>

namespace quipu::bench {
namespace {

using Databases = std::array<std::unique_ptr<Database>, kWriters>;

struct Sums {
  uint64_t count, unique;
  int64_t sum_hundredths;
};
static_assert(sizeof(Sums) == 24);

Sums sums_of(const rocksdb::Slice& bytes) {
  Sums sums{};
  if (bytes.size() != sizeof sums) fail("a cell has a value of another size");
  std::memcpy(&sums, bytes.data(), sizeof sums);
  return sums;
}

Sums sum_of(const Sums& a, const Sums& b) {
  return {a.count + b.count, a.unique + b.unique, a.sum_hundredths + b.sum_hundredths};
}

class AddSums final : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice&, const rocksdb::Slice* before, const rocksdb::Slice& delta,
             std::string* out, rocksdb::Logger*) const override {
    Sums total = sums_of(delta);
    if (before) total = sum_of(total, sums_of(*before));
    out->assign(reinterpret_cast<const char*>(&total), sizeof total);
    return true;
  }
  const char* Name() const override { return "AddSums"; }
};

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.compaction_style = rocksdb::kCompactionStyleLevel;
  family.level_compaction_dynamic_level_bytes = true;
  family.compression = rocksdb::kLZ4Compression;
  family.write_buffer_size = 64 << 20;
  family.max_write_buffer_number = 4;
  family.max_bytes_for_level_base = 256 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

// Looked up by whole keys, most of which are not there.
rocksdb::ColumnFamilyOptions seen_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family = family_options(cache);
  auto& table = *family.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.optimize_filters_for_memory = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  family.table_factory.reset(
      rocksdb::NewBlockBasedTableFactory(rocksdb::BlockBasedTableOptions(table)));
  family.memtable_prefix_bloom_size_ratio = 0.1;
  family.memtable_whole_key_filtering = true;
  return family;
}

void append_big_endian(uint64_t number, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += char(number >> shift & 255);
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (char c : bytes) number = number << 8 | uint8_t(c);
  return number;
}

std::unique_ptr<Database> open_database(const std::string& path,
                                        const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.max_subcompactions = 2;
  options.bytes_per_sync = options.wal_bytes_per_sync = 1 << 20;
  options.allow_concurrent_memtable_write = false;  // there is one writer
  options.max_total_wal_size = size_t(2) << 30;
  options.info_log_level = rocksdb::WARN_LEVEL;
  rocksdb::ColumnFamilyOptions cells = family_options(cache);
  cells.merge_operator = std::make_shared<AddSums>();
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family_options(cache)},
      {"cells", cells},
      {"seen", seen_options(cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  check(rocksdb::DB::Open(options, path, families, &handles, &db));
  auto database = std::make_unique<Database>();
  database->db.reset(db);
  database->meta = handles[0];
  database->cells = handles[1];
  database->seen = handles[2];
  return database;
}

// Until no flush or compaction is under way or due.
void wait_until_idle(const Databases& databases) {
  auto busy = [&] {
    for (const auto& database : databases) {
      for (rocksdb::ColumnFamilyHandle* family : {database->cells, database->seen}) {
        for (const char* property :
             {"rocksdb.num-running-flushes", "rocksdb.mem-table-flush-pending",
              "rocksdb.num-running-compactions", "rocksdb.compaction-pending"}) {
          uint64_t value = 0;
          if (database->db->GetIntProperty(family, property, &value) && value > 0) return true;
        }
      }
    }
    return false;
  };
  for (int quiet = 0; quiet < 3; quiet = busy() ? 0 : quiet + 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

// Walks all databases in the order of keys and adds up what they hold of a cell.
std::string digest_of(const Databases& databases) {
  std::vector<std::unique_ptr<rocksdb::Iterator>> iterators;
  for (const auto& database : databases) {
    iterators.emplace_back(database->db->NewIterator(rocksdb::ReadOptions(), database->cells));
    iterators.back()->SeekToFirst();
  }
  Digest digest;
  while (true) {
    std::string key;
    for (const auto& it : iterators) {
      if (it->Valid() && (key.empty() || it->key().compare(key) < 0)) key = it->key().ToString();
    }
    if (key.empty()) break;
    Sums total{};
    for (const auto& it : iterators) {
      if (!it->Valid() || it->key() != key) continue;
      total = sum_of(total, sums_of(it->value()));
      it->Next();
    }
    const std::string_view text = key;
    const size_t metric = text.find('\0') + 1, dimension = text.find('\0', metric) + 1,
                 bucket = text.size() - 8;
    digest.add({text.substr(0, metric - 1), text.substr(metric, dimension - metric - 1),
                int(big_endian(text.substr(dimension, 2))),
                text.substr(dimension + 2, bucket - 2 - (dimension + 2)),
                Timeframe(text[bucket - 1]), int64_t(big_endian(text.substr(bucket))), total.count,
                total.unique, total.sum_hundredths});
  }
  for (const auto& it : iterators) check(it->status());
  return digest.text();
}

// Lines of a block, by writer; a reader fills one while the writers work on another.
struct SplitBlock {
  Block block;
  std::vector<const Line*> of_writer[kWriters];

  bool fill(LineReader& reader, size_t lines, const std::array<uint64_t, kWriters>& positions) {
    for (auto& list : of_writer) list.clear();
    if (!reader.next(lines, block)) return false;
    std::string who;
    for (size_t i = 0; i < block.lines.size(); ++i) {
      const Line& line = block.lines[i];
      who.assign(line.tenant).append(1, '\0').append(line.profile);
      const size_t writer = hash64(who) >> 32 & (kWriters - 1);
      const uint64_t number = block.end - block.lines.size() + i;
      if (number >= positions[writer]) of_writer[writer].push_back(&line);
    }
    return true;
  }
};
static_assert((kWriters & (kWriters - 1)) == 0);

}  // namespace

size_t first_slot(const Key16& key, size_t slots) {
  uint64_t word;
  std::memcpy(&word, key.bytes.data() + 8, 8);
  return word & (slots - 1);
}

size_t KeySet::find(const Key16& key) const {
  size_t at = first_slot(key, slots_.size());
  while (slots_[at] && !(keys_[slots_[at] - 1] == key)) at = (at + 1) & (slots_.size() - 1);
  return at;
}

void KeySet::insert(const Key16& key) {
  keys_.push_back(key);
  if (keys_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, 0);
    for (size_t i = 0; i + 1 < keys_.size(); ++i) slots_[find(keys_[i])] = uint32_t(i + 1);
  }
  slots_[find(key)] = uint32_t(keys_.size());
}

void KeySet::clear() {
  keys_.clear();
  slots_.assign(std::max<size_t>(slots_.size(), 1024), 0);
}

Key16 hash128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  Key16 key;
  std::memcpy(key.bytes.data(), &hash, 16);
  return key;
}

uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

void check(const rocksdb::Status& status) {
  if (!status.ok()) fail("RocksDB: " + status.ToString());
}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* family : {cells, seen, meta}) {
    if (family) db->DestroyColumnFamilyHandle(family);
  }
}

void append_cell_prefix(const Line& line, int dimension, const Dimension& of, std::string& out) {
  out.append(line.tenant).append(1, '\0').append(line.metric).append(1, '\0');
  append_big_endian(uint64_t(dimension), 2, out);
  append_values(of, line, out);
  out += '\0';
}

void append_bucket(Timeframe timeframe, int64_t bucket_s, std::string& out) {
  out += char(timeframe);
  append_big_endian(uint64_t(bucket_s), 8, out);
}

std::string cell_value(uint64_t count, uint64_t unique, int64_t sum_hundredths) {
  const Sums sums{count, unique, sum_hundredths};
  return {reinterpret_cast<const char*>(&sums), sizeof sums};
}

// What is left to do once all is durable: compaction, and what the files come to then.
void settle(Databases& databases, const WayOptions& o, const Watch& watch, WayResult& result) {
  wait_until_idle(databases);
  result.settled_s = watch.wall_s();
  result.cpu_s = watch.cpu_s();
  result.rss_bytes = peak_rss_bytes();
  for (const auto& database : databases) {
    for (rocksdb::ColumnFamilyHandle* family : {database->cells, database->seen, database->meta}) {
      check(database->db->Flush(rocksdb::FlushOptions(), family));
    }
  }
  wait_until_idle(databases);
  result.disk_bytes = bytes_in(o.folder);
  if (o.digest) result.digest = digest_of(databases);
}

WayResult run_on_rocksdb(const WayOptions& o,
                         const std::function<std::unique_ptr<Writer>(Database&)>& make) {
  const Watch watch;
  const auto cache =
      rocksdb::NewLRUCache(o.memory_bytes / 2);  // the other half for write buffers and the rest
  Databases databases;
  std::array<std::unique_ptr<Writer>, kWriters> writers;
  std::array<uint64_t, kWriters> positions;
  for (size_t w = 0; w < kWriters; ++w) {
    databases[w] = open_database(o.folder + "/db" + std::to_string(w), cache);
    writers[w] = make(*databases[w]);
    positions[w] = writers[w]->position();
  }
  LineReader reader(o.lines);
  const uint64_t start = *std::min_element(positions.begin(), positions.end());
  reader.skip(start);

  WayResult result;
  auto of_all = [&](const std::function<void(size_t writer)>& work) {
    std::array<std::future<void>, kWriters> done;
    for (size_t w = 0; w < kWriters; ++w) done[w] = std::async(std::launch::async, work, w);
    return done;
  };
  auto commit = [&] {
    for (auto& done : of_all([&](size_t w) { writers[w]->commit(); })) done.get();
    ++result.commits;
  };
  SplitBlock now, next;
  uint64_t taken = start;  // lines
  auto fill = [&](SplitBlock& block) {
    uint64_t lines = std::min<uint64_t>(kBlockLines, std::max<uint64_t>(o.commit_events, 1));
    if (o.events > 0) lines = std::min(lines, o.events - std::min(o.events, taken));
    if (lines == 0 || (o.seconds > 0 && watch.wall_s() > o.seconds)) return false;
    if (!block.fill(reader, size_t(lines), positions)) return false;
    taken = block.block.end;
    return true;
  };
  double committed_s = watch.wall_s();
  uint64_t counted = start, committed = start;
  for (bool more = fill(now); more; std::swap(now, next)) {
    auto work = of_all([&](size_t w) { writers[w]->add(now.block, now.of_writer[w]); });
    more = fill(next);
    for (auto& done : work) done.get();
    counted = now.block.end;
    const bool full = std::any_of(writers.begin(), writers.end(),
                                  [](const auto& writer) { return writer->full(); });
    if (more && (full || counted - committed >= o.commit_events ||
                 watch.wall_s() - committed_s >= o.commit_s)) {
      commit();
      committed = counted;
      committed_s = watch.wall_s();
    }
  }
  if (o.crash) ::_exit(9);
  result.events = counted - start;
  result.read_s = watch.wall_s();
  commit();
  result.committed_s = watch.wall_s();
  settle(databases, o, watch, result);
  return result;
}

}  // namespace quipu::bench
