#include "http/door.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <set>
#include <thread>

namespace quipu {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;
constexpr auto kLingerTime = std::chrono::seconds(2);  // for what a refused client still sends
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

std::string_view status_text(int status) {
  static constexpr std::pair<int, std::string_view> kTexts[] = {
      {200, "OK"},
      {202, "Accepted"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [code, text] : kTexts) {
    if (code == status) return text;
  }
  return "Error";
}

std::string response_text(const Response& response, bool keep_alive, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text += status_text(response.status);
  text += "\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(response.body.size()) + "\r\n";
  if (response.retry_after) text += "Retry-After: " + std::to_string(kRetryAfter_s) + "\r\n";
  if (response.status == 401) text += "WWW-Authenticate: Bearer\r\n";
  if (response.status == 405) text += "Allow: GET, HEAD, POST\r\n";
  text += response.headers;
  if (!keep_alive) text += "Connection: close\r\n";
  text += "\r\n";
  if (with_body) text += response.body;
  return text;
}

}  // namespace

class Connection;

struct Door::Impl {
  explicit Impl(EventsHandler& events) : handler(events) {}
  void accept();
  void tick();
  void begin_drain();

  EventsHandler& handler;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer ticker{io};
  std::function<void()> each_second;
  std::set<std::shared_ptr<Connection>> connections;
  size_t held_bytes = 0;
  bool draining = false;
  std::string address;
  std::thread thread;
};

// One client. All on the door's thread; it lives as long as it is in the door's set or something
// is under way.
//   reading -> (answering: the journal syncs) -> writing -> reading ... -> lingering -> closed
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Door::Impl& door, tcp::socket socket)
      : door_(door), socket_(std::move(socket)), timer_(door.io) {}

  void begin() {
    wait_for(kIdleTime);
    read();
  }
  void refuse(const Response& response) { write(response, false, true); }
  void drain() {
    draining_ = true;
    if (state_ == State::reading && !reader_.begun()) close();
  }
  void close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    Failure ignored;
    socket_.close(ignored);
    timer_.cancel();
    hold(0);
    door_.connections.erase(shared_from_this());
    if (door_.draining && door_.connections.empty()) door_.ticker.cancel();
  }

 private:
  enum class State : uint8_t { reading, answering, writing, lingering, closed };

  void wait_for(std::chrono::steady_clock::duration time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](Failure failure) {
      if (!failure && self->timer_.expiry() <= std::chrono::steady_clock::now()) self->too_late();
    });
  }
  void too_late() {
    if (state_ == State::reading && reader_.begun())
      return write(error_response(408, "the request came too slowly"), false, true);
    if (state_ != State::answering) close();
  }
  void hold(size_t bytes) {
    door_.held_bytes += bytes;
    door_.held_bytes -= std::exchange(held_, bytes);
  }

  void read() {
    socket_.async_read_some(asio::buffer(bytes_),
                            [self = shared_from_this()](Failure failure, size_t n) {
                              if (self->state_ == State::lingering) return self->linger(failure, n);
                              if (self->state_ != State::reading) return;
                              if (failure) return self->close();
                              self->ahead_.append(self->bytes_.data(), n);
                              self->take();
                            });
  }
  // Gives what came to the reader.
  void take() {
    const bool had_begun = reader_.begun(), was_in_body = reader_.in_body();
    const size_t n = reader_.feed(ahead_);
    ahead_.erase(0, n);
    if (reader_.bad()) return write(error_response(reader_.status(), reader_.fault()), false, true);
    hold(reader_.held_bytes());
    if (door_.held_bytes > kMaxHeldBytes)
      return write(error_response(503, "too much is on its way"), false, true);
    if (reader_.done()) return answer();
    if (!had_begun && reader_.begun()) wait_for(kRequestTime);
    if (!was_in_body && reader_.in_body()) wait_for(kBodyTime);
    if (reader_.take_continue()) {
      auto text = std::make_shared<std::string>("HTTP/1.1 100 Continue\r\n\r\n");
      asio::async_write(socket_, asio::buffer(*text),
                        [self = shared_from_this(), text](Failure failure, size_t) {
                          if (failure) return self->close();
                          if (self->state_ == State::reading) self->read();
                        });
      return;
    }
    read();
  }
  void answer() {
    state_ = State::answering;
    timer_.cancel();
    const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    const bool with_body = reader_.request().method != "HEAD";
    const bool keep_alive = reader_.request().keep_alive && !draining_;
    auto self = shared_from_this();
    door_.handler.handle(reader_.request(), now_ms, [self, keep_alive, with_body](Response r) {
      asio::post(self->door_.io, [self, keep_alive, with_body, r = std::move(r)] {
        if (self->state_ == State::answering)
          self->write(r, keep_alive && !self->draining_, with_body);
      });
    });
  }
  void write(const Response& response, bool keep_alive, bool with_body) {
    state_ = State::writing;
    hold(0);
    out_ = response_text(response, keep_alive, with_body);
    wait_for(kAnswerTime);
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this(), keep_alive](Failure failure, size_t) {
                        if (self->state_ != State::writing) return;
                        if (failure) return self->close();
                        keep_alive ? self->next_request() : self->begin_linger();
                      });
  }
  void next_request() {
    if (draining_) return begin_linger();
    reader_ = RequestReader();
    state_ = State::reading;
    wait_for(kIdleTime);
    ahead_.empty() ? read() : take();
  }
  // A socket that is closed while the client still sends may take the answer with it.
  void begin_linger() {
    state_ = State::lingering;
    reader_ = RequestReader();
    ahead_ = {};
    Failure ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    wait_for(kLingerTime);
    read();
  }
  void linger(Failure failure, size_t n) {
    lingered_ += n;
    if (failure || lingered_ > kMaxBodyBytes) return close();
    read();
  }

  Door::Impl& door_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::array<char, 4096> bytes_;
  std::string ahead_, out_;
  RequestReader reader_;
  State state_ = State::reading;
  size_t held_ = 0, lingered_ = 0;
  bool draining_ = false;
};

