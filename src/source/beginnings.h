// The beginnings by which a content is found among those that were counted: its first 1, 2, 4, 8,
// .. lines that are not empty, as far as they lie in its first 64 KiB behind the header, and these
// 64 KiB. Each is known by a hash of everything up to its end (the header too, the line's own end
// not). So two contents share a beginning of n lines if they agree in these, and of two that are
// one content at two times the longer has all beginnings of the shorter. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace quipu {

// The hash of fingerprints and beginnings. Fixed for ever, unlike a store's secret: they are
// compared across stores and versions, tell files apart, and need not withstand anyone. Zero for
// nothing.
Hash128 fingerprint_hash(std::string_view bytes);

struct Beginning {
  Hash128 hash;
  uint64_t lines = 0;  // lines in it that are not empty, without the header
};

// Of a content that begins with `text`, header included; no more of it than is_beginning_whole()
// asks for is looked at. `ended`: nothing follows, so the last line needs no newline to be one.
std::vector<Beginning> beginnings_of(std::string_view text, size_t header_bytes, bool ended);

// Whether more of the content has no more beginnings.
bool is_beginning_whole(size_t text_bytes, size_t header_bytes);

}  // namespace quipu
