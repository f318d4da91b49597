#include "store/name_rows.h"

#include <algorithm>

#include "base/radix_sort.h"
#include "cells/cell_rows.h"
#include "store/names.h"

namespace quipu {
namespace {

// Bytes of texts aimed at in a row, if that makes fewer than kNamesOfRow of them.
constexpr size_t kTextBytesOfRow = 4096;

struct PropertyName {
  uint64_t tenant_and_property;
  Name name;
  auto operator<=>(const PropertyName&) const = default;
};

uint64_t tenant_and_property(const NameEntry& name) {
  return uint64_t(raw(name.tenant)) << 32 | raw(name.property);
}

std::vector<PropertyName> sorted(const std::vector<NameBatch>& batches) {
  struct Item {
    uint64_t place;  // see radix_sort.h
    const char* at;
  };
  size_t count = 0;
  for (const NameBatch& batch : batches) count += batch.size();
  std::vector<Item> items;
  items.reserve(count);
  GroupRanks properties;
  for (const NameBatch& batch : batches) {
    batch.each_place([&](const char* at) {
      items.push_back({properties.number(tenant_and_property(NameBatch::read(at))), at});
    });
  }
  properties.rank();
  for (Item& item : items)
    item.place = properties.place(uint32_t(item.place), NameBatch::read(item.at).element);
  radix_sort(items);

  constexpr size_t kAhead = 8;
  std::vector<PropertyName> names;
  names.reserve(count);
  for (size_t begin = 0, end; begin < items.size(); begin = end) {
    for (end = begin;
         end < items.size() && sorted_bits(items[end].place) == sorted_bits(items[begin].place);
         ++end) {
      if (end + kAhead < items.size()) __builtin_prefetch(items[end + kAhead].at);
      const NameEntry name = NameBatch::read(items[end].at);
      names.push_back({tenant_and_property(name), {name.element, name.text}});
    }
    std::sort(names.begin() + ptrdiff_t(begin), names.end());
  }
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

// The property stands where ChunkLengths has a dimension; names have no day and no selector.
Status NameRows::cut(const std::vector<NameBatch>& batches, const Stored& stored,
                     const Sink& sink) {
  const std::vector<PropertyName> names = sorted(batches);
  questions_.begin_commit();
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
      if (smallest.size() < ValueSketch::kMost &&
          (smallest.empty() || smallest.back() != name.element))
        smallest.push_back(name.element);
    }
    const size_t mean_bytes = std::max<size_t>(1, text_bytes / (end - i));
    const int aim = int(std::clamp<size_t>(kTextBytesOfRow / mean_bytes, 1, kNamesOfRow));
    QUIPU_TRY(learn(tenant, property, aim, stored));
    int bits = lengths_
                   .choose(kLifetimeDay, tenant, SelectorId::none, DimensionId(raw(property)),
                           end - i, smallest, aim)
                   .bits;
    bits =
        std::min((bits + kNamePrefixStep - 1) / kNamePrefixStep * kNamePrefixStep, kMaxChunkBits);
    while (i < end) {
      const NameKey row_key = name_key(tenant, property, bits, names[i].name.element);
      row.clear();
      for (; i < end &&
             name_key(tenant, property, bits, names[i].name.element).prefix == row_key.prefix;
           ++i)
        row.push_back(names[i].name);
      key.clear();
      row_key.append_to(key);
      QUIPU_TRY(sink(key, encode_names(row)));
    }
  }
  return {};
}

// As long as the store's prefixes, and longer by what their rows have grown too large.
Status NameRows::learn(TenantId tenant, PropertyId property, int aim, const Stored& ask) {
  const DimensionId dimension{raw(property)};
  if (lengths_.knows(kLifetimeDay, tenant, SelectorId::none, dimension) ||
      !questions_.ask(combine64(raw(tenant), raw(property))))
    return {};
  QUIPU_ASSIGN(const auto stored, ask(tenant, property));
  ValueSketch sketch;
  sketch.bits = uint8_t(std::min(
      stored.prefix_bits + ChunkLengths::bits_of_grown(stored.names_of_row, aim), kMaxChunkBits));
  lengths_.learn(kLifetimeDay, tenant, SelectorId::none, dimension, sketch);
  return {};
}

}  // namespace quipu
