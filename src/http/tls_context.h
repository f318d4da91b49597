// A server's certificate and key, read from files: what new connections are encrypted with. It is
// immutable; to reload is to load another one, and connections keep the one that they began with.
// TLS 1.2 and 1.3. Any thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace quipu {

struct TlsFiles {
  std::string certificate;  // PEM: the server's, then those that lead to the root
  std::string key;          // PEM
  std::string password;     // of the key; "": it has none
};

class TlsContext {
 public:
  // Errors name the file and what is wrong with it: not there, no PEM, a key of another
  // certificate, a key with another password, a certificate that has expired.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ssl_ctx_st* take_native() const;                  // with a reference of the caller's, to be freed
  int64_t expires_s() const { return expires_s_; }  // seconds since 1970

 private:
  TlsContext() = default;
  ssl_ctx_st* context_ = nullptr;
  int64_t expires_s_ = 0;
};

}  // namespace quipu
