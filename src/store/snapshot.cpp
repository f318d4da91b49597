#include <rocksdb/db.h>

#include "store/name_reader.h"
#include "store/store_impl.h"

namespace quipu {
namespace {

using rocksdb::Slice;

Slice slice(std::string_view bytes) { return Slice(bytes.data(), bytes.size()); }
std::string_view view(const Slice& slice) { return {slice.data(), slice.size()}; }

class StoreSnapshot final : public Snapshot {
 public:
  StoreSnapshot(const Database& database, std::unique_ptr<const View> view)
      : database_(database), view_(std::move(view)), names_(database, view_->snapshot) {}

  const CommittedState& state() const override { return *view_->state; }

  Status scan_cells(
      std::string_view begin, std::string_view end,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) override {
    auto it = take_iterator();
    for (seek_cells(*it, begin); it->Valid(); it->Next()) {
      if (!end.empty() && view(it->key()) >= end) break;
      if (!visit(view(it->key()), view(it->value()))) break;
    }
    return give_back(std::move(it));
  }

  Status get_cells(const std::vector<std::string>& keys,
                   std::vector<std::string>& values) override {
    values.resize(keys.size());
    return database_.multi_get(read_options(), Family::cells, keys, values);
  }

  Result<std::string> seek_cell_key(std::string_view begin) override {
    auto it = take_iterator();
    seek_cells(*it, begin);
    std::string key = it->Valid() ? it->key().ToString() : std::string();
    QUIPU_TRY(give_back(std::move(it)));
    return key;
  }

  Result<std::vector<std::string>> names(TenantId tenant, PropertyId property,
                                         uint64_t element) override {
    return names_.names(tenant, property, element);
  }
  Status names_of(TenantId tenant, PropertyId property, std::span<const uint64_t> elements,
                  const std::function<void(size_t i, std::string_view text)>& visit) override {
    return names_.names_of(tenant, property, elements, visit);
  }
  Status scan_names(
      TenantId tenant, PropertyId property,
      const std::function<bool(uint64_t element, std::string_view text)>& visit) override {
    return names_.scan(tenant, property, visit);
  }

  Status scan_meta(
      std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) override {
    std::unique_ptr<rocksdb::Iterator> it(
        database_.db()->NewIterator(read_options(), database_.family(Family::meta)));
    for (it->Seek(slice(prefix)); it->Valid() && view(it->key()).starts_with(prefix); it->Next()) {
      if (view(it->key()) != kCommitsKey && !visit(view(it->key()), view(it->value()))) break;
    }
    if (!it->status().ok()) return database_.error(it->status());
    return {};
  }

  Result<std::string> get_meta(std::string_view key) override {
    std::string value;
    const rocksdb::Status got =
        database_.db()->Get(read_options(), database_.family(Family::meta), slice(key), &value);
    if (!got.ok() && !got.IsNotFound()) return database_.error(got);
    return value;
  }

 private:
  rocksdb::ReadOptions read_options() const {
    rocksdb::ReadOptions options;
    options.snapshot = view_->snapshot;
    return options;
  }

  static void seek_cells(rocksdb::Iterator& it, std::string_view begin) {
    it.Seek(slice(begin));
    if (it.Valid() && view(it.key()) == kCommitsKey) it.Next();
  }

  // An iterator costs far more to make than to move, and questions skip much: one is kept between
  // calls. A call from within a visit finds none and makes its own.
  std::unique_ptr<rocksdb::Iterator> take_iterator() {
    std::unique_ptr<rocksdb::Iterator> it;
    {
      std::lock_guard lock(mutex_);
      it = std::move(spare_);
    }
    if (!it) it.reset(database_.db()->NewIterator(read_options(), database_.family(Family::cells)));
    return it;
  }
  Status give_back(std::unique_ptr<rocksdb::Iterator> it) {
    if (!it->status().ok()) return database_.error(it->status());
    std::lock_guard lock(mutex_);
    spare_ = std::move(it);
    return {};
  }

  const Database& database_;
  const std::unique_ptr<const View> view_;
  std::mutex mutex_;
  std::unique_ptr<rocksdb::Iterator> spare_;
  NameReader names_;
};

}  // namespace

Status StoreImpl::get_cells(std::span<const std::string> keys, std::span<std::string> rows) const {
  return database_->multi_get({}, Family::cells, keys, rows);
}

std::unique_ptr<Snapshot> StoreImpl::snapshot() const {
  return std::make_unique<StoreSnapshot>(*database_, database_->view());
}

}  // namespace quipu
