// What was taken of one partition and not given yet, and the blocks that it makes. Filled first,
// then given to its end: all of it stands in one buffer, which the blocks share. One thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "kafka/event_text.h"
#include "source/block_buffers.h"
#include "source/source.h"

namespace quipu {

// By which a record is known again: of its offset, timestamp, key and value. Never zero.
Hash128 fingerprint_of(const KafkaRecord& record);

class PendingRecords {
 public:
  // A record of the partition, behind those before it. `member`: see kafka_member(), or "".
  // `take_apart`: an array of objects is several events; otherwise a value is one event.
  void add(const KafkaRecord& record, std::string_view member, bool take_apart,
           BlockBuffers& buffers);
  size_t bytes() const { return buffer_ ? buffer_->size() : 0; }
  bool has_block() const { return given_ < taken_.size(); }
  bool began_to_give() const { return given_ > 0; }

  struct Given {
    Block block;
    uint64_t next_offset = 0;  // behind its records
    Hash128 last;              // fingerprint of the last of them
  };
  // The next block: as many records as weigh no more than the limit together, one at least. All
  // events of a record are in one block.
  Given give(const LineWeigher* weigher, uint64_t block_weight);

 private:
  struct Taken {
    uint64_t offset;
    Hash128 fingerprint;
    size_t events;      // behind its events, in events_
    uint32_t text_end;  // behind their texts, in *buffer_
  };
  uint64_t weight_of(size_t record, const LineWeigher& weigher) const;
  size_t events_before(size_t record) const { return record == 0 ? 0 : taken_[record - 1].events; }
  uint32_t text_before(size_t record) const {
    return record == 0 ? 0 : taken_[record - 1].text_end;
  }
  std::string_view text_of(const NumberedRecord& event) const {
    return {buffer_->data() + event.begin, event.end - event.begin};
  }

  std::shared_ptr<std::vector<char>> buffer_;
  std::vector<NumberedRecord> events_;  // places in *buffer_
  std::vector<Taken> taken_;            // records that hold events
  size_t given_ = 0;                    // records
  std::vector<std::string_view> split_;
};

}  // namespace quipu
