#include "store/names.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/check.h"
#include "base/least_keys.h"

namespace quipu {
namespace {

constexpr uint8_t kNamesVersion = 2;
constexpr size_t kHeadBytes = 1 + sizeof(uint32_t);
constexpr size_t kElementBytes = sizeof(uint64_t), kEndBytes = sizeof(uint32_t);

// A row whose length fits its number of names; all else may still be corrupt.
class Row {
 public:
  static std::optional<Row> of(std::string_view bytes) {
    ByteReader r(bytes);
    if (r.u8() != kNamesVersion) return std::nullopt;
    Row row;
    row.count_ = r.le32();
    if (!r.ok() || row.count_ == 0 || r.left() / (kElementBytes + kEndBytes) < row.count_)
      return std::nullopt;
    row.elements_ = bytes.data() + kHeadBytes;
    row.ends_ = row.elements_ + row.count_ * kElementBytes;
    const char* texts = row.ends_ + row.count_ * kEndBytes;
    row.texts_ = bytes.substr(size_t(texts - bytes.data()));
    if (row.end(row.count_ - 1) != row.texts_.size()) return std::nullopt;
    return row;
  }

  size_t size() const { return count_; }
  uint64_t element(size_t i) const {
    return ByteReader({elements_ + i * kElementBytes, kElementBytes}).le64();
  }
  std::optional<std::string_view> text(size_t i) const {
    const size_t begin = i == 0 ? 0 : end(i - 1), stop = end(i);
    if (begin > stop || stop > texts_.size()) return std::nullopt;
    return texts_.substr(begin, stop - begin);
  }

 private:
  size_t end(size_t i) const { return ByteReader({ends_ + i * kEndBytes, kEndBytes}).le32(); }

  size_t count_ = 0;
  const char* elements_ = nullptr;
  const char* ends_ = nullptr;
  std::string_view texts_;
};

// Walks the names of a row.
class NameCursor {
 public:
  explicit NameCursor(const Row& row) : row_(row) {}
  bool at_end() const { return at_end_; }
  const Name& name() const { return name_; }

  // Goes to the next name. False: corrupt.
  bool next() {
    at_end_ = next_ == row_.size();
    if (at_end_) return true;
    const auto text = row_.text(next_);
    if (!text) return false;
    const Name name{row_.element(next_), *text};
    if (next_++ > 0 && name_ >= name) return false;
    name_ = name;
    return true;
  }

 private:
  Row row_;
  size_t next_ = 0;
  bool at_end_ = false;
  Name name_;
};

// The union of at most LeastKeys::kMost rows. False: corrupt.
bool merge_at_once(std::span<const std::string_view> rows, std::vector<Name>& names) {
  std::vector<NameCursor> cursors;
  size_t most = 0;
  for (std::string_view bytes : rows) {
    const auto row = Row::of(bytes);
    if (!row) return false;
    most = std::max(most, row->size());
    cursors.emplace_back(*row);
  }
  names.reserve(most);
  LeastKeys elements(rows.size());
  const auto advance = [&](size_t r) {
    NameCursor& cursor = cursors[r];
    if (!cursor.next()) return false;
    if (cursor.at_end()) {
      elements.end(r);
    } else {
      elements.set(r, cursor.name().element);
    }
    return true;
  };
  for (size_t r = 0; r < rows.size(); ++r) {
    if (!advance(r)) return false;
  }
  while (const LeastKeys::Mask with = elements.least()) {
    // Of names of one element the first text: hardly ever there are two.
    Name first = cursors[size_t(std::countr_zero(with))].name();
    each_row(with, [&](size_t r) {
      first = std::min(first, cursors[r].name());
      return true;
    });
    names.push_back(first);
    if (!each_row(with, [&](size_t r) { return cursors[r].name() != first || advance(r); }))
      return false;
  }
  return true;
}

}  // namespace

void NameKey::append_to(std::string& out) const {
  ByteWriter w(out);
  w.be32(raw(tenant));
  w.be32(raw(property));
  w.u8(prefix_bits);
  w.be32(prefix);
}

NameKey name_key(TenantId tenant, PropertyId property, int prefix_bits, uint64_t element) {
  CHECK(prefix_bits >= 0 && prefix_bits <= kMaxPrefixBits);
  const uint32_t prefix =
      prefix_bits == 0 ? 0
                       : uint32_t(element >> 32) & ~uint32_t(0) << (kMaxPrefixBits - prefix_bits);
  return {tenant, property, uint8_t(prefix_bits), prefix};
}

std::optional<int> prefix_bits_of(std::string_view key, TenantId tenant, PropertyId property) {
  ByteReader r(key);
  const bool same = r.be32() == raw(tenant) && r.be32() == raw(property);
  const int bits = r.u8();
  return r.ok() && same ? std::optional(bits) : std::nullopt;
}

std::string encode_names(std::span<const Name> names) {
  size_t text_bytes = 0;
  for (const Name& name : names) text_bytes += name.text.size();
  CHECK(text_bytes <= UINT32_MAX);  // NameRows puts few long texts in a row
  std::string bytes;
  bytes.reserve(kHeadBytes + names.size() * (kElementBytes + kEndBytes) + text_bytes);
  ByteWriter w(bytes);
  w.u8(kNamesVersion);
  w.le32(uint32_t(names.size()));
  for (const Name& name : names) w.le64(name.element);
  uint32_t end = 0;
  for (const Name& name : names) w.le32(end += uint32_t(name.text.size()));
  for (const Name& name : names) bytes.append(name.text);
  return bytes;
}

std::optional<std::vector<Name>> decode_names(std::string_view bytes) {
  const auto row = Row::of(bytes);
  if (!row) return std::nullopt;
  std::vector<Name> names;
  names.reserve(row->size());
  for (size_t i = 0; i < row->size(); ++i) {
    const auto text = row->text(i);
    if (!text) return std::nullopt;
    const Name name{row->element(i), *text};
    if (!names.empty() && names.back() >= name) return std::nullopt;
    names.push_back(name);
  }
  return names;
}

bool find_names(std::string_view bytes, uint64_t element, std::vector<std::string>& texts) {
  const auto row = Row::of(bytes);
  if (!row) return false;
  size_t begin = 0, end = row->size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    if (row->element(middle) < element) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  for (; begin < row->size() && row->element(begin) == element; ++begin) {
    const auto text = row->text(begin);
    if (!text) return false;
    texts.emplace_back(*text);
  }
  return true;
}

std::optional<std::string> merge_names(std::span<const std::string_view> rows) {
  return merge_in_parts(rows,
                        [](std::span<const std::string_view> part) -> std::optional<std::string> {
                          std::vector<Name> names;
                          if (!merge_at_once(part, names)) return std::nullopt;
                          return encode_names(names);
                        });
}

}  // namespace quipu
