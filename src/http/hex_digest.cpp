#include "http/hex_digest.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/check.h"

namespace quipu {
std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[uint8_t(c) >> 4];
    text += "0123456789abcdef"[uint8_t(c) & 15];
  }
  return text;
}

std::string sha256_hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hex_of({reinterpret_cast<const char*>(digest), sizeof digest});
}

uint64_t sha256_number(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  uint64_t number = 0;
  std::memcpy(&number, digest, sizeof number);
  return number;
}

std::string random_hex() {
  unsigned char bytes[16];
  CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
  return hex_of({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

}  // namespace quipu
