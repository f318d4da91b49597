// Reading records by key for the tally.
#include <rocksdb/db.h>

#include <algorithm>

#include "base/check.h"
#include "store/store_impl.h"

namespace quipu {

namespace {

// Records that readers look for, but for those that the filter knows to be absent; in the order of
// keys, so that what one of them looks for lies close together.
class RecordLoad final : public DurableTier::Load {
 public:
  // filter: nullptr if it is not to be asked.
  RecordLoad(const Database& database, ReaderPool& readers, const RecordFilter* filter,
             std::span<const RecordKey> keys)
      : readers_(readers), keys_(keys.size()) {
    constexpr size_t kAhead = 8;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (filter && i + kAhead < keys.size()) filter->prefetch(profile_hash(keys[i + kAhead]));
      if (filter && is_forever_root(keys[i]) && !filter->may_hold(profile_hash(keys[i]))) continue;
      order_.push_back(uint32_t(i));
    }
    std::vector<std::string> bytes(order_.size());
    std::vector<uint32_t> places(order_.size());
    for (uint32_t i = 0; i < order_.size(); ++i) {
      keys[order_[i]].append_to(bytes[i]);
      places[i] = i;
    }
    std::sort(places.begin(), places.end(),
              [&](uint32_t a, uint32_t b) { return bytes[a] < bytes[b]; });
    for (uint32_t& place : places) {
      wanted_.push_back(std::move(bytes[place]));
      place = order_[place];
    }
    order_ = std::move(places);
    found_.resize(wanted_.size());
    const size_t pieces = (wanted_.size() + kRecordsOfReader - 1) / kRecordsOfReader;
    done_.resize(pieces);
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // what was read goes on in the hot tier; the cache is for filters
    reading_ = readers_.begin(pieces, [this, &database, options](size_t piece) {
      const size_t begin = piece * kRecordsOfReader,
                   count = std::min(kRecordsOfReader, wanted_.size() - begin);
      done_[piece] =
          database.multi_get(options, Family::records, std::span(wanted_).subspan(begin, count),
                             std::span(found_).subspan(begin, count));
    });
  }
  ~RecordLoad() override { readers_.finish(*reading_); }

  Status finish(std::vector<std::string>& values) override {
    readers_.finish(*reading_);
    for (const Status& status : done_) QUIPU_TRY(status);
    CHECK_EQ(found_.size(), order_.size());
    values.assign(keys_, std::string());
    for (size_t i = 0; i < order_.size(); ++i) values[order_[i]] = std::move(found_[i]);
    return {};
  }

 private:
  ReaderPool& readers_;
  const size_t keys_;
  std::vector<uint32_t>
      order_;  // of those looked for, by place in the order of keys: place as asked
  std::vector<std::string> wanted_, found_;
  std::vector<Status> done_;  // by piece
  std::shared_ptr<ReaderPool::Batch> reading_;
};

}  // namespace

std::unique_ptr<DurableTier::Load> StoreImpl::begin_load(std::span<const RecordKey> keys) {
  return std::make_unique<RecordLoad>(*database_, readers_, filter_.complete(), keys);
}

}  // namespace quipu
