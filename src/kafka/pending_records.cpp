#include "kafka/pending_records.h"

#include "base/bytes.h"
#include "source/beginnings.h"

namespace quipu {
namespace {

constexpr size_t kFirstBufferBytes = 64 << 10;

// Of a text, or that there is none. fingerprint_hash("") is zero.
Hash128 hash_of(const std::optional<std::string_view>& text) {
  if (!text) return {1, 1};
  const Hash128 hash = fingerprint_hash(*text);
  return {combine64(text->size(), hash.lo), combine64(text->size(), hash.hi)};
}

}  // namespace

Hash128 fingerprint_of(const KafkaRecord& record) {
  const Hash128 key = hash_of(record.key), value = hash_of(record.value);
  const uint64_t place = combine64(record.offset, uint64_t(record.timestamp_ms));
  return {combine64(combine64(place, key.lo), value.lo),
          combine64(combine64(place, key.hi), value.hi) | 1};
}

void PendingRecords::add(const KafkaRecord& record, std::string_view member, bool take_apart,
                         BlockBuffers& buffers) {
  if (take_apart)
    split_value(record.value, split_);
  else
    split_.assign(1, record.value.value_or(""));
  if (split_.empty()) return;
  if (!buffer_) {
    buffer_ = buffers.take(kFirstBufferBytes);
    buffer_->clear();
  }
  for (const std::string_view event : split_) {
    const uint32_t begin = uint32_t(buffer_->size());
    append_event_text(event, member, *buffer_);
    events_.push_back({begin, uint32_t(buffer_->size()), record.offset});
    buffer_->push_back('\n');
  }
  taken_.push_back(
      {record.offset, fingerprint_of(record), events_.size(), uint32_t(buffer_->size())});
}

uint64_t PendingRecords::weight_of(size_t record, const LineWeigher& weigher) const {
  uint64_t weight = 0;
  for (size_t i = events_before(record); i < taken_[record].events; ++i)
    weight += weigher.of_line(text_of(events_[i]));
  return weight;
}

PendingRecords::Given PendingRecords::give(const LineWeigher* weigher, uint64_t block_weight) {
  CHECK(has_block());
  if (given_ == 0) buffer_->resize(buffer_->size() + kBlockPadding);
  const size_t first = given_;
  const uint32_t begin = text_before(first);
  Given given;
  const auto text_until = [&](size_t end) {
    return std::string_view(buffer_->data() + begin, text_before(end) - begin);
  };
  given_ = taken_.size();
  if (weigher) given.block.weight = weigher->of_text(text_until(given_));
  if (weigher && given.block.weight > block_weight) {
    given.block.weight = weight_of(first, *weigher);
    for (given_ = first + 1; given_ < taken_.size(); ++given_) {
      const uint64_t weight = weight_of(given_, *weigher);
      if (given.block.weight + weight > block_weight) break;
      given.block.weight += weight;
    }
  }
  given.block.text = text_until(given_);
  given.block.buffer = buffer_;
  given.block.first_line = given.block.offset = taken_[first].offset;
  for (size_t i = events_before(first); i < taken_[given_ - 1].events; ++i)
    given.block.numbered.push_back(
        {events_[i].begin - begin, events_[i].end - begin, events_[i].number});
  given.next_offset = taken_[given_ - 1].offset + 1;
  given.last = taken_[given_ - 1].fingerprint;
  if (!has_block()) {
    buffer_.reset();
    events_.clear();
    taken_.clear();
    given_ = 0;
  }
  return given;
}

}  // namespace quipu
