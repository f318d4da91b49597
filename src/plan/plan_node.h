// Reading a plan's tree with messages that say where, what is wrong and what would be right:
// "file:line: key: what is wrong; what would be right". Views: the tree and the file name outlive
// them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/yaml_tree.h"

namespace quipu {

// what: "what is wrong; what would be right". No key: the place alone.
// Where in a file; column 0: not known.
struct Place {
  int line = 1, column = 0;
};
Error plan_error(const std::string& file, Place place, const std::string& key,
                 const std::string& what);

// A text as messages show it: in quotes, control characters escaped, cut when it is long.
std::string shown(std::string_view text);

class PlanNode {
 public:
  PlanNode(const YamlNode& node, const std::string& file, std::string key)
      : node_(&node), file_(&file), key_(std::move(key)) {}

  bool is_text() const { return node_->kind == YamlNode::Kind::text; }
  bool is_list() const { return node_->kind == YamlNode::Kind::list; }
  bool is_map() const { return node_->kind == YamlNode::Kind::map; }
  bool is_empty_list() const { return is_list() && node_->children.empty(); }
  const std::string& name() const { return node_->key; }  // of an entry of a map
  int line() const { return node_->line; }
  Place place() const { return {node_->line, node_->column}; }
  const std::string& file() const { return *file_; }

  Error error(const std::string& what) const { return plan_error(*file_, place(), key_, what); }
  // The error of a value of the wrong kind: "is a list; write ...".
  Error wrong_kind(const std::string& right) const;

  // Of a map: its entries; a key that is not known is an error.
  Status only_keys(std::initializer_list<const char*> known) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  PlanNode at(std::string_view key) const;  // which has(key)
  std::vector<PlanNode> children() const;   // of a map or list
  // A non-empty list; `right` says what to write instead of anything else.
  Status list(const std::string& right, std::vector<PlanNode>& out) const;
  Status text(std::string& out) const;       // any scalar but null, "" included
  Status name_text(std::string& out) const;  // and not empty
  Status yes_no(bool& out) const;
  Status number(int least, int most, int& out) const;
  // One of `words`: its index.
  Status one_of(const std::vector<std::string>& words, int& out) const;

 private:
  const YamlNode* find(std::string_view key) const;
  const YamlNode* node_;
  const std::string* file_;
  std::string key_;  // "event.time.unit"
};

}  // namespace quipu
