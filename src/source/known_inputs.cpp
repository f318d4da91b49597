// Keys, and what stands there (all numbers varints; version u8 = 1 first):
//   path/PATH            the content's number
//   content/NUMBER u64   flags u8: 1 a pass is under way | position, sized | the pass's, sized
//   begin/HASH (lo u64, hi u64)   any | how many ends, each
//   feed/KEY             position (no version before it)
//   follow/PATH          since when it is followed, ms
//   numbers              contents | round | going u8 | inputs: lo u64 le, hi u64 le
// Numbers in keys are big endian. Positions: position.cpp.
#include "source/known_inputs.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "source/beginnings.h"

namespace quipu {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kPass = 1;
constexpr std::string_view kPathPrefix = "path/", kContentPrefix = "content/",
                           kBeginPrefix = "begin/", kFeedPrefix = "feed/",
                           kFollowPrefix = "follow/";

std::string path_key(const std::string& path) { return std::string(kPathPrefix) + path; }

std::string content_key(uint64_t number) {
  std::string key(kContentPrefix);
  ByteWriter(key).be64(number);
  return key;
}

std::string begin_key(const Hash128& hash) {
  std::string key(kBeginPrefix);
  ByteWriter w(key);
  w.be64(hash.lo);
  w.be64(hash.hi);
  return key;
}

Error damaged(const std::string& what) {
  return Error{"the store's row of " + what + " cannot be read: its bytes are damaged"};
}

std::string encode_number(uint64_t number) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(kVersion);
  w.varint(number);
  return bytes;
}

Result<uint64_t> decode_number(std::string_view bytes, std::string_view key) {
  ByteReader r(bytes);
  const uint8_t version = r.u8();
  const uint64_t number = r.varint();
  if (!r.ok() || !r.done() || version != kVersion || number == 0) return damaged(std::string(key));
  return number;
}

std::string encode_content(const KnownContent& content) {
  std::string bytes, position;
  ByteWriter w(bytes);
  w.u8(kVersion);
  w.u8(content.pass ? kPass : 0);
  encode_position(content.counted, position);
  w.sized(position);
  if (content.pass) {
    position.clear();
    encode_position(*content.pass, position);
    w.sized(position);
  }
  return bytes;
}

Result<KnownContent> decode_content(std::string_view bytes) {
  ByteReader r(bytes);
  const uint8_t version = r.u8(), flags = r.u8();
  if (!r.ok() || version != kVersion || (flags & ~kPass) != 0) return damaged("a counted content");
  KnownContent content;
  QUIPU_ASSIGN(content.counted, decode_position(r.sized()));
  if (flags & kPass) {
    QUIPU_ASSIGN(content.pass, decode_position(r.sized()));
  }
  if (!r.ok() || !r.done()) return damaged("a counted content");
  return content;
}

std::string encode_alike(const AlikeContents& alike) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(kVersion);
  w.varint(alike.any);
  w.varint(alike.ends.size());
  for (uint64_t number : alike.ends) w.varint(number);
  return bytes;
}

Result<AlikeContents> decode_alike(std::string_view bytes) {
  ByteReader r(bytes);
  const uint8_t version = r.u8();
  AlikeContents alike;
  alike.any = r.varint();
  for (uint64_t left = r.varint(); r.ok() && left > 0; --left) alike.ends.push_back(r.varint());
  if (!r.ok() || !r.done() || version != kVersion || alike.any == 0) return damaged("a beginning");
  return alike;
}

}  // namespace

Result<KnownContent> KnownInputs::content(uint64_t number) {
  QUIPU_ASSIGN(auto bytes, get_(content_key(number)));
  return decode_content(bytes);
}

Result<std::optional<KnownContent>> KnownInputs::at_path(const std::string& path) {
  QUIPU_ASSIGN(auto bytes, get_(path_key(path)));
  if (bytes.empty()) return std::optional<KnownContent>();
  QUIPU_ASSIGN(auto number, decode_number(bytes, path));
  QUIPU_ASSIGN(auto found, content(number));
  return std::optional<KnownContent>(std::move(found));
}

Result<std::optional<AlikeContents>> KnownInputs::beginning(const Hash128& hash) {
  QUIPU_ASSIGN(auto bytes, get_(begin_key(hash)));
  if (bytes.empty()) return std::optional<AlikeContents>();
  QUIPU_ASSIGN(auto alike, decode_alike(bytes));
  return std::optional<AlikeContents>(std::move(alike));
}

Status KnownInputs::load_numbers() {
  if (numbers_) return {};
  QUIPU_ASSIGN(auto bytes, get_("numbers"));
  Numbers numbers;
  if (!bytes.empty()) {
    ByteReader r(bytes);
    const uint8_t version = r.u8();
    numbers.contents = r.varint();
    numbers.round = r.varint();
    const uint8_t going = r.u8();
    numbers.inputs.lo = r.le64();
    numbers.inputs.hi = r.le64();
    if (!r.ok() || !r.done() || version != kVersion || going > 1) return damaged("its inputs");
    numbers.going = going != 0;
  }
  numbers_ = numbers;
  stored_contents_ = numbers.contents;
  return {};
}

void KnownInputs::put_numbers(InputRows& changed) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(kVersion);
  w.varint(numbers_->contents);
  w.varint(numbers_->round);
  w.u8(numbers_->going);
  w.le64(numbers_->inputs.lo);
  w.le64(numbers_->inputs.hi);
  changed["numbers"] = std::move(bytes);
  stored_contents_ = numbers_->contents;
}

Result<uint64_t> KnownInputs::new_content() {
  QUIPU_TRY(load_numbers());
  return ++numbers_->contents;
}

