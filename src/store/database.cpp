#include "store/database.h"

#include <rocksdb/db.h>
#include <rocksdb/table_properties.h>

#include <vector>

namespace quipu {

View::View(rocksdb::DB* database) : db(database), snapshot(database->GetSnapshot()) {}
View::~View() { db->ReleaseSnapshot(snapshot); }

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->DestroyColumnFamilyHandle(default_handle_);
}

Error Database::error(const rocksdb::Status& status) const { return error(trouble_of(status)); }

Error Database::error(const Trouble& trouble) const {
  return store_error(trouble, folder_, state()->checkpoint);
}

uint64_t Database::property(Family f, const char* name) const {
  std::string text;
  return db_->GetProperty(family(f), name, &text) ? std::stoull(text) : 0;
}

uint64_t Database::rows_of(Family f) const {
  uint64_t rows = property(f, "rocksdb.num-entries-active-mem-table") +
                  property(f, "rocksdb.num-entries-imm-mem-tables");
  rocksdb::TablePropertiesCollection tables;
  if (!db_->GetPropertiesOfAllTables(family(f), &tables).ok()) return rows;
  for (const auto& [file, properties] : tables) rows += properties->num_entries;
  return rows;
}

Status Database::multi_get(const rocksdb::ReadOptions& options, Family f,
                           std::span<const std::string> keys, std::span<std::string> values) const {
  CHECK_EQ(values.size(), keys.size());
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(options, family(f), keys.size(), slices.data(), found.data(), statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      values[i].assign(found[i].data(), found[i].size());
    } else if (statuses[i].IsNotFound()) {
      values[i].clear();
    } else {
      return error(statuses[i]);
    }
  }
  return {};
}

std::unique_ptr<View> Database::view() const {
  std::lock_guard lock(write_mutex_);
  auto now = std::make_unique<View>(db_.get());
  now->state = state();
  return now;
}

std::shared_ptr<const CommittedState> Database::state() const {
  std::lock_guard lock(state_mutex_);
  return state_;
}

void Database::set_state(const CommittedState& state) {
  auto fresh = std::make_shared<const CommittedState>(state);
  std::lock_guard lock(state_mutex_);
  state_.swap(fresh);
}

// Whoever was told of a commit finds it: the state and the database change together.
Status Database::change(const CommittedState& state, const std::function<Status()>& write) {
  std::lock_guard lock(write_mutex_);
  QUIPU_TRY(write());
  committed_ = {state.checkpoint, committed_.commits + 1};
  set_state(state);
  return {};
}

Status Database::acknowledge() { return mark_->write(committed_); }

Status Database::hold_still(const std::function<Status(const CommitMark::Value&)>& f) const {
  std::lock_guard lock(write_mutex_);
  return f(committed_);
}

}  // namespace quipu
