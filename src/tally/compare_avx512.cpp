// The compare with AVX-512 (F, BW, VL, VBMI).
#if defined(__x86_64__)

#include <immintrin.h>

#include "tally/compare.h"

#define QUIPU_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

namespace quipu {
namespace {

QUIPU_AVX512 void meta(const uint64_t* line, uint32_t lanes, SelectorId metric, PlanVersion version,
                       const BucketParts& parts, TileMeta& out) {
  const __m512i rows = _mm512_maskz_loadu_epi64(__mmask8((1u << lanes) - 1), line);
  out.same_metric = uint8_t(_mm512_cmpeq_epi64_mask(_mm512_maskz_srli_epi64(0xFF, rows, 32),
                                                    _mm512_set1_epi64(int64_t(raw(metric)))));
  out.same_version = uint8_t(_mm512_cmpeq_epi64_mask(
      _mm512_and_si512(rows, _mm512_set1_epi64(0xFFFF)), _mm512_set1_epi64(int64_t(version))));
  const __m128i slots = _mm512_maskz_cvtepi64_epi16(0xFF, _mm512_maskz_srli_epi64(0xFF, rows, 16));
  for (uint32_t i = 0; i < parts.frames; ++i) {
    uint32_t inside = 0;
    for (uint32_t r = parts.first_range[i]; r < parts.first_range[i + 1]; ++r) {
      const __m128i begin = _mm_set1_epi16(short(parts.ranges[r].begin));
      const __m128i end = _mm_set1_epi16(short(parts.ranges[r].end));
      inside |= _mm_mask_cmplt_epu16_mask(_mm_cmpge_epu16_mask(slots, begin), slots, end);
    }
    out.inside[i] = uint8_t(inside);
  }
}

QUIPU_AVX512 void columns(const uint64_t* tile, uint32_t lanes, const ColumnTest* tests,
                          uint32_t count, uint8_t* equal) {
  const __mmask8 there = __mmask8((1u << lanes) - 1);
  for (uint32_t i = 0; i < count; ++i) {
    const __m512i line = _mm512_maskz_loadu_epi64(there, tile + tests[i].line * lanes);
    equal[tests[i].position] =
        uint8_t(_mm512_cmpeq_epi64_mask(line, _mm512_set1_epi64(int64_t(tests[i].element))));
  }
}

QUIPU_AVX512 bool bitmap_words(const MetricShape& shape, const uint8_t* equal, const uint8_t* live,
                               const uint64_t* alive, const BucketParts& parts,
                               const uint8_t* inside, uint64_t* fresh) {
  const __m512i table = _mm512_load_si512(equal);
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
    __m512i match = _mm512_set1_epi8(-1);
    for (uint32_t k = 0; k < shape.depth[b]; ++k)
      match =
          _mm512_and_si512(match, _mm512_maskz_permutexvar_epi8(
                                      ~__mmask64(0), _mm512_load_si512(shape.layer(b, k)), table));
    match = _mm512_mask_mov_epi8(match, __mmask64(shape.no_columns[b]), _mm512_set1_epi8(-1));
    const __m512i seen = _mm512_and_si512(match, _mm512_set1_epi8(char(live[b])));
    const uint64_t kept = alive == nullptr ? 0 : ~alive[b];
    for (uint32_t i = 0; i < parts.frames; ++i) {
      const uint64_t unseen = _mm512_testn_epi8_mask(seen, _mm512_set1_epi8(char(inside[i])));
      uint64_t& word = fresh[parts.frame[i] * shape.bitmap_words + b];
      word &= unseen | kept;
      left |= word;
    }
  }
  return left != 0;
}

}  // namespace

const TileOps kAvx512TileOps = {meta, columns, bitmap_words};

}  // namespace quipu

#endif
