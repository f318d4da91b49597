// The paths that a plan reads, as a trie of keys: what a reader steps down while it goes through a
// line. Internal to this room. Owned by one decoder: its nodes also hold the reader's hints and
// marks, on which no answer depends. Built by add() and add_walk(), then finish().
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/planned_values.h"

namespace quipu {

class PathTrie {
 public:
  struct Node;
  struct Child {
    std::string token;
    Node* node = nullptr;
    bool plain = false;  // the token stands in JSON text as it is, in quotes
    uint64_t head = 0;   // its first bytes, as begins_with() compares them
    uint64_t head_mask = 0;
    uint32_t next = 0;     // hint: the child that came after this one in the last object
    uint64_t seen_in = 0;  // mark: number of the object in which this key was last met

    // Whether the bytes at p begin with the token. Reads 8 bytes from p, and as many as the token
    // has.
    bool begins(const char* p) const {
      uint64_t word;
      std::memcpy(&word, p, sizeof word);
      if ((word & head_mask) != head) return false;
      return token.size() <= 8 || std::memcmp(p + 8, token.data() + 8, token.size() - 8) == 0;
    }
  };
  struct Node {
    int index = -1;        // where its value lands, or -1
    int walk = -1;         // of a node that stands for each element of an array: its number in
                           // PlannedValues::walks
    Node* star = nullptr;  // the node of each element, if this array is walked
    std::vector<Child> children;                      // by key
    std::vector<std::pair<uint32_t, Node*>> indexes;  // by index into an array; rising
    std::vector<uint32_t> indexes_below;  // its own and all below, but for those of walks
    uint32_t first = 0;                   // hint: the child that came first in the last object
    std::vector<uint16_t> table;          // child + 1 by hash of token, 0: none; a power of two

    // The child of this key, or -1. Reads at least 8 bytes from key.data().
    int find(std::string_view key) const;
  };

  // The index (in PlannedValues::values) of a path without `*`.
  uint32_t add_path(std::span<const std::string> path);
  struct WalkValue {
    uint32_t array = 0;     // index of the array itself
    uint32_t walk = 0;      // in PlannedValues::walks
    uint32_t position = 0;  // of the value within an element
  };
  // The path's array and, of each of its elements, the value that `rest` leads to.
  WalkValue add_walk(std::span<const std::string> array, std::span<const std::string> rest);
  // Call once, after the last add: nodes are complete and `found` has their places.
  void finish(PlannedValues& found);

  Node* root() { return &nodes_.front(); }
  // How often a reader may go over one place at most: once, and again for each array on the way
  // that is both walked and stepped into by an index.
  size_t readings() const { return readings_; }
  size_t longest_token() const { return longest_token_; }

 private:
  Node* step(Node* from, const std::string& token);
  Node* down(Node* from, std::span<const std::string> path);

  std::deque<Node> nodes_{1};
  uint32_t values_ = 0;
  std::vector<uint32_t> widths_;
  size_t readings_ = 1;
  size_t longest_token_ = 0;
};

}  // namespace quipu
