// A regular file that stays open while it is followed, whatever becomes of its name: renamed,
// removed, cut short, written anew. One thread. Errors name the file.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "source/known_inputs.h"
#include "source/raw_input.h"
#include "source/source.h"

namespace quipu {

struct FileId {
  uint64_t device = 0, inode = 0;
  auto operator<=>(const FileId&) const = default;
};

struct FileState {
  FileId id;
  uint64_t size = 0;
  int64_t changed_ns = 0;  // its text, by the file system's clock
  uint64_t names = 0;      // 0: it was removed
  bool operator==(const FileState&) const = default;
};

// Absent where there is no such file (or its folder is not there).
Result<std::optional<FileState>> state_of_path(const std::string& path);

class HeldFile {
 public:
  static Result<std::shared_ptr<HeldFile>> open(const std::string& path);
  HeldFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~HeldFile();
  HeldFile(const HeldFile&) = delete;

  Result<FileState> state() const;
  // Where it lies now, canonical; of a file without a name, or where the system does not tell, a
  // text that is no other file's path.
  std::string path_now() const;
  Result<bool> is_compressed() const;

  int descriptor() const { return fd_; }
  const std::string& path() const { return path_; }  // as it was opened

 private:
  const int fd_;
  const std::string path_;
};

// Its bytes. Where what was read before is no longer what stands there, it ends: somebody cut the
// file short and wrote other text since.
std::unique_ptr<RawInput> input_of(std::shared_ptr<const HeldFile> file);

// What a file is taken for.
struct TakenFor {
  enum class Kind { what_its_text_says, new_content, known_content };
  Kind kind = Kind::what_its_text_says;
  uint64_t content = 0;  // of known_content: its number
};

// Opens it as open_file() does with SourceOptions::moved and `again`: what is known goes on
// wherever it lies, what is not is begun. As new content it is begun whatever is known; as a known
// one it goes on there, and is nullptr if it does not begin with all that was counted of that one.
// `key` is the path of its positions.
Result<std::unique_ptr<Source>> open_held_file(std::shared_ptr<const HeldFile> file,
                                               const std::string& key, const std::string& name,
                                               TakenFor taken_for, KnownInputs& known,
                                               SourceOptions options);

}  // namespace quipu
