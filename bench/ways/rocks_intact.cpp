// The ordinary way (b): the event whole. One MultiGet looks up all of its memberships and its id,
// whose keys stand together: hash of the profile (8 bytes), hash of (cell, timeframe, bucket) or of
// the id (8 bytes). What is added to cells is summed up in memory and merged at the commit.
//
// Memberships are written at once, cells at the commit, so the state between two commits is no
// right one. Hence each membership carries the number of the commit that it belongs to, its epoch,
// and the epoch that a dead process was in is void ever after. A commit's own batch holds cells,
// epoch and position.
#include <algorithm>
#include <cstring>

#include "bench/ways/rocks.h"

namespace quipu::bench {
namespace {

constexpr size_t kDeltaBytes = size_t(256) << 20;  // of a writer, at which it wants a commit

// What cells get at the next commit, by the hash of their key.
class Deltas {
 public:
  struct Entry {
    Key16 hash;
    uint64_t sum_hundredths;  // two's complement
    uint64_t key_begin;       // in keys()
    uint32_t key_size;
    uint32_t count, unique;
  };

  Deltas() { clear(); }

  // `key` makes the text of a new one: (std::string& append_here).
  template <typename MakeKey>
  void add(const Key16& hash, bool unique, int64_t hundredths, MakeKey&& key) {
    if (entries_.size() * 2 >= slots_.size()) grow();
    size_t at = first_slot(hash, slots_.size());
    while (slots_[at] && !(entries_[slots_[at] - 1].hash == hash))
      at = (at + 1) & (slots_.size() - 1);
    if (!slots_[at]) {
      const size_t begin = keys_.size();
      key(keys_);
      entries_.push_back({hash, 0, begin, uint32_t(keys_.size() - begin), 0, 0});
      slots_[at] = uint32_t(entries_.size());
    }
    Entry& e = entries_[slots_[at] - 1];
    ++e.count;
    e.unique += unique;
    e.sum_hundredths += uint64_t(hundredths);
  }

  void clear() {
    entries_.clear();
    keys_.clear();
    slots_.assign(1 << 16, 0);
  }

  rocksdb::Slice key(const Entry& e) const { return {keys_.data() + e.key_begin, e.key_size}; }
  std::vector<Entry>& entries() { return entries_; }
  size_t bytes() const {
    return entries_.size() * sizeof(Entry) + keys_.size() + slots_.size() * sizeof slots_[0];
  }

 private:
  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t at = first_slot(entries_[i].hash, slots_.size());
      while (slots_[at]) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = uint32_t(i + 1);
    }
  }

  std::vector<Entry> entries_;
  std::string keys_;
  std::vector<uint32_t> slots_;  // place in entries_ + 1
};

