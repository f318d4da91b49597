// One line of JSON (RFC 8259) -> found, in one pass that checks the whole line. Internal to this
// room; one thread. Numbers stay as spelled, strings are unescaped, keys are compared unescaped. A
// key that stands twice in an object marks what it leads to if it is on a planned path. Bytes that
// are no UTF-8 and lone surrogates are faults of planned values; anywhere else in strings they do
// not matter.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "event/path_trie.h"
#include "event/planned_values.h"

namespace quipu {

class JsonReader {
 public:
  enum class Outcome : uint8_t { good, not_json, too_deep };

  // Both outlive the reader; trie.finish(found) was called.
  JsonReader(PathTrie& trie, PlannedValues& found) : trie_(trie), found_(found) {}

  // Reads the line, which must be an object nested no deeper than kMaxJsonDepth; of several faults
  // the first from the left counts. Values live until the next read().
  Outcome read(std::string_view line);
  // Of the last line that was not good: what was wrong, and how many bytes lie before it.
  const char* error() const { return error_; }
  size_t error_offset() const { return error_offset_; }

 private:
  using Node = PathTrie::Node;
  // Each takes the place where something begins and gives the place behind it, or nullptr after
  // fail(). `base` is where the node's found are; node is nullptr where nothing is planned.
  const char* value(const char* p, Node* node, Value* base, int depth);
  const char* object(const char* p, Node* node, Value* base, int depth);
  const char* array(const char* p, Node* node, Value* base, int depth);
  const char* key(const char* p, Node* node, uint32_t*& hint, PathTrie::Child*& child);
  const char* text(const char* p, Value* out);
  const char* escaped_text(const char* begin, const char* p, bool high, Value* out);
  const char* escape(const char* p, char*& out, bool& lone);
  const char* word(const char* p, std::string_view literal, ValueKind kind, Value* out);
  const char* number(const char* p, Value* out);
  const char* fail(const char* p, const char* error, Outcome outcome = Outcome::not_json);
  Value* element(PlannedValues::Walk& walk, uint32_t index);

  PathTrie& trie_;
  PlannedValues& found_;
  std::vector<char> line_;       // the line with zeros behind it, which no token goes past
  std::vector<char> unescaped_;  // strings and keys with escapes: no more bytes than the line, each
                                 // time it is read
  char* unescaped_end_ = nullptr;
  uint64_t objects_ = 0;  // met so far that have planned keys
  Outcome outcome_ = Outcome::good;
  const char* error_ = "";
  size_t error_offset_ = 0;
};

}  // namespace quipu
