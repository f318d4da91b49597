#include "http/kept_requests.h"

#include <openssl/sha.h>

#include <charconv>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "http/event_lines.h"
#include "http/replace_file.h"
#include "journal/segments.h"
#include "source/journal_source.h"

namespace quipu {
namespace {

constexpr std::string_view kMagic = "quipu requests 1\n";
constexpr size_t kRecordBytes = 16 + 16 + 8 + 4;
constexpr size_t kSumBytes = 8;

std::string sha256(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

Hash128 read_hash(ByteReader& in) {
  Hash128 hash;
  hash.lo = in.le64();
  hash.hi = in.le64();
  return hash;
}

Hash128 hash_of(std::string_view bytes) {
  const std::string digest = sha256(bytes);
  ByteReader in(digest);
  return read_hash(in);
}

void write_hash(const Hash128& hash, ByteWriter& out) {
  out.le64(hash.lo);
  out.le64(hash.hi);
}

std::string hex_of(uint64_t number) {
  char digits[17] = {};
  for (int i = 15; i >= 0; --i, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  return digits;
}

// A number up to the end or to a `-`, which is taken away, too.
bool take_number(std::string_view& text, int base, uint64_t& number) {
  const size_t dash = std::min(text.find('-'), text.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + dash, number, base);
  const bool good = error == std::errc() && end == text.data() + dash;
  text.remove_prefix(std::min(dash + 1, text.size()));
  return good;
}

bool take_hash(std::string_view& text, Hash128& hash) {
  if (text.size() < 33 || text[32] != '-') return false;
  std::string_view high = text.substr(0, 16), low = text.substr(16, 16);
  text.remove_prefix(33);
  return take_number(high, 16, hash.hi) && take_number(low, 16, hash.lo);
}

}  // namespace

std::string RequestMark::text() const {
  return hex_of(id.hi) + hex_of(id.lo) + "-" + hex_of(body.hi) + hex_of(body.lo) + "-" +
         std::to_string(taken_s) + "-" + std::to_string(events);
}

std::optional<RequestMark> RequestMark::parse(std::string_view text) {
  RequestMark mark;
  uint64_t taken_s = 0, events = 0;
  if (!take_hash(text, mark.id) || !take_hash(text, mark.body) || !take_number(text, 10, taken_s) ||
      text.ends_with('-') || !take_number(text, 10, events) || !text.empty())
    return std::nullopt;
  mark.taken_s = int64_t(taken_s);
  mark.events = uint32_t(events);
  return mark;
}

Hash128 request_id(std::string_view api_key, std::string_view tenant,
                   std::string_view request_key) {
  std::string text;
  ByteWriter out(text);
  out.sized(api_key);
  out.sized(tenant);
  out.sized(request_key);
  return hash_of(text);
}

Hash128 body_hash(std::string_view body) { return hash_of(body); }

Result<std::unique_ptr<KeptRequests>> KeptRequests::open(const std::string& path,
                                                         const Journal& journal, int64_t now_s) {
  std::unique_ptr<KeptRequests> kept(new KeptRequests(path));
  QUIPU_ASSIGN(const bool there, kept->load());
  const uint64_t end = journal.durable().end;
  if (kept->saved_ > end)
    return Error{path + ": knows the journal up to byte " + std::to_string(kept->saved_) +
                 ", but it ends at " + std::to_string(end) + "; restore the journal's files"};
  QUIPU_ASSIGN(const auto segments, list_segments(journal.folder()));
  const uint64_t first = segments.empty() ? end : segments.front().begin;
  QUIPU_TRY(kept->read_journal(journal, std::max(first, there ? kept->saved_ : first)));
  kept->forget_old(now_s);
  return kept;
}

// False: there is no file.
Result<bool> KeptRequests::load() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return false;
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const Error damaged{path_ +
                      ": is damaged; if it is removed, requests that come again are known "
                      "only as far as the journal's files go back"};
  if (file.bad() || bytes.size() < kMagic.size() + 16 + kSumBytes || !bytes.starts_with(kMagic))
    return damaged;
  const std::string_view body(bytes.data(), bytes.size() - kSumBytes);
  if (std::string_view(bytes).substr(body.size()) != sha256(body).substr(0, kSumBytes))
    return damaged;
  ByteReader in(body.substr(kMagic.size()));
  saved_ = in.le64();
  const uint64_t count = in.le64();
  if (in.left() != count * kRecordBytes) return damaged;
  for (uint64_t i = 0; i < count; ++i) {
    RequestMark mark;
    mark.id = read_hash(in);
    mark.body = read_hash(in);
    mark.taken_s = int64_t(in.le64());
    mark.events = in.le32();
    keep(mark, saved_);
  }
  return true;
}

Status KeptRequests::read_journal(const Journal& journal, uint64_t from) {
  const uint64_t end = journal.durable().end;
  QUIPU_ASSIGN(auto source, open_journal_at(journal, from, {}));
  while (source->position().bytes < end) {
    QUIPU_ASSIGN(const Block block, source->next());
    for (std::string_view text = block.text; !text.empty();) {
      const size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
      if (auto mark = RequestMark::parse(request_mark_of(text.substr(0, length)))) keep(*mark, end);
      text.remove_prefix(length);
    }
  }
  return {};
}

void KeptRequests::keep(const RequestMark& mark, uint64_t end) {
  const auto [it, fresh] =
      known_.insert_or_assign(mark.id, Kept{mark.body, mark.taken_s, end, mark.events, true});
  if (fresh) order_.push_back(mark.id);
}

void KeptRequests::forget_old(int64_t now_s) {
  while (!order_.empty()) {
    const auto it = known_.find(order_.front());
    if (it != known_.end() && order_.size() <= kMaxKeptRequests &&
        it->second.taken_s > now_s - kKeepRequests_s)
      return;
    if (it != known_.end()) known_.erase(it);
    order_.pop_front();
  }
}

KeptRequests::Known KeptRequests::find(const RequestMark& request, Waiter waiter) {
  Kept kept;
  {
    std::lock_guard lock(mutex_);
    forget_old(request.taken_s);
    const auto it = known_.find(request.id);
    if (it == known_.end()) return Known::no;
    if (it->second.body != request.body) return Known::other_body;
    if (!it->second.durable) {
      waiting_[request.id].push_back(std::move(waiter));
      return Known::yes;
    }
    kept = it->second;
  }
  waiter({}, kept.events, kept.end);
  return Known::yes;
}

void KeptRequests::begin(const RequestMark& request) {
  std::lock_guard lock(mutex_);
  known_[request.id] = Kept{request.body, request.taken_s, 0, request.events, false};
}

void KeptRequests::settle(const Hash128& id, uint64_t end) {
  std::vector<Waiter> waiters;
  uint32_t events = 0;
  {
    std::lock_guard lock(mutex_);
    const auto it = known_.find(id);
    CHECK(it != known_.end());
    it->second.durable = true;
    it->second.end = end;
    events = it->second.events;
    order_.push_back(id);
    if (auto node = waiting_.extract(id)) waiters = std::move(node.mapped());
  }
  for (const Waiter& waiter : waiters) waiter({}, events, end);
}

void KeptRequests::drop(const Hash128& id, const Status& failure) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    known_.erase(id);
    if (auto node = waiting_.extract(id)) waiters = std::move(node.mapped());
  }
  for (const Waiter& waiter : waiters) waiter(failure, 0, 0);
}

Status KeptRequests::save(uint64_t offset) {
  std::lock_guard one_at_a_time(save_mutex_);
  std::string bytes(kMagic);
  {
    std::lock_guard lock(mutex_);
    if (offset < saved_) return {};
    ByteWriter out(bytes);
    out.le64(offset);
    out.le64(order_.size());
    for (const Hash128& id : order_) {
      const Kept& kept = known_.at(id);
      write_hash(id, out);
      write_hash(kept.body, out);
      out.le64(uint64_t(kept.taken_s));
      out.le32(kept.events);
    }
  }
  bytes += sha256(bytes).substr(0, kSumBytes);
  QUIPU_TRY(replace_file(path_, bytes));
  std::lock_guard lock(mutex_);
  saved_ = offset;
  return {};
}

uint64_t KeptRequests::saved() const {
  std::lock_guard lock(mutex_);
  return saved_;
}

size_t KeptRequests::size() const {
  std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace quipu
