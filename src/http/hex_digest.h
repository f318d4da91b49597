// Hex digits of bytes, of hashes and of random numbers. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quipu {

std::string hex_of(std::string_view bytes);  // two digits a byte, small letters
// SHA-256, 64 hex digits.
std::string sha256_hex(std::string_view text);
// Its first 8 bytes.
uint64_t sha256_number(std::string_view text);
// 32 hex digits that nobody can guess.
std::string random_hex();

}  // namespace quipu
