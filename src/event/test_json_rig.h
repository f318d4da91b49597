// For tests of the JSON reader: a reader of some paths, and what it found at each.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "event/decode.h"
#include "event/json_reader.h"
#include "event/plan_paths.h"

namespace quipu::test {

using Outcome = JsonReader::Outcome;

inline std::vector<std::string> tokens(const std::string& path) {
  std::vector<std::string> out;
  for (char c : path) {
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

// A reader of some paths; `walks` are of the form {array path, path within an element}.
class Rig {
 public:
  explicit Rig(const std::vector<std::string>& paths,
               const std::vector<std::pair<std::string, std::string>>& walks = {}) {
    for (const std::string& path : paths) index_of_[path] = trie_.add_path(tokens(path));
    for (const auto& [array, rest] : walks)
      walk_of_[array + "/*" + rest] = trie_.add_walk(tokens(array), tokens(rest));
    trie_.finish(found_);
    reader_ = std::make_unique<JsonReader>(trie_, found_);
  }
  Outcome read(const std::string& line) {
    const std::vector<char> alone(line.begin(), line.end());
    return reader_->read(std::string_view(alone.data(), alone.size()));
  }
  const Value& at(const std::string& path) const { return found_.values[index_of_.at(path)]; }
  std::vector<Value> each(const std::string& path) const {
    const PathTrie::WalkValue& where = walk_of_.at(path);
    const PlannedValues::Walk& walk = found_.walks[where.walk];
    std::vector<Value> out;
    for (size_t i = where.position; i < walk.values.size(); i += walk.width)
      out.push_back(walk.values[i]);
    return out;
  }
  uint32_t array_size(const std::string& path) const {
    return found_.values[walk_of_.at(path).array].size;
  }
  const JsonReader& reader() const { return *reader_; }

 private:
  PathTrie trie_;
  PlannedValues found_;
  std::map<std::string, uint32_t> index_of_;
  std::map<std::string, PathTrie::WalkValue> walk_of_;
  std::unique_ptr<JsonReader> reader_;
};

}  // namespace quipu::test
