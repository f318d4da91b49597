#include "http/request_reader.h"

#include <algorithm>
#include <cstring>

namespace quipu {
namespace {

// RFC 9110, section 5.6.2
bool is_token(std::string_view text) {
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (c == '\0' || !std::strchr("!#$%&'*+-.^_`|~", c))) return false;
  }
  return !text.empty();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (uint8_t(c) < 0x20 && c != '\t') || c == 0x7f; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// A number of digits of the base and nothing else; false if it is none or too long for any body.
bool parse_length(std::string_view text, unsigned base, uint64_t& length) {
  if (text.empty() || text.size() > 15) return false;
  length = 0;
  for (const char c : text) {
    unsigned digit = 16;
    if (c >= '0' && c <= '9') digit = unsigned(c - '0');
    if (c >= 'a' && c <= 'f') digit = unsigned(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = unsigned(c - 'A') + 10;
    if (digit >= base) return false;
    length = length * base + digit;
  }
  return true;
}

const std::string kBodyTooLong =
    "the body is longer than " + std::to_string(kMaxBodyBytes) + " bytes; send smaller batches";

}  // namespace

const std::string* Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

size_t Request::count(std::string_view name) const {
  return size_t(std::count_if(headers.begin(), headers.end(),
                              [&](const auto& header) { return header.first == name; }));
}

void RequestReader::fail(int status, std::string fault) {
  state_ = State::bad;
  status_ = status;
  fault_ = std::move(fault);
  request_.body = {};
  request_.keep_alive = false;
}

size_t RequestReader::feed(std::string_view bytes) {
  const size_t before = bytes.size();
  while (!bytes.empty() && state_ != State::done && state_ != State::bad) {
    if (state_ == State::body || state_ == State::chunk) {
      const size_t n = size_t(std::min<uint64_t>(left_, bytes.size()));
      request_.body.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      left_ -= n;
      if (left_ == 0) state_ = state_ == State::body ? State::done : State::chunk_end;
      continue;
    }
    const size_t newline = bytes.find('\n');
    const size_t n = newline == std::string_view::npos ? bytes.size() : newline + 1;
    const bool of_head = state_ == State::head || state_ == State::trailer;
    if (of_head) head_bytes_ += n;
    if (head_bytes_ > kMaxHeadBytes) {
      fail(431, "the headers are longer than " + std::to_string(kMaxHeadBytes) + " bytes");
      break;
    }
    line_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (!of_head && line_.size() > kMaxChunkLineBytes) {
      fail(400, "a chunk's size line is too long");
      break;
    }
    if (newline == std::string_view::npos) continue;
    if (line_.size() < 2 || line_[line_.size() - 2] != '\r') {
      fail(400, "a line does not end with CR LF");
      break;
    }
    line_.resize(line_.size() - 2);
    line(line_);
    line_.clear();
  }
  return before - bytes.size();
}

void RequestReader::line(std::string_view text) {
  switch (state_) {
    case State::head:
      if (!have_request_line_) return request_line(text);
      return text.empty() ? head_ends() : header_line(text);
    case State::chunk_size:
      return chunk_size_line(text);
    case State::chunk_end:
      if (!text.empty()) return fail(400, "a chunk is longer than its size says");
      state_ = State::chunk_size;
      return;
    default:  // a trailer's fields are not used
      if (text.empty()) state_ = State::done;
  }
}

void RequestReader::request_line(std::string_view text) {
  have_request_line_ = true;
  const size_t first = text.find(' '), last = text.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return fail(400, "the request line is not METHOD TARGET HTTP/1.1");
  const std::string_view target = text.substr(first + 1, last - first - 1);
  const std::string_view version = text.substr(last + 1);
  request_.method = text.substr(0, first);
  if (!is_token(request_.method) || !target.starts_with('/') || has_control(target) ||
      target.find_first_of(" \t#") != std::string_view::npos)
    return fail(400, "the request line is not METHOD TARGET HTTP/1.1");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return fail(version.starts_with("HTTP/") ? 505 : 400, "the version must be HTTP/1.1");
  http_1_0_ = version == "HTTP/1.0";
  const size_t question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
}

void RequestReader::header_line(std::string_view text) {
  if (text[0] == ' ' || text[0] == '\t') return fail(400, "a header line is folded");
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_token(text.substr(0, colon)))
    return fail(400, "a header line is not NAME: VALUE");
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (has_control(value)) return fail(400, "a header holds control characters");
  if (request_.headers.size() == kMaxHeaders)
    return fail(431, "more than " + std::to_string(kMaxHeaders) + " headers");
  request_.headers.emplace_back(lower(text.substr(0, colon)), value);
}

void RequestReader::head_ends() {
  const size_t hosts = request_.count("host");
  if (hosts > 1 || (hosts == 0 && !http_1_0_)) return fail(400, "there must be one Host header");
  const std::string* coding = request_.header("transfer-encoding");
  const std::string* length = request_.header("content-length");
  if (coding && length) return fail(400, "both Content-Length and Transfer-Encoding");
  if (request_.count("content-length") > 1) return fail(400, "Content-Length is given twice");
  if (coding && (request_.count("transfer-encoding") > 1 || lower(*coding) != "chunked"))
    return fail(400, "Transfer-Encoding must be chunked, or left out");
  if (coding && http_1_0_) return fail(400, "Transfer-Encoding in an HTTP/1.0 request");
  const std::string* connection = request_.header("connection");
  const std::string options = connection ? lower(*connection) : "";
  request_.keep_alive = !http_1_0_ && options.find("close") == std::string::npos;
  if (const std::string* expect = request_.header("expect")) {
    if (lower(*expect) != "100-continue") return fail(417, "Expect may be 100-continue alone");
  }
  if (length) {
    if (!parse_length(*length, 10, left_)) return fail(400, "Content-Length is no length");
    if (left_ > kMaxBodyBytes) return fail(413, kBodyTooLong);
  }
  state_ = coding ? State::chunk_size : left_ > 0 ? State::body : State::done;
  continue_ = request_.header("expect") && state_ != State::done;
}

void RequestReader::chunk_size_line(std::string_view text) {
  if (has_control(text)) return fail(400, "a chunk's size is damaged");
  if (!parse_length(text.substr(0, text.find(';')), 16, left_))
    return fail(400, "a chunk's size is no number");
  if (left_ > kMaxBodyBytes - request_.body.size()) return fail(413, kBodyTooLong);
  state_ = left_ > 0 ? State::chunk : State::trailer;
}

}  // namespace quipu
