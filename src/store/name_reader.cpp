#include "store/name_reader.h"

#include <rocksdb/db.h>

#include <algorithm>

#include "store/names.h"
#include "store/store_impl.h"

namespace quipu {

Result<std::vector<int>> NameReader::known_lengths(TenantId tenant, PropertyId property) {
  const auto [lengths, unknown] = lengths_.try_emplace({tenant, property});
  if (unknown) {
    auto found = lengths_of(tenant, property);
    if (!found.ok()) {
      lengths_.erase(lengths);
      return found.error();
    }
    lengths->second = std::move(*found);
  }
  return lengths->second;
}

Result<const std::string*> NameReader::row_of(const std::string& key) {
  auto row = rows_.find(key);
  if (row == rows_.end()) {
    auto read = read_row(key);
    if (!read.ok()) return read.error();
    if (row_bytes_ >= kRowBytes) {
      rows_.clear();
      row_bytes_ = 0;
    }
    row_bytes_ += kBytesOfEntry + read->size();
    row = rows_.emplace(key, std::move(*read)).first;
  }
  return &row->second;
}

Result<std::vector<std::string>> NameReader::names(TenantId tenant, PropertyId property,
                                                   uint64_t element) {
  std::lock_guard lock(mutex_);
  QUIPU_ASSIGN(const std::vector<int> lengths, known_lengths(tenant, property));
  std::vector<std::string> texts;
  for (int bits : lengths) {
    std::string key;
    name_key(tenant, property, bits, element).append_to(key);
    QUIPU_ASSIGN(const std::string* row, row_of(key));
    if (!row->empty() && !find_names(*row, element, texts))
      return store_.error(rocksdb::Status::Corruption("a row of names"));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

Status NameReader::names_of(TenantId tenant, PropertyId property,
                            std::span<const uint64_t> elements,
                            const std::function<void(size_t, std::string_view)>& visit) {
  std::lock_guard lock(mutex_);
  QUIPU_ASSIGN(const std::vector<int> lengths, known_lengths(tenant, property));
  std::vector<std::string> texts;
  for (int bits : lengths) {
    std::string key, last;
    const std::string* row = nullptr;
    for (size_t i = 0; i < elements.size(); ++i) {
      key.clear();
      name_key(tenant, property, bits, elements[i]).append_to(key);
      if (!row || key != last) {
        QUIPU_ASSIGN(row, row_of(key));
        last = key;
      }
      texts.clear();
      if (!row->empty() && !find_names(*row, elements[i], texts))
        return store_.error(rocksdb::Status::Corruption("a row of names"));
      for (const std::string& text : texts) visit(i, text);
    }
  }
  return {};
}

Status NameReader::scan(
    TenantId tenant, PropertyId property,
    const std::function<bool(uint64_t element, std::string_view text)>& visit) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db()->NewIterator(options, store_.family(Family::names)));
  std::string first;
  NameKey{tenant, property, 0, 0}.append_to(first);
  for (it->Seek(first);
       it->Valid() && prefix_bits_of({it->key().data(), it->key().size()}, tenant, property);
       it->Next()) {
    const auto names = decode_names({it->value().data(), it->value().size()});
    if (!names) return store_.error(rocksdb::Status::Corruption("a row of names"));
    for (const Name& name : *names) {
      if (!visit(name.element, name.text)) return {};
    }
  }
  return it->status().ok() ? Status() : store_.error(it->status());
}

Result<std::vector<int>> NameReader::lengths_of(TenantId tenant, PropertyId property) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db()->NewIterator(options, store_.family(Family::names)));
  std::vector<int> lengths;
  std::string key;
  for (int next = 0;; next = lengths.back() + 1) {
    key.clear();
    NameKey{tenant, property, uint8_t(next), 0}.append_to(key);
    it->Seek(key);
    if (!it->status().ok()) return store_.error(it->status());
    const auto bits = it->Valid()
                          ? prefix_bits_of({it->key().data(), it->key().size()}, tenant, property)
                          : std::nullopt;
    if (!bits) return lengths;
    if (*bits > kMaxPrefixBits) return store_.error(rocksdb::Status::Corruption("a key of names"));
    lengths.push_back(*bits);
  }
}

Result<std::string> NameReader::read_row(const std::string& key) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::string row;
  const rocksdb::Status got = store_.db()->Get(options, store_.family(Family::names), key, &row);
  if (!got.ok() && !got.IsNotFound()) return store_.error(got);
  return row;
}

}  // namespace quipu
