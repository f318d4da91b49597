#include "tally/element_codes.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace quipu {
namespace {

constexpr size_t kFirstPlaces = 1024;

}  // namespace

ElementCodes::ElementCodes(uint32_t most)
    : most_(std::min(most, kMostCodes)), table_(kFirstPlaces), candidates_(kCandidates) {}

ElementCodes::~ElementCodes() {
  for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

uint32_t ElementCodes::find(uint64_t element) const {
  const size_t mask = table_.size() - 1;
  for (size_t at = home(element);; at = (at + 1) & mask) {
    if (table_[at].element == element) return table_[at].code;
    if (table_[at].element == 0) return kNone;
  }
}

uint32_t ElementCodes::code_of(uint64_t element) {
  CHECK(element != 0);
  if (const uint32_t code = find(element); code != kNone) return code;
  if (size_ >= most_) return kNone;
  Candidate& candidate = candidates_[mix64(element) >> 32 & (kCandidates - 1)];
  if (candidate.element != element) {
    if (candidate.sightings != 0) {
      --candidate.sightings;
      return kNone;
    }
    candidate.element = element;
  }
  if (++candidate.sightings < kSightings) return kNone;
  candidate = {};
  give(element);
  return size_ - 1;
}

void ElementCodes::give(uint64_t element) {
  if (size_t(size_ + 1) * 4 > table_.size() * 3) grow();
  place(element, size_);
  std::atomic<std::atomic<uint64_t>*>& in = chunks_[size_ / kChunk];
  std::atomic<uint64_t>* chunk = in.load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    chunk = new std::atomic<uint64_t>[kChunk]();
    in.store(chunk, std::memory_order_release);
  }
  chunk[size_ % kChunk].store(element, std::memory_order_relaxed);
  ++size_;
}

void ElementCodes::place(uint64_t element, uint32_t code) {
  const size_t mask = table_.size() - 1;
  size_t at = home(element);
  while (table_[at].element != 0) at = (at + 1) & mask;
  table_[at] = {element, code};
}

// What is known stands in the chunks, so the table is made anew.
void ElementCodes::grow() {
  table_ = HugeArray<Place>(table_.size() * 2);
  for (uint32_t code = 0; code < size_; ++code) place(element(code), code);
}

std::vector<uint32_t> ElementCodes::take_changed() {
  std::vector<uint32_t> changed;
  for (uint32_t code = taken_; code < size_; code = (code / kChunk + 1) * kChunk)
    changed.push_back(code / kChunk);
  taken_ = size_;
  return changed;
}

std::vector<uint64_t> ElementCodes::chunk(uint32_t number) const {
  std::vector<uint64_t> elements;
  for (uint32_t code = number * kChunk; code < std::min(size_, (number + 1) * kChunk); ++code)
    elements.push_back(element(code));
  return elements;
}

bool ElementCodes::restore(std::span<const uint64_t> elements) {
  if (size_ % kChunk != 0 || elements.empty() || elements.size() > kChunk ||
      elements.size() > kMostCodes - size_)
    return false;
  for (uint64_t element : elements) {
    if (element == 0 || find(element) != kNone) return false;
    give(element);
  }
  taken_ = size_;
  return true;
}

}  // namespace quipu
