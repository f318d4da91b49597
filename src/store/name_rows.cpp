#include "store/name_rows.h"

#include <algorithm>
#include <compare>

#include "base/radix_sort.h"
#include "cells/cell_rows.h"
#include "store/names.h"

namespace quipu {
namespace {

// Bytes of texts aimed at in a row, if that makes fewer than kNamesOfRow of them.
constexpr size_t kTextBytesOfRow = 4096;

struct PropertyName {
  uint64_t place;                 // see radix_sort.h
  uint64_t tenant_and_property;
  Name name;
  bool operator==(const PropertyName& o) const { return tenant_and_property == o.tenant_and_property && name == o.name; }
  auto operator<=>(const PropertyName& o) const {
    const auto order = tenant_and_property <=> o.tenant_and_property;
    return order != 0 ? order : name <=> o.name;
  }
};

std::vector<PropertyName> sorted(const std::vector<NameBatch>& batches) {
  size_t count = 0;
  for (const NameBatch& batch : batches) count += batch.size();
  std::vector<PropertyName> names;
  names.reserve(count);
  GroupRanks properties;
  for (const NameBatch& batch : batches) {
    batch.each([&](const NameEntry& name) {
      const uint64_t of = uint64_t(raw(name.tenant)) << 32 | raw(name.property);
      names.push_back({properties.number(of), of, {name.element, name.text}});
    });
  }
  properties.rank();
  for (PropertyName& name : names) name.place = properties.place(uint32_t(name.place), name.name.element);
  radix_sort(names);
  for (auto begin = names.begin(); begin != names.end();) {
    const auto end = std::find_if(begin, names.end(), [&](const PropertyName& n) { return sorted_bits(n.place) != sorted_bits(begin->place); });
    std::sort(begin, end);
    begin = end;
  }
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

// The property stands where ChunkLengths has a dimension; names have no day and no selector.
Status NameRows::cut(const std::vector<NameBatch>& batches, const Stored& stored, const Sink& sink) {
  const std::vector<PropertyName> names = sorted(batches);
  questions_ = 0;
  std::vector<Name> row;
  std::string key;
  for (size_t i = 0; i < names.size();) {
    const uint64_t of = names[i].tenant_and_property;
    const TenantId tenant{uint32_t(of >> 32)};
    const PropertyId property{uint32_t(of)};
    size_t end = i, text_bytes = 0;
    std::vector<uint64_t> smallest;
    for (; end < names.size() && names[end].tenant_and_property == of; ++end) {
      const Name& name = names[end].name;
      text_bytes += name.text.size();
      if (smallest.size() < ChunkLengths::kSmallest && (smallest.empty() || smallest.back() != name.element)) smallest.push_back(name.element);
    }
    const size_t mean_bytes = std::max<size_t>(1, text_bytes / (end - i));
    const int aim = int(std::clamp<size_t>(kTextBytesOfRow / mean_bytes, 1, kNamesOfRow));
    const auto least = least_bits(tenant, property, aim, stored);
    if (!least.ok()) return least.error();
    int bits = lengths_.choose(kLifetimeDay, tenant, SelectorId::none, DimensionId(raw(property)), end - i, smallest, aim, *least);
    bits = std::min((bits + kNamePrefixStep - 1) / kNamePrefixStep * kNamePrefixStep, kMaxChunkBits);
    while (i < end) {
      const NameKey row_key = name_key(tenant, property, bits, names[i].name.element);
      row.clear();
      for (; i < end && name_key(tenant, property, bits, names[i].name.element).prefix == row_key.prefix; ++i) row.push_back(names[i].name);
      key.clear();
      row_key.append_to(key);
      QUIPU_TRY(sink(key, encode_names(row)));
    }
  }
  return {};
}

// As long as the store's prefixes, and longer by what their rows have grown too large.
Result<int> NameRows::least_bits(TenantId tenant, PropertyId property, int aim, const Stored& ask) {
  if (lengths_.knows(kLifetimeDay, tenant, SelectorId::none, DimensionId(raw(property))) || questions_ == kQuestionsOfCommit) return 0;
  ++questions_;
  const auto stored = ask(tenant, property);
  if (!stored.ok()) return stored.error();
  return stored->prefix_bits + ChunkLengths::bits_of_grown(stored->names_of_row, aim);
}

}  // namespace quipu
