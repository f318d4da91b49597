#include "cli/audit_inputs.h"

#include <filesystem>
#include <map>
#include <set>

#include "source/source.h"

namespace quipu {
namespace {

constexpr size_t kMaxShownInputs = 10;

Error lacks(const std::vector<std::string>& missing) {
  std::string list;
  for (size_t i = 0; i < missing.size() && i < kMaxShownInputs; ++i)
    list += (i ? ", " : "") + missing[i];
  if (missing.size() > kMaxShownInputs)
    list += " and " + std::to_string(missing.size() - kMaxShownInputs) + " more";
  return Error{"the store has counted more than these inputs; name the others, too: " + list};
}

}  // namespace

Result<std::vector<AuditedInput>> audited_inputs(const CommittedState& state,
                                                 const std::string& spool_folder,
                                                 const std::vector<std::string>& given) {
  std::map<std::string, uint64_t> counted;  // bytes, by the path of the position
  for (const auto& [key, bytes] : state.positions) {
    auto position = decode_position(bytes);
    if (!position.ok()) return position.error();
    if (position->bytes > 0) counted[position->path] = position->bytes;
  }
  std::vector<AuditedInput> inputs;
  std::set<std::string> taken;
  for (const std::string& path : given) {
    std::error_code error;
    const std::string key = std::filesystem::canonical(path, error).string();
    if (error) return Error{path + ": " + error.message()};
    if (taken.count(key)) continue;
    const auto found = counted.find(key);
    if (found == counted.end())
      return Error{path + " was not counted into this store (quipu inspect lists its inputs)"};
    inputs.push_back({path, found->second});
    taken.insert(key);
  }
  std::vector<std::string> missing;
  for (const auto& [key, bytes] : counted) {
    if (taken.count(key)) continue;
    const std::string spool = spool_folder + "/" + key.substr(1);
    if (key[0] == '-' && std::filesystem::exists(spool)) {
      inputs.push_back({spool, bytes});
    } else {
      missing.push_back(key);
    }
  }
  if (!missing.empty()) return lacks(missing);
  return inputs;
}

}  // namespace quipu
