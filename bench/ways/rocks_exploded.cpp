// The ordinary way (a): every dimension of an event an event of its own. For each it looks up
// whether its profile is known in the cell, from the hour outwards (who was there in the hour was
// there in the day), and adds one to each of its three cells by a merge, so that counts are never
// read. A key a membership: the 128-bit hash of (cell, timeframe, bucket, profile).
//
// A write batch holds everything of its lines, cells, memberships, ids and position, so any prefix
// of the log is a right state; a commit only syncs it.
#include "bench/ways/rocks.h"

namespace quipu::bench {
namespace {

class Exploded final : public Writer {
 public:
  Exploded(Database& database, int fanout)
      : database_(database), dimensions_(dimensions_of(fanout)) {
    std::string stored;
    const auto status =
        database_.db->Get(rocksdb::ReadOptions(), database_.meta, "position", &stored);
    if (!status.IsNotFound()) check(status);
    if (!stored.empty()) position_ = std::stoull(stored);
  }

  uint64_t position() const override { return position_; }

  void add(const Block& block, const std::vector<const Line*>& lines) override {
    batch_.Clear();
    fresh_.clear();
    for (const Line* line : lines) add(*line);
    check(batch_.Put(database_.meta, "position", std::to_string(block.end)));
    check(database_.db->Write(rocksdb::WriteOptions(), &batch_));
  }

  void commit() override { check(database_.db->SyncWAL()); }

 private:
  // True the first time that it is asked for a key.
  bool is_new(const Key16& key) {
    if (fresh_.contains(key)) return false;
    const auto status =
        database_.db->Get(rocksdb::ReadOptions(), database_.seen, key.slice(), &found_);
    found_.Reset();
    if (status.ok()) return false;
    if (!status.IsNotFound()) check(status);
    fresh_.insert(key);
    check(batch_.Put(database_.seen, key.slice(), rocksdb::Slice()));
    return true;
  }

  void add(const Line& line) {
    text_.assign(line.tenant).append(1, '\0').append(line.profile);
    const Key16 profile = hash128(text_);
    text_.append(1, '\0').append(line.metric).append(1, '\0').append(line.unique_id);
    if (!is_new(hash128(text_))) return;
    const auto buckets = buckets_of(line.time_s);
    for (size_t d = 0; d < dimensions_.size(); ++d) {
      text_.clear();
      append_cell_prefix(line, int(d), dimensions_[d], text_);
      const size_t prefix = text_.size();
      bool first = true;
      for (int t = 0; t < kTimeframes; ++t) {
        text_.resize(prefix);
        append_bucket(Timeframe(t), buckets[size_t(t)], text_);
        const size_t cell = text_.size();
        if (first) {
          text_.append(profile.bytes.data(), 16);
          first = is_new(hash128(text_));
        }
        check(batch_.Merge(database_.cells, rocksdb::Slice(text_.data(), cell),
                           cell_value(1, first, line.value_hundredths)));
      }
    }
  }

  Database& database_;
  const std::vector<Dimension> dimensions_;
  uint64_t position_ = 0;
  rocksdb::WriteBatch batch_;
  KeySet fresh_;  // in batch_
  rocksdb::PinnableSlice found_;
  std::string text_;
};

WayResult count(const WayOptions& o) {
  return run_on_rocksdb(
      o, [&](Database& database) { return std::make_unique<Exploded>(database, o.fanout); });
}

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  return quipu::bench::way_main(argc, argv, "rocks_exploded", quipu::bench::count);
}
