#include "http/webhook_secrets.h"

#include <openssl/crypto.h>

#include "http/api_keys.h"
#include "http/hex_digest.h"
#include "http/shopify_door.h"

namespace quipu {
namespace {

std::optional<std::string> from_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.empty() || text.size() % 2 || text.find_first_not_of(kDigits) != std::string_view::npos)
    return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2)
    bytes += char(kDigits.find(text[i]) << 4 | kDigits.find(text[i + 1]));
  return bytes;
}

std::optional<WebhookSecret> parse_secret(std::string_view line) {
  WebhookSecret secret;
  secret.id = cut_field(line);
  const std::string_view vendor = cut_field(line), shop = cut_field(line), state = cut_field(line);
  const auto bytes = from_hex(cut_field(line));
  secret.revoked = state == "revoked";
  if (shop.starts_with('=')) secret.shop = shop_domain(shop.substr(1));
  if (line.starts_with('=')) secret.tenant = line.substr(1);
  const bool good = secret.id.size() > 1 && secret.id[0] == 's' && vendor == "shopify" &&
                    (secret.shop || shop == "any") && (secret.revoked || state == "active") &&
                    bytes && (secret.tenant ? is_tenant_name(*secret.tenant) : line == "all");
  if (!good) return std::nullopt;
  secret.secret = *bytes;
  return secret;
}

std::string line_of(const WebhookSecret& secret) {
  return secret.id + "\tshopify\t" + (secret.shop ? "=" + *secret.shop : "any") + "\t" +
         (secret.revoked ? "revoked" : "active") + "\t" + hex_of(secret.secret) + "\t" +
         (secret.tenant ? "=" + *secret.tenant : "all") + "\n";
}

}  // namespace

std::optional<std::string> shop_domain(std::string_view text) {
  std::string domain(text);
  for (char& c : domain) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  }
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  if (domain.size() > kMaxShopBytes || domain.find('.') == std::string::npos ||
      domain.find_first_not_of(kAllowed) != std::string::npos)
    return std::nullopt;
  return domain;
}

WebhookSecrets::WebhookSecrets(const std::string& path) : file_(path, parse_secret, line_of) {}

Result<WebhookSecrets> WebhookSecrets::open(const std::string& path) {
  WebhookSecrets secrets(path);
  QUIPU_TRY(secrets.file_.load());
  return secrets;
}

Result<std::string> WebhookSecrets::add(std::optional<std::string> shop,
                                        std::optional<std::string> tenant, std::string secret) {
  if (tenant && !is_tenant_name(*tenant))
    return Error{"a tenant's name is 1 to " + std::to_string(kMaxTenantBytes) +
                 " bytes of UTF-8 without control characters"};
  if (secret.empty() || secret.size() > kMaxSecretBytes)
    return Error{"a secret has 1 to " + std::to_string(kMaxSecretBytes) + " bytes"};
  WebhookSecret added;
  if (shop) {
    added.shop = shop_domain(*shop);
    if (!added.shop) return Error{*shop + " is no domain, such as x.myshopify.com"};
  }
  added.tenant = std::move(tenant);
  added.secret = std::move(secret);
  QUIPU_TRY(file_.change([&](std::vector<WebhookSecret>& secrets) -> Status {
    added.id = "s" + std::to_string(secrets.size() + 1);  // revoked ones stay
    secrets.push_back(added);
    return {};
  }));
  return added.id;
}

Status WebhookSecrets::revoke(const std::string& id) {
  return file_.change([&](std::vector<WebhookSecret>& secrets) -> Status {
    for (WebhookSecret& secret : secrets) {
      if (secret.id != id) continue;
      if (secret.revoked) return Error{"secret " + id + " is revoked already"};
      secret.revoked = true;
      return {};
    }
    return Error{"no secret " + id + "; quipu key list shows them"};
  });
}

const WebhookSecret* WebhookSecrets::find(std::string_view shop, std::string_view bytes,
                                          std::string_view signature) const {
  const auto domain = shop_domain(shop);
  const WebhookSecret* found = nullptr;
  size_t tried = 0;
  for (const WebhookSecret& secret : list()) {
    if (!domain || secret.revoked || (secret.shop && *secret.shop != *domain)) continue;
    ++tried;
    const std::string right = shopify_signature(secret.secret, bytes);
    const bool signs = signature.size() == right.size() &&
                       CRYPTO_memcmp(right.data(), signature.data(), right.size()) == 0;
    // One of this shop goes before one of any.
    if (signs && (!found || (secret.shop && !found->shop))) found = &secret;
  }
  // A shop that is not known takes as long as a wrong signature.
  if (tried == 0) static_cast<void>(shopify_signature("none", bytes));
  return found;
}

}  // namespace quipu
