#include "store/filter_filler.h"

#include <rocksdb/db.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/cpu_clock.h"
#include "store/state.h"

namespace quipu {

FilterFiller::FilterFiller(const Database& database, const StoreOptions& options)
    : database_(database), keys_at_a_time_(options.filling_keys) {
  if (options.filter_bytes == 0) return;
  filter_ = std::make_unique<RecordFilter>(options.filter_bytes);
  if (database_.commits() == 0) {
    complete_ = true;
    return;
  }
  filling_ = std::thread([this, last_commit = database_.commits()] {
    name_thread("store filter");
    ::setpriority(PRIO_PROCESS, id_t(::syscall(SYS_gettid)), kFillingNice);
    fill(last_commit);
  });
}

FilterFiller::~FilterFiller() {
  closing_ = true;
  if (filling_.joinable()) filling_.join();
}

FilterStats FilterFiller::stats() const {
  if (!filter_) return {};
  return {complete_.load(std::memory_order_acquire), filter_->keys(), filter_->bytes()};
}

// The lists of all commits up to the one that was the last when the store was opened. An iterator
// keeps the files that it began with, so none is kept for long.
void FilterFiller::fill(uint64_t last_commit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  std::vector<uint64_t> hashes;
  std::string next = profiles_key(0);
  const std::string end = profiles_key(last_commit + 1);
  while (!closing_) {
    std::unique_ptr<rocksdb::Iterator> it(
        database_.db()->NewIterator(options, database_.family(Family::meta)));
    size_t seen = 0;
    it->Seek(next);
    for (; it->Valid() && it->key().compare(end) < 0 && seen < keys_at_a_time_ && !closing_;
         it->Next()) {
      if (!decode_hashes(it->value().ToStringView(), hashes)) {
        database_.background().report({Trouble::Kind::damage, "a list of profiles"});
        return;
      }
      filter_->insert(hashes);
      seen += hashes.size();
    }
    if (!it->status().ok()) {
      database_.background().report(trouble_of(it->status()));
      return;
    }
    if (!it->Valid() || it->key().compare(end) >= 0) {
      complete_.store(true, std::memory_order_release);
      return;
    }
    next = it->key().ToString();
  }
}

}  // namespace quipu
