#include "http/hex_digest.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/check.h"

namespace quipu {
namespace {

std::string hex(const unsigned char* bytes, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hex(digest, sizeof digest);
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
  return hex(bytes, sizeof bytes);
}

}  // namespace quipu
