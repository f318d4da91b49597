// Random and hashed texts for ids. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quipu {

// SHA-256, 64 hex digits.
std::string sha256_hex(std::string_view text);
// Its first 8 bytes.
uint64_t sha256_number(std::string_view text);
// 32 hex digits that nobody can guess.
std::string random_hex();

}  // namespace quipu