class Intact final : public Writer {
 public:
  Intact(Database& database, int fanout) : database_(database), dimensions_(dimensions_of(fanout)) {
    std::string stored;
    const auto status = database_.db->Get(rocksdb::ReadOptions(), database_.meta, "state", &stored);
    if (!status.IsNotFound()) check(status);
    // position, epoch under way, void epochs
    if (!stored.empty()) {
      std::memcpy(&position_, stored.data(), 8);
      for (size_t at = 8; at < stored.size(); at += 4) {
        uint32_t epoch;
        std::memcpy(&epoch, stored.data() + at, 4);
        void_.push_back(epoch);  // the one under way has become void
      }
      epoch_ = *std::max_element(void_.begin(), void_.end()) + 1;
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    check(database_.db->Put(synced, database_.meta, "state", meta(position_)));
    keys_.resize(dimensions_.size() * kTimeframes + 1);
    slices_.resize(keys_.size());
    found_.resize(keys_.size());
    statuses_.resize(keys_.size());
    cells_.resize(keys_.size());
  }

  uint64_t position() const override { return position_; }

  void add(const Block& block, const std::vector<const Line*>& lines) override {
    fresh_.clear();
    for (const Line* line : lines) add(*line);
    // In order, so that the memtable need not search anew for each.
    auto& keys = fresh_.keys();
    std::sort(keys.begin(), keys.end(), [](const Key16& a, const Key16& b) {
      return std::memcmp(a.bytes.data(), b.bytes.data(), 16) < 0;
    });
    const rocksdb::Slice epoch(reinterpret_cast<const char*>(&epoch_), sizeof epoch_);
    rocksdb::WriteBatch batch;
    for (const Key16& key : keys) check(batch.Put(database_.seen, key.slice(), epoch));
    check(database_.db->Write(rocksdb::WriteOptions(), &batch));
    position_ = block.end;
  }

  bool full() const override { return deltas_.bytes() >= kDeltaBytes; }

  void commit() override {
    auto& entries = deltas_.entries();
    std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
      return deltas_.key(a).compare(deltas_.key(b)) < 0;
    });
    rocksdb::WriteBatch batch;
    for (const auto& e : entries)
      check(batch.Merge(database_.cells, deltas_.key(e),
                        cell_value(e.count, e.unique, int64_t(e.sum_hundredths))));
    ++epoch_;
    check(batch.Put(database_.meta, "state", meta(position_)));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    check(database_.db->Write(synced, &batch));
    deltas_.clear();
  }

 private:
  std::string meta(uint64_t position) const {
    std::string out(reinterpret_cast<const char*>(&position), 8);
    out.append(reinterpret_cast<const char*>(&epoch_), 4);
    for (uint32_t epoch : void_) out.append(reinterpret_cast<const char*>(&epoch), 4);
    return out;
  }

  bool known(size_t i) const {
    if (fresh_.contains(keys_[i])) return true;
    if (statuses_[i].IsNotFound()) return false;
    check(statuses_[i]);
    uint32_t epoch;
    std::memcpy(&epoch, found_[i].data(), 4);
    return std::find(void_.begin(), void_.end(), epoch) == void_.end();
  }

  void add(const Line& line) {
    text_.assign(line.tenant).append(1, '\0').append(line.profile);
    const uint64_t profile = hash64(text_);
    auto set_key = [&](size_t i) {
      cells_[i] = hash128(text_);
      keys_[i] = cells_[i];
      std::memcpy(keys_[i].bytes.data(), &profile, 8);
      slices_[i] = keys_[i].slice();
      found_[i].Reset();
    };
    const auto buckets = buckets_of(line.time_s);
    for (size_t d = 0; d < dimensions_.size(); ++d) {
      text_.clear();
      append_cell_prefix(line, int(d), dimensions_[d], text_);
      const size_t prefix = text_.size();
      for (int t = 0; t < kTimeframes; ++t) {
        text_.resize(prefix);
        append_bucket(Timeframe(t), buckets[size_t(t)], text_);
        set_key(d * kTimeframes + size_t(t));
      }
    }
    const size_t id = keys_.size() - 1;
    text_.assign(line.metric).append(1, '\0').append(line.unique_id);
    set_key(id);
    database_.db->MultiGet(rocksdb::ReadOptions(), database_.seen, keys_.size(), slices_.data(),
                           found_.data(), statuses_.data());
    if (known(id)) return;
    fresh_.insert(keys_[id]);
    for (size_t i = 0; i < id; ++i) {
      const bool first = !known(i);
      if (first) fresh_.insert(keys_[i]);
      deltas_.add(cells_[i], first, line.value_hundredths, [&](std::string& key) {
        append_cell_prefix(line, int(i / kTimeframes), dimensions_[i / kTimeframes], key);
        append_bucket(Timeframe(i % kTimeframes), buckets[i % kTimeframes], key);
      });
    }
  }

  Database& database_;
  const std::vector<Dimension> dimensions_;
  uint64_t position_ = 0;
  uint32_t epoch_ = 1;
  std::vector<uint32_t> void_;
  KeySet fresh_;  // of the lines at hand, not yet written
  Deltas deltas_;
  std::string text_;
  // Of one event: its memberships by dimension and timeframe, then its id.
  std::vector<Key16> cells_, keys_;
  std::vector<rocksdb::Slice> slices_;
  std::vector<rocksdb::PinnableSlice> found_;
  std::vector<rocksdb::Status> statuses_;
};

WayResult count(const WayOptions& o) {
  return run_on_rocksdb(
      o, [&](Database& database) { return std::make_unique<Intact>(database, o.fanout); });
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  return quipu::bench::way_main(argc, argv, "rocks_intact", quipu::bench::count);
}
