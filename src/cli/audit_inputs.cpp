#include "cli/audit_inputs.h"

#include <filesystem>
#include <map>
#include <set>

#include "engine/dead_letter_feed.h"

namespace quipu {
namespace {

constexpr size_t kMaxShownInputs = 10;

Error lacks(const std::map<uint64_t, std::string>& missing) {
  std::string list;
  size_t shown = 0;
  for (const auto& [content, path] : missing) {
    if (shown++ == kMaxShownInputs) break;
    list += (list.empty() ? "" : ", ") + path;
  }
  if (missing.size() > kMaxShownInputs)
    list += " and " + std::to_string(missing.size() - kMaxShownInputs) + " more";
  return Error{"the store has counted more than these inputs; name the others, too: " + list};
}

// What a server took in is not recounted. (Lines that were set aside and given once more are lines
// of the inputs.)
Status refuse_feeds(const std::vector<SourcePosition>& positions) {
  std::string list;
  size_t feeds = 0;
  for (const SourcePosition& position : positions) {
    if (position.bytes == 0 || position.content > 0 || position.path == kDeadLetterKey) continue;
    if (feeds++ < kMaxShownInputs) list += (list.empty() ? "" : ", ") + position.path;
  }
  if (feeds > kMaxShownInputs) list += " and " + std::to_string(feeds - kMaxShownInputs) + " more";
  if (feeds == 0) return {};
  return Error{"the store has counted what a server took in (" + list +
               "), which is not recounted; to compare, count the archived journal into another "
               "store and compare both exports"};
}

}  // namespace

Result<std::vector<AuditedInput>> audited_inputs(const std::vector<SourcePosition>& positions,
                                                 const std::string& spool_folder,
                                                 const std::vector<std::string>& given) {
  std::map<std::string, const SourcePosition*> counted;
  QUIPU_TRY(refuse_feeds(positions));
  for (const SourcePosition& position : positions) {
    if (position.bytes > 0 && position.content > 0) counted[position.path] = &position;
  }
  std::vector<AuditedInput> inputs;
  std::set<uint64_t> taken;  // contents
  for (const std::string& path : given) {
    std::error_code error;
    const std::string key = std::filesystem::canonical(path, error).string();
    if (error) return Error{path + ": " + error.message()};
    const auto found = counted.find(key);
    if (found == counted.end())
      return Error{path + " was not counted into this store (quipu inspect lists its inputs)"};
    if (!taken.insert(found->second->content).second) continue;
    inputs.push_back({path, found->second->bytes});
  }
  for (const auto& [key, position] : counted) {
    if (key[0] != '-' || taken.contains(position->content)) continue;
    const std::string spool = spool_folder + "/" + key.substr(1);
    if (!std::filesystem::exists(spool)) continue;
    inputs.push_back({spool, position->bytes});
    taken.insert(position->content);
  }
  std::map<uint64_t, std::string> missing;  // by content: where it is, or was
  for (const auto& [key, position] : counted) {
    if (taken.contains(position->content)) continue;
    std::string& where = missing[position->content];
    if (where.empty() || !std::filesystem::exists(where)) where = key;
  }
  if (!missing.empty()) return lacks(missing);
  return inputs;
}

}  // namespace quipu
