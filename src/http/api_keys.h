// Keys of those who may use the door, in a file of mode 0600. A key is shown once, when it is made;
// the file holds its SHA-256 alone. (A key is 32 random bytes: there is nothing to guess, so no
// slow hash is needed.) Format of the file: a line a key, with tabs between:
//   ID | 64 hex digits | w, r or wr | active or revoked | all, or =TENANT (to the end of the line)
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

inline constexpr size_t kMaxTenantBytes = 256;  // of a key's tenant

struct ApiKey {
  std::string id;    // "k7"
  std::string hash;  // hex
  bool write = false, read = false, revoked = false;
  std::optional<std::string> tenant;  // nothing: all
};

class ApiKeys {
 public:
  // A file that is not there holds no keys. An error if it is readable by others, or damaged.
  static Result<ApiKeys> open(const std::string& path);

  const std::vector<ApiKey>& list() const { return file_.records(); }
  // The whole key, to be shown: it cannot be had again.
  Result<std::string> add(std::optional<std::string> tenant, bool write, bool read);
  Status revoke(const std::string& id);
  // nullptr: no such key, or a revoked one. Takes the same time for every wrong key.
  const ApiKey* find(std::string_view presented) const;
  // Whether they were read anew. What cannot be read leaves the keys as they are.
  Result<bool> reload_if_changed() { return file_.reload_if_changed(); }

 private:
  explicit ApiKeys(const std::string& path);

  RecordFile<ApiKey> file_;
};

// Whether a tenant can be named by a key: not empty, no control characters, UTF-8.
bool is_tenant_name(std::string_view tenant);

}  // namespace quipu
