// One GET to a server of quipu, as `quipu query --server` makes it. Blocks the calling thread; any
// thread. Over https the server's certificate must be one that the system trusts (or
// SSL_CERT_FILE), and of the host's name.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr auto kClientTime = std::chrono::seconds(30);  // until the whole answer is there
inline constexpr size_t kMaxClientBytes = size_t(64) << 20;    // of an answer

struct ServerUrl {
  bool tls = false;
  std::string host, port;
  // http://HOST[:PORT] or https://HOST[:PORT]; an IPv6 address stands in brackets.
  static Result<ServerUrl> read(const std::string& text);
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// An error if there is no answer.
Result<HttpAnswer> http_get(const ServerUrl& server, const std::string& target,
                            const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace quipu
