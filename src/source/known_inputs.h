// What a store knows of its inputs: contents, each with how far it was counted, found by path or by
// how it begins; and which content each path stands at. A content is what was counted as one input
// from its start on, under whatever paths. It grows; when it moves or is copied, its new path
// stands at it too. With --again a content is passed over once more: while such a pass is behind
// what was counted before, the content has both places.
//
// Rows (their bytes stand at the top of known_inputs.cpp) are asked for one at a time, so the cost
// of an input does not depend on how many there are. What changes is given out as rows, to be
// committed with what was counted; `get` must give them back from then on. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/source.h"

namespace quipu {

using InputRows = std::map<std::string, std::string>;  // key -> bytes

struct KnownContent {
  SourcePosition counted;              // how far, and as which path last
  std::optional<SourcePosition> pass;  // how far the pass of --again came that is behind that

  const SourcePosition& mark() const { return pass ? *pass : counted; }  // where to go on
};

// Contents that begin alike.
struct AlikeContents {
  uint64_t any = 0;            // one of them
  std::vector<uint64_t> ends;  // those that may have no further beginning
};

class KnownInputs {
 public:
  using Get = std::function<Result<std::string>(const std::string& key)>;  // "" where absent
  explicit KnownInputs(Get get) : get_(std::move(get)) {}

  // The content that a path stands at. (Of an empty input nothing was counted.)
  Result<std::optional<KnownContent>> at_path(const std::string& path);
  Result<KnownContent> content(uint64_t number);
  Result<std::optional<AlikeContents>> beginning(const Hash128& hash);

  Result<uint64_t> new_content();  // its number, from 1

  // A content was counted up to `position`, under its path. No rows if that is known.
  Status note(const SourcePosition& position, InputRows& changed);

  // How far a feed is counted, a source that has its own way to know its place: nothing of it is
  // looked at, and its position's path is its key.
  Result<std::optional<SourcePosition>> of_feed(const std::string& key);
  static void note_feed(const SourcePosition& position, InputRows& changed);

  // Since when a path is followed of which nothing was counted then, by the wall clock; 0: it is
  // not.
  Result<int64_t> followed_since_ms(const std::string& path);
  static void note_followed(const std::string& path, int64_t since_ms, InputRows& changed);

  // A command with --again over these inputs begins, or goes on if the last one was over the same
  // inputs and has not ended. Gives its round.
  Result<uint64_t> begin_again(std::vector<std::string> paths, InputRows& changed);
  void end_again(InputRows& changed);

 private:
  struct Numbers {
    uint64_t contents = 0;
    uint64_t round = 0;  // of the last command with --again
    bool going = false;  // it has not ended
    Hash128 inputs;      // over which it is
  };
  Status load_numbers();
  void put_numbers(InputRows& changed);
  Status note_beginnings(const SourcePosition& position, size_t known, InputRows& changed);

  Get get_;
  std::optional<Numbers> numbers_;
  uint64_t stored_contents_ = 0;
  struct Noted {
    std::string path, row;
    KnownContent content;
  };
  std::optional<Noted> noted_;  // what note() gave out last
};

// All feeds, and all paths with how far the contents they stand at were counted, each sorted by
// path. `scan` visits the
// rows whose keys begin with a prefix.
using ScanInputRows = std::function<Status(
    std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view bytes)>& visit)>;
Result<std::vector<SourcePosition>> positions_of_paths(const ScanInputRows& scan);

}  // namespace quipu
