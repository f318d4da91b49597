#include "event/path_trie.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace quipu {
namespace {

// Reads 8 bytes from key.data(), whatever its size.
size_t key_hash(std::string_view key) {
  uint64_t head;
  std::memcpy(&head, key.data(), sizeof head);
  if (key.size() < 8) head &= (uint64_t(1) << 8 * key.size()) - 1;
  uint64_t tail = 0;
  if (key.size() > 8) std::memcpy(&tail, key.data() + key.size() - 8, sizeof tail);
  return size_t(((head ^ std::rotl(tail, 29) ^ key.size()) * 0x9e3779b97f4a7c15ull) >> 32);
}

std::string padded(const std::string& token) { return token + std::string(8, '\0'); }

// A token that is an index into an array: canonical digits.
bool is_index(const std::string& token) {
  return !token.empty() && token.size() < 10 && (token == "0" || token[0] != '0') &&
         token.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

int PathTrie::Node::find(std::string_view key) const {
  if (table.empty()) return -1;
  const size_t mask = table.size() - 1;
  for (size_t at = key_hash(key) & mask; table[at] != 0; at = (at + 1) & mask)
    if (children[table[at] - 1u].token == key) return table[at] - 1;
  return -1;
}

PathTrie::Node* PathTrie::step(Node* from, const std::string& token) {
  for (Child& child : from->children)
    if (child.token == token) return child.node;
  Node* to = &nodes_.emplace_back();
  longest_token_ = std::max(longest_token_, token.size());
  Child child;
  child.token = token;
  child.node = to;
  child.plain = std::none_of(token.begin(), token.end(),
                             [](char c) { return c == '"' || c == '\\' || uint8_t(c) < 0x20; });
  std::memcpy(&child.head, padded(token).data(), sizeof child.head);
  child.head_mask = token.size() >= 8 ? ~uint64_t(0) : (uint64_t(1) << 8 * token.size()) - 1;
  from->children.push_back(std::move(child));
  if (is_index(token)) {
    from->indexes.emplace_back(uint32_t(std::stoul(token)), to);
    std::sort(from->indexes.begin(), from->indexes.end());
  }
  return to;
}

PathTrie::Node* PathTrie::down(Node* from, std::span<const std::string> path) {
  for (const std::string& token : path) from = step(from, token);
  return from;
}

uint32_t PathTrie::add_path(std::span<const std::string> path) {
  Node* node = down(root(), path);
  if (node->index < 0) node->index = int(values_++);
  return uint32_t(node->index);
}

PathTrie::WalkValue PathTrie::add_walk(std::span<const std::string> array,
                                       std::span<const std::string> rest) {
  WalkValue where;
  where.array = add_path(array);
  Node* node = down(root(), array);
  if (!node->star) {
    node->star = &nodes_.emplace_back();
    node->star->walk = int(widths_.size());
    widths_.push_back(0);
  }
  where.walk = uint32_t(node->star->walk);
  Node* value = down(node->star, rest);
  if (value->index < 0) value->index = int(widths_[where.walk]++);
  where.position = uint32_t(value->index);
  return where;
}

void PathTrie::finish(PlannedValues& found) {
  found.values.resize(values_);
  found.walks.resize(widths_.size());
  for (size_t i = 0; i < widths_.size(); ++i) found.walks[i].width = widths_[i];
  // Children were made after their parents.
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (node->star && !node->indexes.empty()) ++readings_;
    if (node->index >= 0) node->indexes_below.push_back(uint32_t(node->index));
    for (const Child& child : node->children)
      node->indexes_below.insert(node->indexes_below.end(), child.node->indexes_below.begin(),
                                 child.node->indexes_below.end());
    if (node->children.empty()) continue;
    node->table.assign(std::bit_ceil(node->children.size() * 4), 0);
    const size_t mask = node->table.size() - 1;
    for (size_t i = 0; i < node->children.size(); ++i) {
      const std::string readable = padded(node->children[i].token);
      size_t at =
          key_hash(std::string_view(readable.data(), node->children[i].token.size())) & mask;
      while (node->table[at] != 0) at = (at + 1) & mask;
      node->table[at] = uint16_t(i + 1);
    }
  }
}

}  // namespace quipu
