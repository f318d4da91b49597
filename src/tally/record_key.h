// Keys of profile records and the durable tier behind the tally.
// Key bytes (27), big endian so that keys sort by month, tenant, profile:
//   month u16 (0xFFFF: the forever record) | tenant u32 | profile hi u64 | profile lo u64 | depth
//   u8 | path u32
// depth 0 is the record itself; a chunk of words at depth n (1 .. 8) is named by the first 4n bits
// of its words, as a number in `path` (record_words.h). Events without a profile: see
// record_format.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "time/month_table.h"

namespace quipu {

class ElementCodes;

inline constexpr MonthIndex kForever = 0xFFFF;

struct RecordKey {
  MonthIndex month = 0;
  TenantId tenant{};
  Hash128 profile;
  uint8_t depth = 0;
  uint32_t path = 0;
  bool operator==(const RecordKey&) const = default;
  void append_to(std::string& out) const {
    ByteWriter w(out);
    w.be16(month);
    w.be32(raw(tenant));
    w.be64(profile.hi);
    w.be64(profile.lo);
    w.u8(depth);
    w.be32(path);
  }
};

// What the bytes of a record are to what is stored under its key.
enum class RecordWrite : uint8_t {
  append,  // come behind it (a blind merge)
  first,   // nothing is stored yet (told always, and only then): a plain write does as well, and
           // costs less; and the durable tier keeps a list of its profiles
  whole,   // what is stored and behind it what is new, to be written instead: who reads it looks no
           // further
};
// The view is valid for the call.
using RecordSink =
    std::function<Status(const RecordKey& key, std::string_view bytes, RecordWrite how)>;

// What the tally knows of its durable tier: RocksDB in the standalone host, Flink's keyed state in
// Flink. Called by the shard's thread. Values are those of some moment between begin_load() and the
// end of finish(), and hold everything appended in epochs that the tally was told were durable
// before it; absent ones are empty.
class DurableTier {
 public:
  // Records on their way. Its end waits until nothing is under way.
  class Load {
   public:
    virtual ~Load() = default;
    virtual Status finish(
        std::vector<std::string>& values) = 0;  // once: as many as keys, in their order
  };

  virtual ~DurableTier() = default;
  // Of the records that it holds. It keeps what codes a commit's records gave (encode_appends) in
  // the same commit.
  virtual const ElementCodes& element_codes() const = 0;
  virtual std::unique_ptr<Load> begin_load(std::span<const RecordKey> keys) = 0;
  Status load(std::span<const RecordKey> keys, std::vector<std::string>& values) {
    return begin_load(keys)->finish(values);
  }
};

// For a tier that reads at once.
class LoadedAtOnce final : public DurableTier::Load {
 public:
  explicit LoadedAtOnce(std::vector<std::string> values) : values_(std::move(values)) {}
  Status finish(std::vector<std::string>& values) override {
    values = std::move(values_);
    return {};
  }

 private:
  std::vector<std::string> values_;
};

}  // namespace quipu
