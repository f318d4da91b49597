#include "query/cell_scan.h"

#include <algorithm>

#include "cells/cell_lookup.h"

namespace quipu {
namespace {

constexpr uint64_t kDaysAtOnce = 16;  // whose rows of few values are fetched together

std::string key_of(DayIndex day, TenantId tenant, SelectorId selector, DimensionId dimension) {
  std::string key;
  append_cell_prefix(day, tenant, selector, key);
  ByteWriter(key).be32(raw(dimension));
  return key;
}

LayoutOf layouts(StoreView& view) {
  return [&view](LayoutId id) { return view.catalogue().layout(id); };
}

// hashes: see read_cell_row.
Status read_row(StoreView& view, const CellKey& key, DimensionId only, std::string_view value,
                const std::function<void(DimensionId, const CellEntry&)>& visit,
                std::span<const uint64_t> hashes = {}) {
  if (key.joint()) return read_joint_row(value, key, only, visit, hashes);
  if (key.dimension != DimensionId::none) {
    return read_cell_row(
        value, [&](const CellEntry& entry) { visit(key.dimension, entry); }, hashes);
  }
  return read_sparse_row(value, layouts(view), only,
                         [&](const SparseCell& cell) { visit(cell.dimension, cell.entry); });
}

// Visits the rows with begin <= key < end.
Status scan_rows(StoreView& view, const std::string& begin, const std::string& end,
                 DimensionId only,
                 const std::function<void(const CellKey&, DimensionId, const CellEntry&)>& visit) {
  Status inner;
  Status outer =
      view.snapshot().scan_cells(begin, end, [&](std::string_view bytes, std::string_view value) {
        auto key = CellKey::parse(bytes);
        if (!key) {
          inner = Error{
              "a row of cells has a broken key: the store's files are damaged; restore a backup"};
          return false;
        }
        if (inner = view.spend(1); !inner.ok()) return false;
        inner = read_row(
            view, *key, only, value,
            [&](DimensionId dimension, const CellEntry& entry) { visit(*key, dimension, entry); });
        return inner.ok();
      });
  QUIPU_TRY(outer);
  return inner;
}

std::string chunk_key(CellKey key, int bits, uint64_t chunk) {
  std::string bytes;
  key.chunk_bits = uint8_t(bits);
  key.chunk = uint32_t(chunk);
  key.append_to(bytes);
  return bytes;
}

using RowVisitor = std::function<void(const CellKey&, DimensionId, const CellEntry&)>;

// Visits the rows of the dimension's own (not joint ones) that may hold values of the piece.
Status scan_own_rows(StoreView& view, const CellKey& of, const HashPiece& piece,
                     const RowVisitor& visit) {
  if (piece.is_all()) {
    return scan_rows(view, chunk_key(of, 0, 0), chunk_key(of, kJointChunk, 0), of.dimension, visit);
  }
  for (int bits = 0; bits <= kMaxChunkBits;) {
    const uint64_t chunk = chunk_of(piece.first, bits);
    QUIPU_ASSIGN(auto next, view.snapshot().seek_cell_key(chunk_key(of, bits, chunk)));
    const auto found = CellKey::parse(next);
    if (!found || found->day != of.day || found->tenant != of.tenant ||
        found->selector != of.selector || found->dimension != of.dimension || found->joint())
      return {};
    if (found->chunk_bits > bits) {  // none of this length; look at those of the next that is there
      bits = found->chunk_bits;
      continue;
    }
    QUIPU_TRY(scan_rows(view, next, chunk_key(of, bits, uint64_t(chunk_of(piece.last, bits)) + 1),
                        of.dimension, visit));
    ++bits;
  }
  return {};
}

}  // namespace

Status scan_counter(StoreView& view, TenantId tenant, SelectorId selector, DimensionId dimension,
                    DayIndex first, DayIndex last,
                    const std::function<void(DayIndex, const CellEntry&)>& visit,
                    const HashPiece& piece) {
  auto pass = [&](const CellKey& key, DimensionId d, const CellEntry& entry) {
    if (d == dimension) visit(key.day, entry);
  };
  for (uint64_t day = first; day <= last; ++day) {
    QUIPU_TRY(view.spend(0));
    // Skip to the next day that has anything of this selector.
    QUIPU_ASSIGN(auto next, view.snapshot().seek_cell_key(
                                key_of(DayIndex(day), tenant, selector, DimensionId::none)));
    auto key = CellKey::parse(next);
    if (!key || key->day > last) return {};
    if (key->day > day) {
      day = key->day - 1;
      continue;
    }
    if (key->tenant != tenant || key->selector != selector) continue;
    const DayIndex d = DayIndex(day);
    QUIPU_TRY(scan_rows(view, key_of(d, tenant, selector, DimensionId::none),
                        key_of(d, tenant, selector, DimensionId(1)), dimension, pass));
    QUIPU_TRY(scan_own_rows(view, CellKey{d, tenant, selector, dimension, 0, 0}, piece, pass));
    std::string joint;
    CellKey::joint_of(d, tenant, selector, dimension).append_to(joint);
    QUIPU_TRY(scan_rows(view, joint,
                        key_of(d, tenant, selector, DimensionId(raw(last_of_joint(dimension)) + 1)),
                        dimension, pass));
  }
  return {};
}

Status get_values(StoreView& view, TenantId tenant, SelectorId selector, DimensionId dimension,
                  DayIndex first, DayIndex last, std::span<const std::vector<uint64_t>> values,
                  const std::function<void(DayIndex, const CellEntry&)>& visit) {
  std::vector<uint64_t> hashes;
  for (const auto& value : values) hashes.push_back(value_hash(value));
  std::sort(hashes.begin(), hashes.end());
  const auto visit_row = [&](const CellKey& key, std::string_view row) {
    return read_row(
        view, key, dimension, row,
        [&](DimensionId d, const CellEntry& entry) {
          const bool wanted = std::any_of(values.begin(), values.end(), [&](const auto& value) {
            return std::equal(value.begin(), value.end(), entry.elements.begin(),
                              entry.elements.end());
          });
          if (d == dimension && wanted) visit(key.day, entry);
        },
        hashes);
  };
  for (uint64_t day = first; day <= last;) {
    QUIPU_TRY(view.spend(0));
    // Skip to the next day that has anything of this selector; then look at some at once.
    QUIPU_ASSIGN(auto next, view.snapshot().seek_cell_key(
                                key_of(DayIndex(day), tenant, selector, DimensionId::none)));
    const auto found = CellKey::parse(next);
    if (!found || found->day > last) return {};
    if (found->day > day) {
      day = found->day;
      continue;
    }
    if (found->tenant != tenant || found->selector != selector) {
      ++day;
      continue;
    }
    const uint64_t end = std::min(uint64_t(last) + 1, day + kDaysAtOnce);
    std::vector<std::string> keys;
    for (; day < end; ++day) {
      const size_t begin = keys.size();
      for (const auto& value : values) {
        for (std::string& key : lookup_keys(DayIndex(day), tenant, selector, dimension, value))
          keys.push_back(std::move(key));
      }
      std::sort(keys.begin() + ptrdiff_t(begin), keys.end());
      keys.erase(std::unique(keys.begin() + ptrdiff_t(begin), keys.end()), keys.end());
    }
    QUIPU_TRY(view.spend(keys.size()));
    std::vector<std::string> rows;
    QUIPU_TRY(view.snapshot().get_cells(keys, rows));
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!rows[i].empty()) QUIPU_TRY(visit_row(*CellKey::parse(keys[i]), rows[i]));
    }
  }
  return {};
}

Result<bool> has_cells(StoreView& view, TenantId tenant, SelectorId selector) {
  for (uint64_t day = 0; day <= kLifetimeDay; ++day) {
    QUIPU_TRY(view.spend(1));
    QUIPU_ASSIGN(auto next, view.snapshot().seek_cell_key(
                                key_of(DayIndex(day), tenant, selector, DimensionId::none)));
    const auto key = CellKey::parse(next);
    if (!key) return false;
    if (key->tenant == tenant && key->selector == selector) return true;
    if (key->day > day) day = uint64_t(key->day) - 1;
  }
  return false;
}

Status scan_all_cells(StoreView& view,
                      const std::function<void(const AnyCell&, const CellEntry&)>& visit) {
  return scan_rows(view, std::string(), std::string(), DimensionId::none,
                   [&](const CellKey& key, DimensionId d, const CellEntry& entry) {
                     visit({key.day, key.tenant, key.selector, d}, entry);
                   });
}

}  // namespace quipu