void Door::Impl::accept() {
  acceptor.async_accept([this](Failure failure, tcp::socket socket) {
    if (draining) return;
    if (failure) {  // no more descriptors, most likely: some will be given back
      auto pause = std::make_shared<asio::steady_timer>(io, kAcceptPause);
      pause->async_wait([this, pause](Failure) {
        if (!draining) accept();
      });
      return;
    }
    Failure ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    const bool full = connections.size() >= kMaxConnections;
    connections.insert(connection);
    full ? connection->refuse(error_response(503, "too many connections")) : connection->begin();
    accept();
  });
}

void Door::Impl::tick() {
  ticker.expires_after(std::chrono::seconds(1));
  ticker.async_wait([this](Failure failure) {
    if (failure || draining) return;
    each_second();
    tick();
  });
}

void Door::Impl::begin_drain() {
  draining = true;
  Failure ignored;
  acceptor.close(ignored);
  ticker.cancel();
  // While it waits the loop goes on, whatever the journal still owes.
  ticker.expires_after(kDrainTime);
  ticker.async_wait([this](Failure) {
    const auto left = connections;
    for (const auto& connection : left) connection->close();
  });
  const auto open = connections;
  for (const auto& connection : open) connection->drain();
  if (connections.empty()) ticker.cancel();
}

Door::Door(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Door::~Door() { drain(); }
const std::string& Door::address() const { return impl_->address; }

Result<std::unique_ptr<Door>> Door::open(const std::string& listen, EventsHandler& handler,
                                         std::function<void()> each_second) {
  auto impl = std::make_unique<Impl>(handler);
  impl->each_second = std::move(each_second);
  const size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  Failure failure;
  const asio::ip::address address = asio::ip::make_address(host, failure);
  if (failure || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoul(port) > 65535)
    return Error{"--listen takes an address and a port, such as 127.0.0.1:8080"};
  const tcp::endpoint endpoint(address, uint16_t(std::stoul(port)));
  impl->acceptor.open(endpoint.protocol(), failure);
  if (!failure) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) impl->acceptor.bind(endpoint, failure);
  if (!failure) impl->acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return Error{listen + ": cannot listen there: " + failure.message()};
  impl->address =
      listen.substr(0, colon) + ":" + std::to_string(impl->acceptor.local_endpoint().port());
  impl->accept();
  impl->tick();
  impl->thread = std::thread([raw = impl.get()] { raw->io.run(); });
  return std::unique_ptr<Door>(new Door(std::move(impl)));
}

void Door::drain() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [raw = impl_.get()] { raw->begin_drain(); });
  impl_->thread.join();
}

}  // namespace quipu
