// Forever records that the next batch will need, on their way from the durable tier while this
// batch is tallied. They are asked for when all that this batch needs is in memory, and only those
// of profiles of which nothing is: so all of them is durable, and nothing changes them until the
// next batch is there. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tally/record_key.h"

namespace quipu {

class RecordsAhead {
 public:
  explicit RecordsAhead(DurableTier& tier) : tier_(tier) {}

  void ask(uint64_t hash, TenantId tenant,
           const Hash128& profile);  // once or several times, before begin()
  void begin();
  void forget();  // before others are asked for

  // Gives the record if it was asked for. The first call waits until all are read.
  Result<bool> take(uint64_t hash, const RecordKey& key, std::string& value);

 private:
  static constexpr uint32_t kNone = ~uint32_t(0);
  uint32_t& slot_of(uint64_t hash, const RecordKey& key);  // where its index stands, or would
  void grow();

  DurableTier& tier_;
  std::vector<RecordKey> keys_;
  std::vector<uint64_t> hashes_;             // of the keys
  std::vector<uint32_t> slots_;              // open addressing, a power of two: indexes of keys
  std::unique_ptr<DurableTier::Load> load_;  // under way
  std::vector<std::string> values_;
};

}  // namespace quipu
