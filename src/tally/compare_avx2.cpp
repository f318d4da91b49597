// The compare with AVX2.
#if defined(__x86_64__)

#include <immintrin.h>

#include "tally/compare.h"

#define QUIPU_AVX2 __attribute__((target("avx2")))

namespace quipu {
namespace {

// The first up to four lanes at p; lanes that are not there are zero.
QUIPU_AVX2 inline __m256i load_lanes(const uint64_t* p, uint32_t lanes) {
  if (lanes >= 4) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  if (lanes == 3)
    return _mm256_maskload_epi64(reinterpret_cast<const long long*>(p),
                                 _mm256_setr_epi64x(-1, -1, -1, 0));
  if (lanes == 2)
    return _mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_zextsi128_si256(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

QUIPU_AVX2 inline uint32_t equal_lanes(__m256i a, __m256i b) {
  return uint32_t(_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b))));
}

// Slots (bits 16..31 of each of eight lanes) as eight 16-bit numbers in order.
QUIPU_AVX2 inline __m128i slots_of(__m256i low, __m256i high) {
  const __m256i pick =
      _mm256_setr_epi8(2, 3, 10, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
                       2, 3, 10, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i l = _mm256_shuffle_epi8(low, pick);
  const __m256i h = _mm256_shuffle_epi8(high, pick);
  const __m128i first =
      _mm_unpacklo_epi32(_mm256_castsi256_si128(l), _mm256_extracti128_si256(l, 1));
  const __m128i second =
      _mm_unpacklo_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
  return _mm_unpacklo_epi64(first, second);
}

QUIPU_AVX2 void meta(const uint64_t* line, uint32_t lanes, SelectorId metric, PlanVersion version,
                     const BucketParts& parts, TileMeta& out) {
  const __m256i low = load_lanes(line, lanes);
  const __m256i high = lanes > 4 ? load_lanes(line + 4, lanes - 4) : _mm256_setzero_si256();
  const __m256i m = _mm256_set1_epi64x(int64_t(raw(metric)));
  const __m256i v = _mm256_set1_epi64x(int64_t(version));
  const __m256i version_bits = _mm256_set1_epi64x(0xFFFF);
  out.same_metric = uint8_t(equal_lanes(_mm256_srli_epi64(low, 32), m) |
                            equal_lanes(_mm256_srli_epi64(high, 32), m) << 4);
  out.same_version = uint8_t(equal_lanes(_mm256_and_si256(low, version_bits), v) |
                             equal_lanes(_mm256_and_si256(high, version_bits), v) << 4);
  // Slots are below 2^15: signed compares are right.
  const __m128i slots = slots_of(low, high);
  for (uint32_t i = 0; i < parts.frames; ++i) {
    __m128i inside = _mm_setzero_si128();
    for (uint32_t r = parts.first_range[i]; r < parts.first_range[i + 1]; ++r) {
      const __m128i begin = _mm_set1_epi16(short(parts.ranges[r].begin));
      const __m128i end = _mm_set1_epi16(short(parts.ranges[r].end));
      inside = _mm_or_si128(
          inside, _mm_andnot_si128(_mm_cmpgt_epi16(begin, slots), _mm_cmpgt_epi16(end, slots)));
    }
    out.inside[i] = uint8_t(_mm_movemask_epi8(_mm_packs_epi16(inside, _mm_setzero_si128())));
  }
}

QUIPU_AVX2 void columns(const uint64_t* tile, uint32_t lanes, const ColumnTest* tests,
                        uint32_t count, uint8_t* equal) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t* line = tile + tests[i].line * lanes;
    const __m256i element = _mm256_set1_epi64x(int64_t(tests[i].element));
    uint32_t mask = equal_lanes(load_lanes(line, lanes), element);
    if (lanes > 4) mask |= equal_lanes(load_lanes(line + 4, lanes - 4), element) << 4;
    equal[tests[i].position] = uint8_t(mask);
  }
}

// Bytes of a table of up to 64, picked by 32 indices.
struct Table {
  __m256i parts[4];
  uint32_t count;
};
QUIPU_AVX2 inline __m256i pick(const Table& table, __m256i index) {
  __m256i result = _mm256_setzero_si256();
  for (uint32_t g = 0; g < table.count; ++g) {
    // 0..15 become 0x70..0x7F, which shuffle takes by their low bits; all others reach 0x80 and
    // give zero.
    const __m256i shifted = _mm256_sub_epi8(index, _mm256_set1_epi8(char(16 * g)));
    const __m256i in_part = _mm256_adds_epu8(shifted, _mm256_set1_epi8(0x70));
    result = _mm256_or_si256(result, _mm256_shuffle_epi8(table.parts[g], in_part));
  }
  return result;
}

// Bytes 0xFF for the bits that are set.
QUIPU_AVX2 inline __m256i spread(uint32_t bits) {
  const __m256i which = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                         2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(int64_t(0x8040201008040201ull));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(int(bits)), which);
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
}

QUIPU_AVX2 bool bitmap_words(const MetricShape& shape, const uint8_t* equal, const uint8_t* live,
                             const uint64_t* alive, const BucketParts& parts, const uint8_t* inside,
                             uint64_t* fresh) {
  Table table;
  table.count = (shape.columns + 15) / 16;
  for (uint32_t g = 0; g < table.count; ++g)
    table.parts[g] = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(equal + 16 * g)));
  uint64_t left = 0;
  for (uint32_t b = 0; b < shape.bitmap_words; ++b) {
    uint64_t open = 0;
    for (uint32_t i = 0; i < parts.frames; ++i)
      open |= fresh[parts.frame[i] * shape.bitmap_words + b];
    if (open == 0) continue;
    if (live[b] == 0) {
      left |= open;
      continue;
    }
    __m256i seen[2];
    for (uint32_t half = 0; half < 2; ++half) {
      __m256i s = _mm256_set1_epi8(char(live[b]));
      __m256i match = _mm256_set1_epi8(-1);
      for (uint32_t k = 0; k < shape.depth[b]; ++k)
        match =
            _mm256_and_si256(match, pick(table, _mm256_load_si256(reinterpret_cast<const __m256i*>(
                                                    shape.layer(b, k) + 32 * half))));
      match = _mm256_or_si256(match, spread(uint32_t(shape.no_columns[b] >> 32 * half)));
      seen[half] = _mm256_and_si256(s, match);
    }
    const uint64_t kept = alive == nullptr ? 0 : ~alive[b];
    for (uint32_t i = 0; i < parts.frames; ++i) {
      const __m256i in = _mm256_set1_epi8(char(inside[i]));
      const __m256i zero = _mm256_setzero_si256();
      const uint32_t low =
          uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(seen[0], in), zero)));
      const uint32_t high =
          uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(seen[1], in), zero)));
      uint64_t& word = fresh[parts.frame[i] * shape.bitmap_words + b];
      word &= (uint64_t(high) << 32 | low) | kept;
      left |= word;
    }
  }
  return left != 0;
}

}  // namespace

const TileOps kAvx2TileOps = {meta, columns, bitmap_words};

}  // namespace quipu

#endif
