#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>

namespace quipu {
namespace {

// Never asks at a terminal.
int give_password(char* to, int room, int, void* password) {
  const auto* text = static_cast<const std::string*>(password);
  const int size = std::min(room, int(text->size()));
  std::memcpy(to, text->data(), size_t(size));
  return size;
}

std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "unknown reason";
}

Status readable(const std::string& path) {
  if (std::ifstream(path, std::ios::binary)) return {};
  return Error{path + ": cannot be read: " + std::strerror(errno)};
}

Result<int64_t> expiry_of(const X509* certificate, const std::string& path) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
    return Error{path + ": its certificate does not say until when it holds"};
  return int64_t(::timegm(&time));
}

}  // namespace

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

ssl_ctx_st* TlsContext::take_native() const {
  SSL_CTX_up_ref(context_);
  return context_;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  QUIPU_TRY(readable(files.certificate));
  QUIPU_TRY(readable(files.key));
  ERR_clear_error();
  std::shared_ptr<TlsContext> tls(new TlsContext);
  tls->context_ = SSL_CTX_new(TLS_server_method());
  SSL_CTX* context = tls->context_;
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    return Error{"TLS cannot be set up: " + last_error()};
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&files.password));
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return Error{files.certificate + ": is no PEM file of certificates: " + last_error()};
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return Error{files.key + ": is no PEM file of this certificate's key, or its password is " +
                 "another: " + last_error()};
  if (SSL_CTX_check_private_key(context) != 1)
    return Error{files.key + ": is not the key of " + files.certificate};
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  QUIPU_ASSIGN(tls->expires_s_, expiry_of(SSL_CTX_get0_certificate(context), files.certificate));
  if (tls->expires_s_ < int64_t(std::time(nullptr)))
    return Error{files.certificate + ": has expired"};
  return std::shared_ptr<const TlsContext>(std::move(tls));
}

}  // namespace quipu
