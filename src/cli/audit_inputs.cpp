#include "cli/audit_inputs.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "engine/dead_letter_feed.h"
#include "journal/segments.h"
#include "source/journal_source.h"
#include "source/known_inputs.h"
#include "source/raw_input.h"

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

// Topics of Kafka are not recounted. (Lines that were set aside and given once more are lines of
// the inputs.)
Status refuse_feeds(const std::vector<SourcePosition>& positions) {
  std::string list;
  size_t feeds = 0;
  for (const SourcePosition& position : positions) {
    if (position.bytes == 0 || position.content > 0 || position.path == kDeadLetterKey ||
        position.path == kJournalPath)
      continue;
    if (feeds++ < kMaxShownInputs) list += (list.empty() ? "" : ", ") + position.path;
  }
  if (feeds > kMaxShownInputs) list += " and " + std::to_string(feeds - kMaxShownInputs) + " more";
  if (feeds == 0) return {};
  return Error{"the store has counted topics of Kafka (" + list +
               "), which are not recounted; to compare, let another store count them and compare "
               "both exports"};
}

// The journal's segments up to where it was counted. They must be there from its very beginning.
Status add_journal(const SourcePosition& journal, const std::string& folder,
                   std::vector<AuditedInput>& inputs) {
  QUIPU_ASSIGN(const auto segments, list_segments(folder));
  if (segments.empty() || segments[0].begin != 0)
    return Error{"the store has counted what a server took in, and the beginning of its journal (" +
                 folder +
                 ") is gone; only a journal that is kept from the beginning (quipu serve "
                 "--archive) can be recounted"};
  for (size_t i = 0; i < segments.size() && segments[i].begin < journal.bytes; ++i) {
    AuditedInput input;
    input.path = segments[i].path;
    input.committed_bytes = journal.bytes - segments[i].begin;
    input.least_bytes = input.committed_bytes;
    if (i + 1 < segments.size()) {
      input.least_bytes = std::min(input.least_bytes, segments[i + 1].begin - segments[i].begin);
    } else {
      QUIPU_ASSIGN(const SegmentExtent extent, measure_segment(input.path));
      input.file_bytes = extent.whole_bytes;
    }
    inputs.push_back(std::move(input));
  }
  return {};
}

// The first bytes of a file to which somebody appends.
class BeginOfFile : public RawInput {
 public:
  BeginOfFile(std::unique_ptr<RawInput> file, uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}
  Result<size_t> read_at(uint64_t offset, char* to, size_t n) override {
    if (offset >= bytes_) return size_t{0};
    return file_->read_at(offset, to, size_t(std::min<uint64_t>(n, bytes_ - offset)));
  }
  bool would_wait(uint64_t) override { return false; }
  uint64_t size() const override { return bytes_; }

 private:
  const std::unique_ptr<RawInput> file_;
  const uint64_t bytes_;
};

}  // namespace

Result<std::vector<AuditedInput>> audited_inputs(const std::vector<SourcePosition>& positions,
                                                 const std::string& data_folder,
                                                 const std::vector<std::string>& given) {
  std::map<std::string, const SourcePosition*> counted;
  QUIPU_TRY(refuse_feeds(positions));
  for (const SourcePosition& position : positions) {
    if (position.bytes > 0 && position.content > 0) counted[position.path] = &position;
  }
  std::vector<AuditedInput> inputs;
  std::set<uint64_t> taken;  // contents
  const std::string journal_folder = data_folder + "/journal";
  for (const std::string& path : given) {
    std::error_code error;
    const auto canonical = std::filesystem::canonical(path, error);
    if (error) return Error{path + ": " + error.message()};
    const std::string key = canonical.string();
    if (std::filesystem::equivalent(canonical.parent_path(), journal_folder, error)) continue;
    const auto found = counted.find(key);
    if (found == counted.end())
      return Error{path + " was not counted into this store (quipu inspect lists its inputs)"};
    if (!taken.insert(found->second->content).second) continue;
    inputs.push_back({path, found->second->bytes});
  }
  for (const auto& [key, position] : counted) {
    if (key[0] != '-' || taken.contains(position->content)) continue;
    const std::string spool = data_folder + "/spool/" + key.substr(1);
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
  for (const SourcePosition& position : positions) {
    if (position.path == kJournalPath && position.bytes > 0)
      QUIPU_TRY(add_journal(position, journal_folder, inputs));
  }
  return inputs;
}

Result<std::unique_ptr<Source>> open_audited(const AuditedInput& input,
                                             const SourceOptions& options) {
  if (input.file_bytes == 0) return open_file(input.path, {}, options);
  QUIPU_ASSIGN(auto file, open_raw_file(input.path));
  KnownInputs nothing([](const std::string&) -> Result<std::string> { return std::string(); });
  return open_bytes(std::make_shared<BeginOfFile>(std::move(file), input.file_bytes), input.path,
                    input.path, nothing, options);
}

}  // namespace quipu
