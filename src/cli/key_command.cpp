#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "cli/serve_command.h"
#include "cli/store_access.h"
#include "http/api_keys.h"

namespace quipu {

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
  if (adds) {
    std::optional<std::string> tenant;
    if (!arguments.all_tenants) tenant = arguments.key_tenant;
    auto key = keys->add(tenant, arguments.may_write || !arguments.may_read, arguments.may_read);
    if (!key.ok()) return fail(key.error());
    console.out(*key + "\n");
    return kExitDone;
  }
  if (arguments.key_action == Action::revoke) {
    Status status = keys->revoke(arguments.key_id);
    return status.ok() ? kExitDone : fail(status.error());
  }
  for (const ApiKey& key : keys->list()) {
    console.out(key.id + "  " + (key.write ? key.read ? "read, write" : "write" : "read") + "  " +
                (key.tenant ? "tenant " + *key.tenant : "all tenants") +
                (key.revoked ? "  revoked" : "") + "\n");
  }
  return kExitDone;
}

}  // namespace quipu
