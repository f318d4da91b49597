#include "http/http_client.h"

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace quipu {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using Wanted = beast::http::request<beast::http::empty_body>;

template <typename Stream>
asio::awaitable<HttpAnswer> exchange(Stream& stream, const Wanted& wanted) {
  co_await beast::http::async_write(stream, wanted, asio::use_awaitable);
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(kMaxClientBytes);
  co_await beast::http::async_read(stream, buffer, parser, asio::use_awaitable);
  co_return HttpAnswer{int(parser.get().result_int()), std::move(parser.get().body())};
}

asio::awaitable<HttpAnswer> ask(const ServerUrl& server, const Wanted& wanted,
                                asio::ssl::context& context) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto addresses =
      co_await resolver.async_resolve(server.host, server.port, asio::use_awaitable);
  if (!server.tls) {
    beast::tcp_stream stream(executor);
    stream.expires_after(kClientTime);
    co_await stream.async_connect(addresses, asio::use_awaitable);
    co_return co_await exchange(stream, wanted);
  }
  beast::ssl_stream<beast::tcp_stream> stream(executor, context);
  stream.set_verify_callback(asio::ssl::host_name_verification(server.host));
  SSL_set_tlsext_host_name(stream.native_handle(), server.host.c_str());
  beast::get_lowest_layer(stream).expires_after(kClientTime);
  co_await beast::get_lowest_layer(stream).async_connect(addresses, asio::use_awaitable);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  co_return co_await exchange(stream, wanted);
}

}  // namespace

Result<ServerUrl> ServerUrl::read(const std::string& text) {
  const Error wrong{text + ": it is http://HOST:PORT or https://HOST:PORT"};
  ServerUrl url;
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) return wrong;
  std::string rest = text.substr(url.tls ? 8 : 7);
  if (rest.ends_with('/')) rest.pop_back();
  if (rest.find_first_of("/?#@") != std::string::npos) return wrong;
  const size_t bracket = rest.rfind(']'), colon = rest.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  url.host = rest.substr(0, has_port ? colon : std::string::npos);
  url.port = has_port ? rest.substr(colon + 1) : url.tls ? "443" : "80";
  if (url.host.size() > 2 && url.host.front() == '[' && url.host.back() == ']')
    url.host = url.host.substr(1, url.host.size() - 2);
  if (url.host.empty() || url.port.empty() ||
      url.port.find_first_not_of("0123456789") != std::string::npos)
    return wrong;
  return url;
}

Result<HttpAnswer> http_get(const ServerUrl& server, const std::string& target,
                            const std::vector<std::pair<std::string, std::string>>& headers) {
  const bool ipv6 = server.host.find(':') != std::string::npos;
  Wanted wanted(beast::http::verb::get, target, 11);
  wanted.set(beast::http::field::host,
             (ipv6 ? "[" + server.host + "]" : server.host) + ":" + server.port);
  wanted.set(beast::http::field::connection, "close");
  for (const auto& [name, value] : headers) wanted.set(name, value);
  HttpAnswer answer;
  try {
    asio::io_context io{1};
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_default_verify_paths();
    context.set_verify_mode(asio::ssl::verify_peer);
    asio::co_spawn(io, ask(server, wanted, context),
                   [&](const std::exception_ptr& thrown, HttpAnswer told) {
                     if (thrown) std::rethrow_exception(thrown);
                     answer = std::move(told);
                   });
    io.run();
  } catch (const boost::system::system_error& thrown) {
    return Error{"http" + std::string(server.tls ? "s" : "") + "://" + server.host + ":" +
                 server.port + ": no answer from there: " + thrown.code().message()};
  }
  return answer;
}

}  // namespace quipu
