// Secrets by which shops sign their webhooks, in a file of mode 0600 in the store's folder. A
// secret is kept readable, for a signature cannot be checked by its hash. Format of the file: a
// line a secret, with tabs between:
//   ID | shopify | any, or =SHOP | active or revoked | secret in hex | all, or =TENANT
// `any`: of whatever shop, as an app's secret is. `all`: the shop's domain is the tenant.
// Changes, and who sees them: record_file.h. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/record_file.h"

namespace quipu {

inline constexpr char kWebhookSecretsFile[] = "webhook_secrets";  // in the store's folder
inline constexpr size_t kMaxShopBytes = 255;                      // of a shop's domain
inline constexpr size_t kMaxSecretBytes = 512;

struct WebhookSecret {
  std::string id;                     // "s7"
  std::optional<std::string> shop;    // in lower case; nothing: any
  std::optional<std::string> tenant;  // nothing: the shop's domain
  std::string secret;
  bool revoked = false;
};

class WebhookSecrets {
 public:
  // A file that is not there holds none. An error if it is readable by others, or damaged.
  static Result<WebhookSecrets> open(const std::string& path);

  const std::vector<WebhookSecret>& list() const { return file_.records(); }
  // Its id.
  Result<std::string> add(std::optional<std::string> shop, std::optional<std::string> tenant,
                          std::string secret);
  Status revoke(const std::string& id);
  // The secret that signed the bytes for this shop; nullptr: none did.
  const WebhookSecret* find(std::string_view shop, std::string_view bytes,
                            std::string_view signature) const;
  // Whether they were read anew. What cannot be read leaves the secrets as they are.
  Result<bool> reload_if_changed() { return file_.reload_if_changed(); }

 private:
  explicit WebhookSecrets(const std::string& path);

  RecordFile<WebhookSecret> file_;
};

// x.myshopify.com, in lower case; nothing if it is no domain.
std::optional<std::string> shop_domain(std::string_view text);

}  // namespace quipu
