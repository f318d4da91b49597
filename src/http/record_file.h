// Records that a store's owner keeps (keys, secrets) in a file of mode 0600, a line each, their
// fields with tabs between. A change writes the file anew beside the old one and renames it; the
// lock on PATH.lock lets one process change it at a time. Not thread-safe; changes by another
// process are seen by reload_if_changed().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/replace_file.h"

namespace quipu {

// Which file stood under a path, and when it was changed last.
struct FileStamp {
  uint64_t inode = 0;  // 0: none
  int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const std::string& path);

// None if there is no such file. An error if others can read or write it.
Result<std::vector<std::string>> read_private_lines(const std::string& path);

// Does the work while no other process does any under the lock of the path.
Status with_lock(const std::string& path, const std::function<Status()>& work);

// What stands before the next tab; takes it away.
std::string_view cut_field(std::string_view& line);

template <typename Record>
class RecordFile {
 public:
  using Parse = std::optional<Record> (*)(std::string_view line);  // nothing: it is damaged
  using Line = std::string (*)(const Record& record);              // with its newline
  RecordFile(std::string path, Parse parse, Line line)
      : path_(std::move(path)), parse_(parse), line_(line) {}

  const std::vector<Record>& records() const { return records_; }

  // What cannot be read leaves the records as they are.
  Status load() {
    const FileStamp stamp = stamp_of(path_);
    QUIPU_ASSIGN(const auto lines, read_private_lines(path_));
    std::vector<Record> records;
    for (const std::string& line : lines) {
      auto record = parse_(line);
      if (!record)
        return Error{path_ + ": line " + std::to_string(records.size() + 1) + " is damaged"};
      records.push_back(std::move(*record));
    }
    records_ = std::move(records);
    stamp_ = stamp;
    return {};
  }

  // Whether they were read anew.
  Result<bool> reload_if_changed() {
    if (stamp_of(path_) == stamp_) return false;
    QUIPU_TRY(load());
    return true;
  }

  // Edits the records as they are in the file now. An error of `edit` changes nothing.
  Status change(const std::function<Status(std::vector<Record>&)>& edit) {
    return with_lock(path_, [&]() -> Status {
      QUIPU_TRY(load());
      std::vector<Record> records = records_;
      QUIPU_TRY(edit(records));
      std::string text;
      for (const Record& record : records) text += line_(record);
      QUIPU_TRY(replace_file(path_, text));
      return load();
    });
  }

 private:
  std::string path_;
  Parse parse_;
  Line line_;
  std::vector<Record> records_;
  FileStamp stamp_;
};

}  // namespace quipu
