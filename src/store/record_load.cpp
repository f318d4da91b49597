// Reading records by key for the tally, and the list of profiles for the filter.
#include <rocksdb/db.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/cpu_clock.h"
#include "store/state.h"
#include "store/store_impl.h"

namespace quipu {

namespace {

// Records that readers look for, but for those that the filter knows to be absent; in the order of
// keys, so that what one of them looks for lies close together.
class RecordLoad final : public DurableTier::Load {
 public:
  // filter: nullptr if it is not to be asked.
  RecordLoad(const StoreImpl& store, ReaderPool& readers, const RecordFilter* filter,
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
    reading_ = readers_.begin(pieces, [this, &store, options](size_t piece) {
      const size_t begin = piece * kRecordsOfReader,
                   count = std::min(kRecordsOfReader, wanted_.size() - begin);
      done_[piece] =
          multi_get(store, options, Family::records, std::span(wanted_).subspan(begin, count),
                    std::span(found_).subspan(begin, count));
    });
  }
  ~RecordLoad() override { readers_.finish(*reading_); }

  Status finish(std::vector<std::string>& values) override {
    readers_.finish(*reading_);
    for (const Status& status : done_) QUIPU_TRY(status);
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
  const RecordFilter* filter =
      filter_complete_.load(std::memory_order_acquire) ? filter_.get() : nullptr;
  return std::make_unique<RecordLoad>(*this, *readers_, filter, keys);
}

// What commits add meanwhile they put into the filter themselves, before it becomes visible.
void StoreImpl::begin_filling(size_t most_bytes) {
  filter_ = std::make_unique<RecordFilter>(most_bytes);
  if (commits_ == 0) {
    filter_complete_ = true;
    return;
  }
  filling_ = std::thread([this, last_commit = commits_] {
    name_thread("store filter");
    ::setpriority(PRIO_PROCESS, id_t(::syscall(SYS_gettid)), kFillingNice);
    fill_filter(last_commit);
  });
}

void StoreImpl::stop_filling() {
  closing_ = true;
  if (filling_.joinable()) filling_.join();
}

// The lists of all commits up to the one that was the last when the store was opened. An iterator
// keeps the files that it began with, so none is kept for long. What fails leaves the filter
// unasked, and the next commit says it.
void StoreImpl::fill_filter(uint64_t last_commit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::vector<uint64_t> hashes;
  std::string next = profiles_key(0);
  const std::string end = profiles_key(last_commit + 1);
  while (!closing_) {
    std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, family(Family::meta)));
    size_t seen = 0;
    it->Seek(next);
    for (; it->Valid() && it->key().compare(end) < 0 && seen < store_options_.filling_keys &&
           !closing_;
         it->Next()) {
      if (!decode_hashes(it->value().ToStringView(), hashes)) {
        background_->report({Trouble::Kind::damage, "a list of profiles"});
        return;
      }
      filter_->insert(hashes);
      seen += hashes.size();
    }
    if (!it->status().ok()) {
      background_->report(trouble_of(it->status()));
      return;
    }
    if (!it->Valid() || it->key().compare(end) >= 0) {
      filter_complete_.store(true, std::memory_order_release);
      return;
    }
    next = it->key().ToString();
  }
}

}  // namespace quipu
