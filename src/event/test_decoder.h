// A Decoder with all that it needs, for tests of this room: one plan, one batch.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "event/test_registry.h"

namespace quipu {

inline HashSecret test_secret() {
  HashSecret secret{};
  for (size_t i = 0; i < secret.size(); ++i) secret[i] = uint8_t(i * 37 + 11);
  return secret;
}

class TestDecoder {
 public:
  explicit TestDecoder(const std::string& plan, unsigned element_bits = 64)
      : opened(test_registry(plan)),
        registry(*opened),
        hasher(test_secret(), element_bits),
        decoder(registry.plan(), hasher, registry, names, registry.no_offset()) {
    batch.columns = uint32_t(registry.plan().parsed.columns.size());
  }

  // The line stands alone in memory, so that a read beyond it is seen by the address sanitizer.
  LineOutcome decode(std::string_view line) {
    batch.clear();
    const std::vector<char> alone(line.begin(), line.end());
    return decoder.decode(std::string_view(alone.data(), alone.size()), std::span(&batch, 1));
  }
  // "event", "blank", "unplanned" or the reason.
  std::string verdict(std::string_view line) {
    const LineOutcome outcome = decode(line);
    switch (outcome.kind) {
      case LineOutcome::Kind::event:
        return "event";
      case LineOutcome::Kind::blank:
        return "blank";
      case LineOutcome::Kind::unplanned:
        return "unplanned";
      case LineOutcome::Kind::set_aside:
        break;
    }
    return std::string(reason_name(outcome.reason));
  }
  const Event& event() const { return batch.events.at(0); }

  // The plan column of a property.
  uint16_t column(std::string_view property) const {
    for (const Property& p : registry.plan().parsed.properties)
      if (p.name == property) return p.column;
    std::abort();
  }
  uint64_t element(uint32_t row, std::string_view property) const {
    return batch.row_elements(event(), row)[column(property)];
  }

  // What the event counts in, by bit of its metric's dimensions: the values' elements, one entry a
  // row.
  std::multiset<std::vector<uint64_t>> counts(uint32_t dimension) const {
    std::multiset<std::vector<uint64_t>> out;
    const CompiledDimension& d = event().metric->dimensions.at(dimension);
    for (uint32_t r = 0; r < event().rows; ++r) {
      if (!(batch.row_here(event(), r)[dimension / 64] >> dimension % 64 & 1)) continue;
      std::vector<uint64_t> elements;
      for (size_t k = 0; k < d.arity; ++k)
        elements.push_back(batch.row_elements(event(), r)[d.columns[k]]);
      out.insert(elements);
    }
    return out;
  }

  const std::unique_ptr<PlanRegistry> opened;
  PlanRegistry& registry;
  Hasher hasher;
  NameLog names;
  Decoder decoder;
  EventBatch batch;
};

}  // namespace quipu
