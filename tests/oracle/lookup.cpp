// What stands at a path of a record.
#include <algorithm>

#include "oracle.h"
#include "parts.h"

namespace oracle {
namespace {

// One token down; an object where the token is a key twice is a fault.
const Json* step(const Json& at, const std::string& token) {
  if (at.kind == Json::kObject) {
    const Json* found = nullptr;
    for (const auto& [key, value] : at.fields) {
      if (key != token) continue;
      if (found) throw Fault{"duplicate_key"};
      found = &value;
    }
    return found;
  }
  bool index = at.kind == Json::kArray && !token.empty() && token.size() < 10 &&
               (token == "0" || token[0] != '0') &&
               std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!index || std::stoul(token) >= at.items.size()) return nullptr;
  return &at.items[std::stoul(token)];
}

}  // namespace

const Json* walk(const Json* at, const std::vector<std::string>& tokens, size_t from, size_t to) {
  for (size_t i = from; i < to && at; ++i) at = step(*at, tokens[i]);
  return at;
}

const Json* read_at(const Json& record, const Path& path) {
  const Json* value = walk(&record, path.tokens, 0, path.tokens.size());
  if (value && value->bad_text) throw Fault{"invalid_utf8"};
  return value;
}

const Json* read_first(const Json& record, const std::vector<Path>& paths) {
  for (const Path& path : paths) {
    const Json* value = read_at(record, path);
    const bool nothing = !value || value->kind == Json::kNull ||
                         (value->kind == Json::kString && value->text.empty());
    if (!nothing) return value;
  }
  return nullptr;
}

}  // namespace oracle
