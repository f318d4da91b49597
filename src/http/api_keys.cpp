#include "http/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/json_text.h"
#include "http/hex_digest.h"

namespace quipu {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr std::string_view kPrefix = "quipu_";

bool is_hash(std::string_view text) {
  return text.size() == 2 * SHA256_DIGEST_LENGTH &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<ApiKey> parse_key(std::string_view line) {
  ApiKey key;
  key.id = cut_field(line);
  key.hash = cut_field(line);
  const std::string_view rights = cut_field(line), state = cut_field(line);
  key.write = rights == "w" || rights == "wr";
  key.read = rights == "r" || rights == "wr";
  key.revoked = state == "revoked";
  if (line.starts_with('=')) key.tenant = line.substr(1);
  const bool good = key.id.size() > 1 && key.id[0] == 'k' && is_hash(key.hash) &&
                    (key.write || key.read) && (key.revoked || state == "active") &&
                    (key.tenant ? is_tenant_name(*key.tenant) : line == "all");
  if (!good) return std::nullopt;
  return key;
}

std::string line_of(const ApiKey& key) {
  return key.id + "\t" + key.hash + "\t" + (key.write ? "w" : "") + (key.read ? "r" : "") + "\t" +
         (key.revoked ? "revoked" : "active") + "\t" + (key.tenant ? "=" + *key.tenant : "all") +
         "\n";
}

}  // namespace

bool is_tenant_name(std::string_view tenant) {
  return !tenant.empty() && tenant.size() <= kMaxTenantBytes && is_valid_utf8(tenant) &&
         std::none_of(tenant.begin(), tenant.end(),
                      [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; });
}

ApiKeys::ApiKeys(const std::string& path) : file_(path, parse_key, line_of) {}

Result<ApiKeys> ApiKeys::open(const std::string& path) {
  ApiKeys keys(path);
  QUIPU_TRY(keys.file_.load());
  return keys;
}

Result<std::string> ApiKeys::add(std::optional<std::string> tenant, bool write, bool read) {
  if (tenant && !is_tenant_name(*tenant))
    return Error{"a tenant's name is 1 to " + std::to_string(kMaxTenantBytes) +
                 " bytes of UTF-8 without control characters"};
  unsigned char secret[kSecretBytes];
  if (RAND_bytes(secret, sizeof secret) != 1) return Error{"no random bytes are to be had"};
  std::string shown;
  QUIPU_TRY(file_.change([&](std::vector<ApiKey>& keys) -> Status {
    ApiKey key;
    key.id = "k" + std::to_string(keys.size() + 1);  // revoked ones stay: no id is used again
    shown = std::string(kPrefix) + key.id + "_" +
            hex_of({reinterpret_cast<const char*>(secret), sizeof secret});
    key.hash = sha256_hex(shown);
    key.tenant = std::move(tenant);
    key.write = write;
    key.read = read;
    keys.push_back(std::move(key));
    return {};
  }));
  return shown;
}

Status ApiKeys::revoke(const std::string& id) {
  return file_.change([&](std::vector<ApiKey>& keys) -> Status {
    for (ApiKey& key : keys) {
      if (key.id != id) continue;
      if (key.revoked) return Error{"key " + id + " is revoked already"};
      key.revoked = true;
      return {};
    }
    return Error{"no key " + id + "; quipu key list shows them"};
  });
}

const ApiKey* ApiKeys::find(std::string_view presented) const {
  const std::string hash = sha256_hex(presented);
  const ApiKey* found = nullptr;
  for (const ApiKey& key : list()) {
    if (CRYPTO_memcmp(hash.data(), key.hash.data(), hash.size()) == 0 && !key.revoked) found = &key;
  }
  return found;
}

}  // namespace quipu