Status KnownInputs::note(const SourcePosition& position, InputRows& changed) {
  CHECK(position.content > 0);
  QUIPU_TRY(load_numbers());
  if (numbers_->contents != stored_contents_) put_numbers(changed);

  const std::string key = content_key(position.content), at = path_key(position.path);
  if (!noted_ || noted_->content.counted.content != position.content) {
    QUIPU_ASSIGN(auto row, get_(key));
    KnownContent content;
    if (!row.empty()) {
      QUIPU_ASSIGN(content, decode_content(row));
    }
    noted_ = Noted{{}, std::move(row), std::move(content)};
  }
  KnownContent& content = noted_->content;
  if (position.bytes >= content.counted.bytes) {
    QUIPU_TRY(note_beginnings(position, content.counted.beginnings.size(), changed));
    content.counted = position;
    content.pass.reset();
  } else {
    content.pass = position;
  }
  if (std::string row = encode_content(content); row != noted_->row) {
    changed[key] = row;
    noted_->row = std::move(row);
  }
  if (noted_->path != position.path) {
    QUIPU_ASSIGN(auto stands, get_(at));
    std::string number = encode_number(position.content);
    if (stands != number) changed[at] = std::move(number);
    noted_->path = position.path;
  }
  return {};
}

// Those beyond the first `known`, and that the last of these is no longer the last.
Status KnownInputs::note_beginnings(const SourcePosition& position, size_t known,
                                    InputRows& changed) {
  const std::vector<Hash128>& all = position.beginnings;
  if (all.size() <= known) return {};
  bool absent = false;  // then no further one is there
  for (size_t i = known > 0 ? known - 1 : 0; i < all.size(); ++i) {
    AlikeContents alike;
    if (!absent) {
      QUIPU_ASSIGN(auto stored, beginning(all[i]));
      if (stored) alike = std::move(*stored);
      absent = !stored;
    }
    if (alike.any == 0) alike.any = position.content;
    std::erase(alike.ends, position.content);
    if (i + 1 == all.size()) alike.ends.push_back(position.content);
    changed[begin_key(all[i])] = encode_alike(alike);
  }
  return {};
}

Result<std::optional<SourcePosition>> KnownInputs::of_feed(const std::string& key) {
  QUIPU_ASSIGN(const std::string bytes, get_(std::string(kFeedPrefix) + key));
  if (bytes.empty()) return std::optional<SourcePosition>();
  QUIPU_ASSIGN(SourcePosition position, decode_position(bytes));
  return std::optional<SourcePosition>(std::move(position));
}

void KnownInputs::note_feed(const SourcePosition& position, InputRows& changed) {
  CHECK(position.content == 0);
  std::string& row = changed[std::string(kFeedPrefix) + position.path];
  row.clear();
  encode_position(position, row);
}

Result<int64_t> KnownInputs::followed_since_ms(const std::string& path) {
  const std::string key = std::string(kFollowPrefix) + path;
  QUIPU_ASSIGN(const std::string bytes, get_(key));
  if (bytes.empty()) return int64_t{0};
  QUIPU_ASSIGN(const uint64_t since, decode_number(bytes, key));
  return int64_t(since);
}

void KnownInputs::note_followed(const std::string& path, int64_t since_ms, InputRows& changed) {
  changed[std::string(kFollowPrefix) + path] = encode_number(uint64_t(since_ms));
}

Result<uint64_t> KnownInputs::begin_again(std::vector<std::string> paths, InputRows& changed) {
  QUIPU_TRY(load_numbers());
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::string all;
  for (const std::string& path : paths) ByteWriter(all).sized(path);
  const Hash128 inputs = fingerprint_hash(all);
  if (!numbers_->going || numbers_->inputs != inputs) {
    numbers_->round += 1;
    numbers_->going = true;
    numbers_->inputs = inputs;
    put_numbers(changed);
  }
  return numbers_->round;
}

void KnownInputs::end_again(InputRows& changed) {
  CHECK(numbers_.has_value());
  if (!numbers_->going) return;
  numbers_->going = false;
  put_numbers(changed);
}

Result<std::vector<SourcePosition>> positions_of_paths(const ScanInputRows& scan) {
  std::map<uint64_t, SourcePosition> contents;
  std::vector<SourcePosition> positions;
  Status wrong;
  const auto content = [&](std::string_view, std::string_view bytes) {
    auto decoded = decode_content(bytes);
    if (!decoded.ok()) {
      wrong = decoded.error();
      return false;
    }
    SourcePosition position = decoded->counted;
    position.finished = decoded->mark().finished;
    contents[position.content] = std::move(position);
    return true;
  };
  const auto path = [&](std::string_view key, std::string_view bytes) {
    auto number = decode_number(bytes, key);
    const auto found = number.ok() ? contents.find(*number) : contents.end();
    if (found == contents.end()) {
      wrong = damaged(std::string(key));
      return false;
    }
    positions.push_back(found->second);
    positions.back().path = key.substr(kPathPrefix.size());
    return true;
  };
  const auto feed = [&](std::string_view key, std::string_view bytes) {
    auto decoded = decode_position(bytes);
    if (!decoded.ok()) wrong = damaged(std::string(key));
    if (decoded.ok()) positions.push_back(std::move(*decoded));
    return decoded.ok();
  };
  QUIPU_TRY(scan(kFeedPrefix, feed));
  if (wrong.ok()) QUIPU_TRY(scan(kContentPrefix, content));
  if (wrong.ok()) QUIPU_TRY(scan(kPathPrefix, path));
  QUIPU_TRY(wrong);
  return positions;
}

}  // namespace quipu
