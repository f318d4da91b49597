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

// Records that readers look for, but for those that the filter knows to be absent; in the order of keys, so that what
// one of them looks for lies close together.
class RecordLoad final : public DurableTier::Load {
 public:
  // filter: nullptr if it is not to be asked.
  RecordLoad(const StoreImpl& store, ReaderPool& readers, const RecordFilter* filter, std::span<const RecordKey> keys)
      : store_(store), readers_(readers), keys_(keys.size()) {
    constexpr size_t kAhead = 8;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (filter && i + kAhead < keys.size()) filter->prefetch(profile_hash(keys[i + kAhead]));
      Wanted wanted{"", uint32_t(i), is_forever_root(keys[i]), false, {}};
      if (wanted.forever_root) {
        if (filter && !filter->may_hold(profile_hash(keys[i]))) continue;
        wanted.may_recur = !filter || filter->may_hold(profile_hash(keys[i].under(kRecurring)));
      }
      keys[i].append_to(wanted.key);
      wanted_.push_back(std::move(wanted));
    }
    std::sort(wanted_.begin(), wanted_.end(), [](const Wanted& a, const Wanted& b) { return a.key < b.key; });
    const size_t pieces = (wanted_.size() + kRecordsOfReader - 1) / kRecordsOfReader;
    done_.resize(pieces);
    reading_ = readers_.begin(pieces, [this](size_t piece) {
      const size_t begin = piece * kRecordsOfReader, count = std::min(kRecordsOfReader, wanted_.size() - begin);
      done_[piece] = read(std::span(wanted_).subspan(begin, count));
    });
  }
  ~RecordLoad() override { readers_.finish(*reading_); }

  Status finish(std::vector<StoredRecord>& values) override {
    readers_.finish(*reading_);
    for (const Status& status : done_) QUIPU_TRY(status);
    values.assign(keys_, StoredRecord());
    for (Wanted& wanted : wanted_) values[wanted.place] = std::move(wanted.found);
    return {};
  }

 private:
  struct Wanted {
    std::string key;
    uint32_t place;       // as asked
    bool forever_root;    // and lies under kForever or kRecurring
    bool may_recur;       // as far as the filter knows
    StoredRecord found;
  };

  // What the filter takes for recurring is looked for there, then all others where they are. A commit may move records
  // meanwhile, which shows them in one place at any moment and never moves them back: so what was in neither is looked
  // for among the recurring ones once more.
  Status read(std::span<Wanted> wanted) const {
    QUIPU_TRY(read(wanted, kRecurring, [](const Wanted& w) { return w.may_recur; }));
    QUIPU_TRY(read(wanted, kForever, [](const Wanted& w) { return w.found.bytes.empty(); }));
    return read(wanted, kRecurring, [](const Wanted& w) { return w.forever_root && w.found.bytes.empty(); });
  }

  // Those that `which` says; forever records under this month.
  template <typename Which>
  Status read(std::span<Wanted> wanted, MonthIndex forever, const Which& which) const {
    std::vector<std::string> keys, values;
    std::vector<Wanted*> asked;
    for (Wanted& w : wanted) {
      if (!which(w)) continue;
      asked.push_back(&w);
      keys.push_back(w.key);
      if (w.forever_root) keys.back().replace(0, kMonthBytes, key_of_month(forever));
    }
    if (asked.empty()) return {};
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // what was read goes on in the hot tier; the cache is for filters
    values.resize(keys.size());
    QUIPU_TRY(multi_get(store_, options, Family::records, keys, values));
    for (size_t i = 0; i < asked.size(); ++i) {
      if (!values[i].empty()) asked[i]->found = {std::move(values[i]), asked[i]->forever_root && forever == kRecurring};
    }
    return {};
  }

  static constexpr size_t kMonthBytes = 2;
  static std::string key_of_month(MonthIndex month) {
    std::string key;
    RecordKey{month, TenantId(), {}, 0, 0}.append_to(key);
    return key.substr(0, kMonthBytes);
  }

  const StoreImpl& store_;
  ReaderPool& readers_;
  const size_t keys_;
  std::vector<Wanted> wanted_;    // in the order of keys
  std::vector<Status> done_;      // by piece
  std::shared_ptr<ReaderPool::Batch> reading_;
};

}  // namespace

std::unique_ptr<DurableTier::Load> StoreImpl::begin_load(std::span<const RecordKey> keys) {
  const RecordFilter* filter = filter_complete_.load(std::memory_order_acquire) ? filter_.get() : nullptr;
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

// The lists of all commits up to the one that was the last when the store was opened. An iterator keeps the files that
// it began with, so none is kept for long. What fails leaves the filter unasked, and the next commit says it.
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
    for (; it->Valid() && it->key().compare(end) < 0 && seen < store_options_.filling_keys && !closing_; it->Next()) {
      if (!decode_hashes(it->value().ToStringView(), hashes)) {
        background_->report({Trouble::Kind::damage, "a list of profiles"});
        return;
      }
      filter_->add(hashes);
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
