#include "store/name_reader.h"

#include <rocksdb/db.h>

#include <algorithm>

#include "store/database.h"
#include "store/names.h"

namespace quipu {

Result<std::vector<std::string>> NameReader::names(TenantId tenant, PropertyId property,
                                                   uint64_t element) {
  std::lock_guard lock(mutex_);
  const auto [lengths, unknown] = lengths_.try_emplace({tenant, property});
  if (unknown) {
    auto found = lengths_of(tenant, property);
    if (!found.ok()) {
      lengths_.erase(lengths);
      return found.error();
    }
    lengths->second = std::move(*found);
  }
  std::vector<std::string> texts;
  for (int bits : lengths->second) {
    std::string key;
    name_key(tenant, property, bits, element).append_to(key);
    auto row = rows_.find(key);
    if (row == rows_.end()) {
      QUIPU_ASSIGN(auto read, read_row(key));
      if (row_bytes_ >= kRowBytes) {
        rows_.clear();
        row_bytes_ = 0;
      }
      row_bytes_ += kBytesOfEntry + read.size();
      row = rows_.emplace(std::move(key), std::move(read)).first;
    }
    if (!row->second.empty() && !find_names(row->second, element, texts))
      return database_.error(rocksdb::Status::Corruption("a row of names"));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

Result<std::vector<int>> NameReader::lengths_of(TenantId tenant, PropertyId property) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::unique_ptr<rocksdb::Iterator> it(
      database_.db()->NewIterator(options, database_.family(Family::names)));
  std::vector<int> lengths;
  std::string key;
  for (int next = 0;; next = lengths.back() + 1) {
    key.clear();
    NameKey{tenant, property, uint8_t(next), 0}.append_to(key);
    it->Seek(key);
    if (!it->status().ok()) return database_.error(it->status());
    const auto bits = it->Valid()
                          ? prefix_bits_of({it->key().data(), it->key().size()}, tenant, property)
                          : std::nullopt;
    if (!bits) return lengths;
    if (*bits > kMaxPrefixBits)
      return database_.error(rocksdb::Status::Corruption("a key of names"));
    lengths.push_back(*bits);
  }
}

Result<std::string> NameReader::read_row(const std::string& key) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string row;
  const rocksdb::Status got =
      database_.db()->Get(options, database_.family(Family::names), key, &row);
  if (!got.ok() && !got.IsNotFound()) return database_.error(got);
  return row;
}

}  // namespace quipu
