// The part of YAML that a plan uses, as a tree of texts with lines and columns: scalars keep their
// text whatever they look like (no, 1, 2026-03-01 are texts), maps keep their order. Refused, with
// file and line: repeated keys, keys that are no text, anchors, aliases, tags, several documents,
// more than kMaxPlanBytes or kMaxPlanDepth, text that is no UTF-8. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr size_t kMaxPlanBytes = size_t(1) << 20;
inline constexpr size_t kMaxPlanDepth = 16;

struct YamlNode {
  enum class Kind { null, text, list, map };
  Kind kind = Kind::null;
  int line = 1;     // of the value; of the key where it has one
  int column = 0;   // the same, in characters from 1; 0: not known
  std::string key;  // of an entry of a map
  std::string text;
  std::vector<YamlNode> children;  // of a list or map, in the file's order
};

Result<YamlNode> read_yaml(std::string_view text, const std::string& file);

}  // namespace quipu
