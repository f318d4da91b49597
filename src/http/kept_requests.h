// Requests with an Idempotency-Key that were taken, so that one that comes again is answered, not
// taken again. A request is known by 128 bits of the SHA-256 of its API key's id, tenant and
// Idempotency-Key, for kKeepRequests_s and as long as it is among the last kMaxKeptRequests.
//
// What is known is as durable as the events: the first line of such a request in the journal begins
// with {"request":"MARK", and open() reads the marks from the journal. Since counted segments go,
// save() writes all that is known into a file first; it holds everything before an offset of the
// journal, from where open() then reads on. The file, numbers little endian:
//   "quipu requests 1\n" | u64 offset | u64 count | count times: id 16 bytes | SHA-256 of the body,
//   its first 16 bytes | u64 seconds since 1970 when it was taken | u32 events | at the end the
//   first 8 bytes of the SHA-256 of all before
// A MARK is id, body (32 hex digits each), seconds and events (decimal) with - between.
//
// Thread-safe; waiters are called without a lock held, on the thread of settle() or drop().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "journal/journal.h"

namespace quipu {

inline constexpr size_t kMaxKeptRequests = 262'144;  // some 100 bytes each in memory
inline constexpr int64_t kKeepRequests_s = 24 * 3600;
inline constexpr size_t kMaxRequestKeyBytes = 255;  // of an Idempotency-Key

// A request as it is known again.
struct RequestMark {
  Hash128 id, body;
  int64_t taken_s = 0;
  uint32_t events = 0;

  std::string text() const;
  static std::optional<RequestMark> parse(std::string_view text);
};
Hash128 request_id(std::string_view api_key, std::string_view tenant, std::string_view request_key);
Hash128 body_hash(std::string_view body);

class KeptRequests {
 public:
  // How a request that is known by its id ended: `end` is the offset behind it in the journal.
  using Waiter = std::function<void(const Status&, uint32_t events, uint64_t end)>;
  enum class Known : uint8_t { no, yes, other_body };

  // Reads the file, if there is one, and the journal behind it, which nobody appends to yet.
  static Result<std::unique_ptr<KeptRequests>> open(const std::string& path, const Journal& journal,
                                                    int64_t now_s);

  // yes: the waiter is called once, at once if the request is durable already.
  Known find(const RequestMark& request, Waiter waiter);
  // From now on it is under way: find() knows it, and settle() or drop() will follow.
  void begin(const RequestMark& request);
  void settle(const Hash128& id, uint64_t end);         // it is durable
  void drop(const Hash128& id, const Status& failure);  // it was not taken

  // Everything before `offset` of the journal is known; writes the file, if it is not further
  // already. Others wait only while what is known is copied.
  Status save(uint64_t offset);
  uint64_t saved() const;  // the offset that the file has
  size_t size() const;

 private:
  struct Kept {
    Hash128 body;
    int64_t taken_s = 0;
    uint64_t end = 0;
    uint32_t events = 0;
    bool durable = false;
  };
  struct IdHash {
    size_t operator()(const Hash128& id) const { return size_t(id.lo); }
  };
  explicit KeptRequests(std::string path) : path_(std::move(path)) {}
  Result<bool> load();
  Status read_journal(const Journal& journal, uint64_t from);
  void keep(const RequestMark& mark, uint64_t end);
  void forget_old(int64_t now_s);

  const std::string path_;
  std::mutex save_mutex_;  // held before mutex_
  mutable std::mutex mutex_;
  std::unordered_map<Hash128, Kept, IdHash> known_;
  std::deque<Hash128> order_;  // of the durable ones, as they came
  std::map<Hash128, std::vector<Waiter>> waiting_;
  uint64_t saved_ = 0;
};

}  // namespace quipu
