#include "http/api_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/json_text.h"
#include "http/replace_file.h"

namespace quipu {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr std::string_view kPrefix = "quipu_";

std::string system_error() { return std::strerror(errno); }

std::string hex(const unsigned char* bytes, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

std::string sha256(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hex(digest, sizeof digest);
}

bool is_hash(std::string_view text) {
  return text.size() == 2 * SHA256_DIGEST_LENGTH &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

int64_t change_of(const struct stat& info) {
  return int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

// What stands before the next tab; takes it away.
std::string_view cut_field(std::string_view& line) {
  const size_t tab = line.find('\t');
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return field;
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

Result<ApiKeys> ApiKeys::open(const std::string& path) {
  ApiKeys keys;
  keys.path_ = path;
  QUIPU_TRY(keys.load());
  return keys;
}

Status ApiKeys::load() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    if (errno != ENOENT) return Error{path_ + ": cannot be read: " + system_error()};
    keys_.clear();
    inode_ = 0;
    return {};
  }
  if (info.st_mode & 077) return Error{path_ + ": others can read or write it; chmod 600 " + path_};
  std::ifstream file(path_, std::ios::binary);
  if (!file) return Error{path_ + ": cannot be read: " + system_error()};
  std::vector<ApiKey> keys;
  for (std::string line; std::getline(file, line);) {
    auto key = parse_key(line);
    if (!key) return Error{path_ + ": line " + std::to_string(keys.size() + 1) + " is damaged"};
    keys.push_back(std::move(*key));
  }
  keys_ = std::move(keys);
  inode_ = info.st_ino;
  changed_ns_ = change_of(info);
  return {};
}

Result<bool> ApiKeys::reload_if_changed() {
  struct stat info {};
  const bool there = ::stat(path_.c_str(), &info) == 0;
  if (there ? info.st_ino == inode_ && change_of(info) == changed_ns_ : inode_ == 0) return false;
  QUIPU_TRY(load());
  return true;
}

Status ApiKeys::save() const {
  std::string text;
  for (const ApiKey& key : keys_) text += line_of(key);
  return replace_file(path_, text);
}

// Keys are changed one after the other: the lock is held from reading the file to its new one.
Status ApiKeys::change(const std::function<Status()>& edit) {
  const std::string lock = path_ + ".lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || !give_to_owner(fd, folder_of(path_))) {
    const std::string error = system_error();
    if (fd >= 0) ::close(fd);
    return Error{lock + ": cannot be made: " + error};
  }
  while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  Status status = load();
  if (status.ok()) status = edit();
  if (status.ok()) status = save();
  if (!status.ok()) {
    if (Status reloaded = load(); !reloaded.ok()) keys_.clear();
  }
  ::close(fd);
  return status;
}

Result<std::string> ApiKeys::add(std::optional<std::string> tenant, bool write, bool read) {
  if (tenant && !is_tenant_name(*tenant))
    return Error{"a tenant's name is 1 to " + std::to_string(kMaxTenantBytes) +
                 " bytes of UTF-8 without control characters"};
  unsigned char secret[kSecretBytes];
  if (RAND_bytes(secret, sizeof secret) != 1) return Error{"no random bytes are to be had"};
  std::string shown;
  QUIPU_TRY(change([&]() -> Status {
    ApiKey key;
    key.id = "k" + std::to_string(keys_.size() + 1);  // revoked ones stay: no id is used again
    shown = std::string(kPrefix) + key.id + "_" + hex(secret, sizeof secret);
    key.hash = sha256(shown);
    key.tenant = std::move(tenant);
    key.write = write;
    key.read = read;
    keys_.push_back(std::move(key));
    return {};
  }));
  return shown;
}

Status ApiKeys::revoke(const std::string& id) {
  return change([&]() -> Status {
    for (ApiKey& key : keys_) {
      if (key.id != id) continue;
      if (key.revoked) return Error{"key " + id + " is revoked already"};
      key.revoked = true;
      return {};
    }
    return Error{"no key " + id + "; quipu key list shows them"};
  });
}

const ApiKey* ApiKeys::find(std::string_view presented) const {
  const std::string hash = sha256(presented);
  const ApiKey* found = nullptr;
  for (const ApiKey& key : keys_) {
    if (CRYPTO_memcmp(hash.data(), key.hash.data(), hash.size()) == 0 && !key.revoked) found = &key;
  }
  return found;
}

}  // namespace quipu
