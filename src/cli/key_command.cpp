#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "cli/serve_command.h"
#include "cli/store_access.h"
#include "http/api_keys.h"
#include "http/webhook_secrets.h"

namespace quipu {
namespace {

constexpr char kAnyShop[] = "any";
constexpr char kSecretVariable[] = "QUIPU_SHOPIFY_SECRET";

std::optional<std::string> tenant_of(const Arguments& arguments) {
  if (arguments.all_tenants) return std::nullopt;
  return arguments.key_tenant;
}

// Secrets do not stand in a command line, which others can read.
Result<std::string> read_secret() {
  if (const char* secret = std::getenv(kSecretVariable)) return std::string(secret);
  std::string line;
  std::getline(std::cin, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.empty())
    return Error{std::string("no secret: put it into ") + kSecretVariable +
                 ", or into standard input"};
  return line;
}

Result<std::string> add_secret(const Arguments& arguments, WebhookSecrets& secrets) {
  std::optional<std::string> shop;
  if (arguments.key_shop != kAnyShop) shop = arguments.key_shop;
  QUIPU_ASSIGN(std::string secret, read_secret());
  return secrets.add(std::move(shop), tenant_of(arguments), std::move(secret));
}

std::string tenant_text(const std::optional<std::string>& tenant) {
  return tenant ? "tenant " + *tenant : "all tenants";
}

std::string list_text(const ApiKeys& keys, const WebhookSecrets& secrets) {
  std::string text;
  for (const ApiKey& key : keys.list()) {
    text += key.id + "  " + (key.write ? key.read ? "read, write" : "write" : "read") + "  " +
            tenant_text(key.tenant) + (key.revoked ? "  revoked" : "") + "\n";
  }
  for (const WebhookSecret& secret : secrets.list()) {
    text += secret.id + "  shopify " + secret.shop.value_or(kAnyShop) + "  " +
            (secret.tenant ? "tenant " + *secret.tenant : "the shop is the tenant") +
            (secret.revoked ? "  revoked" : "") + "\n";
  }
  return text;
}

}  // namespace

int key_command(const Arguments& arguments, const Console& console) {
  const auto fail = [&](const Error& error) {
    console.err("quipu key: " + error.message + "\n");
    return kExitError;
  };
  using Action = Arguments::KeyAction;
  const bool adds = arguments.key_action == Action::add;
  if (adds && !arguments.all_tenants && arguments.key_tenant.empty()) {
    console.err("quipu key add: whose events? --tenant NAME, or --all\n");
    return kExitUsage;
  }
  // The first key may come before the store.
  auto folder = adds && !arguments.data.empty() ? Result<std::string>(arguments.data)
                                                : find_data_folder(arguments.data);
  if (!folder.ok()) return fail(folder.error());
  if (::mkdir(folder->c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Error{*folder + ": cannot be made: " + std::strerror(errno)});
  auto keys = ApiKeys::open(*folder + "/keys");
  if (!keys.ok()) return fail(keys.error());
  auto secrets = WebhookSecrets::open(*folder + "/" + kWebhookSecretsFile);
  if (!secrets.ok()) return fail(secrets.error());
  if (adds) {
    auto shown = arguments.key_shop.empty()
                     ? keys->add(tenant_of(arguments), arguments.may_write || !arguments.may_read,
                                 arguments.may_read)
                     : add_secret(arguments, *secrets);
    if (!shown.ok()) return fail(shown.error());
    console.out(*shown + "\n");
    return kExitDone;
  }
  if (arguments.key_action == Action::revoke) {
    Status status = arguments.key_id.starts_with('s') ? secrets->revoke(arguments.key_id)
                                                      : keys->revoke(arguments.key_id);
    return status.ok() ? kExitDone : fail(status.error());
  }
  console.out(list_text(*keys, *secrets));
  return kExitDone;
}

}  // namespace quipu
