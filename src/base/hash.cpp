#include "base/hash.h"

#include <sys/random.h>
#include <xxhash.h>

#include <cerrno>

#include "base/check.h"

namespace quipu {
namespace {

// The check of a text is hashed with the secret from here on, so that it shares no secret bytes
// with the element for texts up to 16 bytes and pairs other ones with each input block for longer
// texts.
constexpr size_t kCheckSecretOffset = 56;
static_assert(kHashSecretBytes - kCheckSecretOffset >= XXH3_SECRET_SIZE_MIN);

}  // namespace

HashSecret draw_hash_secret() {
  HashSecret secret;
  size_t have = 0;
  while (have < secret.size()) {
    ssize_t n = ::getrandom(secret.data() + have, secret.size() - have, 0);
    if (n < 0 && errno == EINTR) continue;
    CHECK(n > 0);
    have += size_t(n);
  }
  return secret;
}

Hasher::Hasher(const HashSecret& secret, unsigned element_bits) : secret_(secret) {
  CHECK(element_bits >= 1 && element_bits <= 64);
  element_mask_ = element_bits == 64 ? ~uint64_t{0} : (uint64_t{1} << element_bits) - 1;
}

uint64_t Hasher::element(std::string_view text) const {
  if (text.empty()) return kEmptyElement;
  uint64_t h = hash64(text) & element_mask_;
  return h != kEmptyElement ? h : 1;
}

Hasher::Checked Hasher::element_checked(std::string_view text) const {
  return {element(text),
          XXH3_64bits_withSecret(text.data(), text.size(), secret_.data() + kCheckSecretOffset,
                                 kHashSecretBytes - kCheckSecretOffset)};
}

Hash128 Hasher::hash128(std::string_view bytes) const {
  XXH128_hash_t h =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), kHashSecretBytes);
  return {h.low64, h.high64};
}

uint64_t Hasher::hash64(std::string_view bytes) const {
  return XXH3_64bits_withSecret(bytes.data(), bytes.size(), secret_.data(), kHashSecretBytes);
}

}  // namespace quipu
