// Whatever bytes come: a request is read the same however they are cut, its parts are within their
// bounds, and of its body no event gets out of its place in the line that it is wrapped into.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/event_lines.h"
#include "http/kept_requests.h"
#include "http/request_reader.h"
#include "source/unpack.h"

namespace quipu {
namespace {

// Feeds all requests that the bytes hold, in pieces of the given sizes, over and over.
struct Read {
  std::vector<Request> requests;
  int status = 0;  // of the last one, if it is bad
  std::string fault;
  size_t taken = 0;  // bytes of whole requests
};

Read read(std::string_view bytes, std::string_view sizes) {
  Read result;
  RequestReader reader;
  size_t since = 0, next = 0;
  while (!bytes.empty()) {
    const size_t size = sizes.empty() ? bytes.size() : 1 + uint8_t(sizes[next++ % sizes.size()]);
    const size_t n = reader.feed(bytes.substr(0, std::min(size, bytes.size())));
    bytes.remove_prefix(n);
    since += n;
    CHECK(reader.held_bytes() <= kMaxBodyBytes);
    if (reader.bad()) {
      CHECK(reader.status() >= 400 && reader.status() < 600 && !reader.fault().empty());
      result.status = reader.status();
      result.fault = reader.fault();
      return result;
    }
    if (!reader.done()) {
      CHECK(n > 0);
      continue;
    }
    CHECK(reader.request().headers.size() <= kMaxHeaders);
    CHECK(reader.request().path.starts_with('/'));
    result.requests.push_back(std::move(reader.request()));
    result.taken += since;
    since = 0;
    reader = RequestReader();
  }
  return result;
}

void check_body(const std::string& body) {
  const auto events = split_events(body);
  if (!events.ok()) return;
  CHECK(events->size() <= kMaxEventsARequest);
  Envelope envelope{1772720400123, "k7", "a\"c"};
  envelope.request = RequestMark{{1, 2}, {3, 4}, 5, 6}.text();
  const std::string head = envelope_head(envelope);
  for (const std::string_view event : *events) {
    if (!why_no_object(event).empty()) continue;
    std::string line;
    append_wrapped(head, event, line);
    CHECK(line.size() == head.size() + event.size() + 2);
    CHECK(std::count(line.begin(), line.end(), '\n') == 1 && line.ends_with("}\n"));
    CHECK(request_mark_of(line) == envelope.request);
    // As JSON nests, the event is all of the last member of one object, and nothing follows.
    CHECK(why_no_object(std::string_view(line).substr(0, line.size() - 1)).empty());
  }
}

}  // namespace
}  // namespace quipu

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Read whole = read(bytes, "");
  for (const std::string_view sizes : {std::string_view("\0", 1), std::string_view("\2\6\1", 3),
                                       bytes.substr(0, std::min<size_t>(size, 8))}) {
    const Read cut = read(bytes, sizes);
    CHECK(cut.status == whole.status && cut.fault == whole.fault && cut.taken == whole.taken);
    CHECK(cut.requests.size() == whole.requests.size());
    for (size_t i = 0; i < cut.requests.size(); ++i) {
      const Request &a = cut.requests[i], &b = whole.requests[i];
      CHECK(a.method == b.method && a.path == b.path && a.query == b.query && a.body == b.body);
      CHECK(a.headers == b.headers && a.keep_alive == b.keep_alive);
    }
  }
  for (const Request& request : whole.requests) {
    check_body(request.body);
    for (const Packing packing : {Packing::gzip, Packing::zstd}) {
      const Unpacked unpacked = unpack(packing, request.body, 1 << 16);
      CHECK(unpacked.bytes.size() <= 1 << 16);
      check_body(unpacked.bytes);
    }
  }
  check_body(std::string(bytes));
  (void)RequestMark::parse(bytes);
  (void)request_mark_of(bytes);
  return 0;
}
