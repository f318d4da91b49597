#include "store/name_reader.h"

#include <rocksdb/db.h>

#include <algorithm>

#include "store/database.h"
#include "store/names.h"

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
      return database_.error(rocksdb::Status::Corruption("a row of names"));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

Status NameReader::names_of(TenantId tenant, PropertyId property,
                            std::span<const uint64_t> elements,
                            const std::function<void(size_t, std::string_view)>& visit) {
  std::vector<int> lengths;
  {
    std::lock_guard lock(mutex_);
    QUIPU_ASSIGN(lengths, known_lengths(tenant, property));
  }
  for (int bits : lengths) {
    const auto key_of = [&](size_t i) {
      std::string key;
      name_key(tenant, property, bits, elements[i]).append_to(key);
      return key;
    };
    QUIPU_TRY(elements.size() > kFewNames ? walk(elements, key_of, visit)
                                          : get_each(elements, key_of, visit));
  }
  return {};
}

Status NameReader::get_each(std::span<const uint64_t> elements, const KeyOf& key_of,
                            const std::function<void(size_t, std::string_view)>& visit) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < elements.size(); ++i) {
    QUIPU_ASSIGN(const std::string* row, row_of(key_of(i)));
    QUIPU_TRY(visit_texts(*row, elements[i], i, visit));
  }
  return {};
}

// Row by row: the next one is found faster than another is looked up.
Status NameReader::walk(std::span<const uint64_t> elements, const KeyOf& key_of,
                        const std::function<void(size_t, std::string_view)>& visit) const {
  constexpr int kSteps = 4;  // rows passed over one by one, before the wanted one is sought
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::unique_ptr<rocksdb::Iterator> it(
      database_.db()->NewIterator(options, database_.family(Family::names)));
  std::string wanted = elements.empty() ? "" : key_of(0);
  it->Seek(wanted);
  for (size_t i = 0, passed = 0; i < elements.size() && it->Valid();) {
    const int order = it->key().compare(wanted);
    if (order < 0) {
      ++passed > kSteps ? it->Seek(wanted) : it->Next();
      continue;
    }
    passed = 0;
    const std::string_view row(it->value().data(), it->value().size());
    const std::string key = it->key().ToString();
    for (; i < elements.size() && (wanted = key_of(i)) <= key; ++i) {
      if (wanted == key) QUIPU_TRY(visit_texts(row, elements[i], i, visit));
    }
  }
  return it->status().ok() ? Status() : database_.error(it->status());
}

Status NameReader::visit_texts(std::string_view row, uint64_t element, size_t i,
                               const std::function<void(size_t, std::string_view)>& visit) const {
  std::vector<std::string> texts;
  if (!row.empty() && !find_names(row, element, texts))
    return database_.error(rocksdb::Status::Corruption("a row of names"));
  for (const std::string& text : texts) visit(i, text);
  return {};
}

Status NameReader::scan(
    TenantId tenant, PropertyId property,
    const std::function<bool(uint64_t element, std::string_view text)>& visit) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  std::unique_ptr<rocksdb::Iterator> it(
      database_.db()->NewIterator(options, database_.family(Family::names)));
  std::string first;
  NameKey{tenant, property, 0, 0}.append_to(first);
  for (it->Seek(first);
       it->Valid() && prefix_bits_of({it->key().data(), it->key().size()}, tenant, property);
       it->Next()) {
    const auto names = decode_names({it->value().data(), it->value().size()});
    if (!names) return database_.error(rocksdb::Status::Corruption("a row of names"));
    for (const Name& name : *names) {
      if (!visit(name.element, name.text)) return {};
    }
  }
  return it->status().ok() ? Status() : database_.error(it->status());
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
