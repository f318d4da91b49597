// Texts that get dense numbers in the order in which they come: the ids of a catalogue. Grows only;
// one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace quipu {

class NumberedTexts {
 public:
  explicit NumberedTexts(uint32_t first) : first_(first) {}
  std::optional<uint32_t> find(std::string_view text) const {
    auto it = numbers_.find(text);
    if (it == numbers_.end()) return std::nullopt;
    return it->second;
  }
  // True if the text is new.
  std::pair<uint32_t, bool> give(std::string_view text) {
    if (auto known = find(text)) return {*known, false};
    texts_.emplace_back(text);
    const uint32_t number = next() - 1;
    numbers_.emplace(texts_.back(), number);
    return {number, true};
  }
  uint32_t next() const { return first_ + uint32_t(texts_.size()); }
  bool holds(uint32_t number) const { return number >= first_ && number < next(); }
  std::string text(uint32_t number) const {
    return holds(number) ? texts_[number - first_] : std::string();
  }

 private:
  uint32_t first_;
  std::deque<std::string> texts_;  // the map's views point here
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

}  // namespace quipu
