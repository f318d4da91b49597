#include "tally/compare.h"

#include "base/check.h"
#include "base/fault.h"

namespace quipu {

int best_variant() {
#if defined(__x86_64__)
  static const int best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi"))
      return 3;
    return __builtin_cpu_supports("avx2") ? 2 : 1;
  }();
  return best;
#else
  return 1;
#endif
}

const TileOps& tile_ops(int variant) {
#if defined(__x86_64__)
  const int best = best_variant();
  if (variant == 0 || variant > best) variant = best;
  if (variant == 3) return kAvx512TileOps;
  if (variant == 2) return kAvx2TileOps;
#endif
  (void)variant;
  return kPlainTileOps;
}

namespace {

bool any_fresh(const MetricShape& shape, const BucketParts& parts, const uint64_t* fresh) {
  uint64_t any = 0;
  for (uint32_t i = 0; i < parts.frames; ++i)
    for (uint32_t b = 0; b < shape.bitmap_words; ++b)
      any |= fresh[parts.frame[i] * shape.bitmap_words + b];
  return any != 0;
}

// By section, the rows of a tile that count for it. Returns their union.
uint8_t rows_by_section(const MetricShape& shape, const uint64_t* meta, uint8_t rows,
                        uint8_t same_metric, uint8_t* by_section) {
  const uint32_t for_all = shape.sections_of_all();
  uint8_t all = 0;
  for (uint32_t s = 0; s < shape.sections; ++s)
    by_section[s] = for_all >> s & 1 ? rows : same_metric;
  if (shape.any_named_group()) {
    for (uint32_t others = rows & ~same_metric & 0xFF; others != 0; others &= others - 1) {
      const uint32_t row = uint32_t(__builtin_ctz(others));
      const uint32_t sections = shape.sections_of(meta_metric(meta[row]));
      for (uint32_t s = 0; s < shape.sections; ++s)
        by_section[s] |= uint8_t((sections >> s & 1) << row);
    }
  }
  for (uint32_t s = 0; s < shape.sections; ++s) all |= by_section[s];
  return all;
}

}  // namespace

bool look(const TileOps& ops, const MetricShape& shape, PlanVersion version,
          const BucketParts& parts, const MatrixView& matrix, const uint64_t* row_elements,
          uint64_t* fresh) {
  if (!any_fresh(shape, parts, fresh)) return false;
  alignas(64) uint8_t equal[kMaxColumns];
  ColumnTest tests[kMaxColumns];
  uint32_t test_count = 0;
  uint64_t lines_left = matrix.columns;
  for (uint32_t i = 0, line = 1; i < shape.columns; ++i) {
    const uint32_t c = shape.plan_column[i];
    for (const uint64_t below = (uint64_t(1) << c) - 1; lines_left & below;
         lines_left &= lines_left - 1)
      ++line;
    if (lines_left >> c & 1)
      tests[test_count++] = {row_elements[c], line, i};
    else
      equal[i] = row_elements[c] == kEmptyElement ? 0xFF : 0;
  }

  bool left = true;
  TileMeta meta;
  uint8_t by_section[kMaxBitmapWords];
  // The newest rows first: an event is most like those just before it.
  for (uint32_t t = (matrix.rows + kTileRows - 1) / kTileRows; left && t-- > 0;) {
    const uint64_t* tile = matrix.tile(t);
    const uint32_t in_tile = matrix.rows - t * kTileRows;
    const uint8_t rows = in_tile >= kTileRows ? 0xFF : uint8_t((1u << in_tile) - 1);
    ops.meta(tile, matrix.lanes, shape.metric.metric, version, parts, meta);
    uint8_t inside = 0;
    for (uint32_t i = 0; i < parts.frames; ++i) inside |= meta.inside[i];
    const uint8_t counting =
        rows_by_section(shape, tile, rows, uint8_t(meta.same_metric & rows), by_section);
    if ((counting & inside) == 0) continue;
    ops.columns(tile, matrix.lanes, tests, test_count, equal);

    const auto clear_seen = [&](uint8_t of_version, const uint64_t* alive) {
      uint8_t live[kMaxBitmapWords];
      for (uint32_t b = 0; b < shape.bitmap_words; ++b)
        live[b] = by_section[shape.section[b]] & of_version;
      left = ops.bitmap_words(shape, equal, live, alive, parts, meta.inside.data(), fresh);
    };
    if (const uint8_t current = rows & meta.same_version) clear_seen(current, nullptr);
    for (uint8_t older = rows & ~meta.same_version; left && older != 0;) {
      const PlanVersion v = meta_version(tile[__builtin_ctz(older)]);
      uint8_t of_version = 0;
      for (uint32_t rest = older; rest != 0; rest &= rest - 1)
        if (meta_version(tile[__builtin_ctz(rest)]) == v) of_version |= uint8_t(rest & -rest);
      older &= ~of_version;
      CHECK(v < shape.metric.unique_alive.size());
      const std::vector<uint64_t>& alive = shape.metric.unique_alive[v];
      CHECK(alive.size() >= shape.bitmap_words);
      clear_seen(of_version, planted(Planted::old_row_for_new_dimension) ? nullptr : alive.data());
    }
  }
  return left;
}

}  // namespace quipu
