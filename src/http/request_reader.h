// Reads one HTTP/1.1 request (RFC 9112) from bytes as they come, strictly: what two programs could
// take for two different things is refused, so that no proxy in front can be led past its rules
// (request smuggling). Refused are: a Transfer-Encoding other than exactly "chunked", or given
// twice; both lengths, or two; no Host, or two; folded header lines; lines that do not end with CR
// LF; blanks before a colon; control characters. A pure state machine: no socket, no clock; one
// thread.
//
//   head --blank line--> body --length bytes--> done
//                   \--> chunk_size -> chunk -> chunk_end -> chunk_size ... -> trailer -> done
//   any --fault--> bad: status() and fault() say what to answer; the connection must then be closed
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/gone_flag.h"

namespace quipu {

inline constexpr size_t kMaxHeadBytes = 16 << 10;  // request line and headers
inline constexpr size_t kMaxHeaders = 100;
inline constexpr size_t kMaxBodyBytes = size_t(8) << 20;  // as sent, perhaps packed
inline constexpr size_t kMaxChunkLineBytes = 256;         // a chunk's size with its extensions

struct Request {
  std::string method, path, query;  // of the target: before and behind `?`, as sent
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;
  bool from_loopback = false;  // the client is on this machine; set by the door
  GoneFlag gone;               // set by the door, too

  // nullptr: there is none.
  const std::string* header(std::string_view name) const;
  size_t count(std::string_view name) const;
};

class RequestReader {
 public:
  // Takes bytes up to the end of the request; says how many.
  size_t feed(std::string_view bytes);
  bool done() const { return state_ == State::done; }
  bool bad() const { return state_ == State::bad; }
  bool begun() const { return state_ != State::head || !line_.empty() || head_bytes_ > 0; }
  bool in_body() const { return state_ != State::head && !done() && !bad(); }
  int status() const { return status_; }  // of a bad request
  const std::string& fault() const { return fault_; }
  // The client waits for "100 Continue" before it sends the body. True once.
  bool take_continue() { return std::exchange(continue_, false); }
  Request& request() { return request_; }
  size_t held_bytes() const { return request_.body.size(); }

 private:
  enum class State : uint8_t { head, body, chunk_size, chunk, chunk_end, trailer, done, bad };
  void line(std::string_view text);  // without its CR LF
  void request_line(std::string_view text);
  void header_line(std::string_view text);
  void head_ends();
  void chunk_size_line(std::string_view text);
  void fail(int status, std::string fault);

  State state_ = State::head;
  Request request_;
  std::string line_;  // that is not whole yet
  size_t head_bytes_ = 0;
  bool have_request_line_ = false, http_1_0_ = false, continue_ = false;
  uint64_t left_ = 0;  // of the body or the chunk
  int status_ = 0;
  std::string fault_;
};

}  // namespace quipu
