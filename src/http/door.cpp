#include "http/door.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "base/cpu_clock.h"

namespace quipu {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kTlsReadBytes = 16 << 10;             // what a record holds at most
constexpr auto kLingerTime = std::chrono::seconds(2);  // for what a refused client still sends
constexpr size_t kRefusedAtOnce = 64;  // connections beyond the limit that are being told so
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

using TlsStream = asio::ssl::stream<tcp::socket&>;

Result<tcp::endpoint> endpoint_of(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  Failure failure;
  const asio::ip::address address = asio::ip::make_address(host, failure);
  if (failure || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoul(port) > 65535)
    return Error{"write an address and a port, such as 127.0.0.1:8080"};
  return tcp::endpoint(address, uint16_t(std::stoul(port)));
}

// Its memory, too: a text that is given an empty one keeps it.
void give_back(std::string& text) { std::string().swap(text); }

}  // namespace

class Connection;

struct Door::Impl {
  Impl(DoorOptions given, EventsHandler& events, ServerMetrics& figures)
      : options(std::move(given)), handler(events), metrics(figures) {}
  void accept();
  void take(tcp::socket socket);
  void tick();
  void begin_drain();
  void forget(const asio::ip::address& client) {
    if (--of_clients[client] == 0) of_clients.erase(client);
  }
  void read_figures(std::vector<Reading>& readings) const {
    using Kind = Reading::Kind;
    readings.push_back({"quipu_http_connections", "Open connections", Kind::gauge, "", "",
                        double(connections.size() - being_refused)});
    readings.push_back({"quipu_http_connections_refused_total",
                        "Connections beyond a limit, answered 503", Kind::counter, "", "",
                        double(refused)});
    readings.push_back({"quipu_http_held_bytes", "Of requests that are being received", Kind::gauge,
                        "", "", double(held_bytes)});
    readings.push_back({"quipu_http_untaken_bytes", "Of answers that clients have not taken yet",
                        Kind::gauge, "", "", double(untaken_bytes)});
  }

  DoorOptions options;
  EventsHandler& handler;
  ServerMetrics& metrics;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer ticker{io};
  std::set<std::shared_ptr<Connection>> connections;
  std::map<asio::ip::address, size_t> of_clients;  // connections
  std::array<char, kReadBytes> bytes;              // what was just read
  size_t held_bytes = 0, untaken_bytes = 0, being_refused = 0;
  uint64_t refused = 0;
  bool draining = false;
  std::string address;
  bool loopback = false;
  std::thread thread;
};

// One client. All on the door's thread; it lives as long as it is in the door's set or something
// is under way.
//   shaking hands (TLS) -> reading -> answering -> writing -> reading ... -> lingering -> closed
//                                               \-> streaming -> closed
// While answering it waits for the journal to sync, for a checkpoint, or for a question's answer.
// Meanwhile a question's client is listened to: who closes its side of the connection, or resets
// it, takes the question back. (From here one that closed all looks like one that closed half.)
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Door::Impl& door, tcp::socket socket, const asio::ip::address& client)
      : door_(door), socket_(std::move(socket)), client_(client), timer_(door.io) {}

  void begin() {
    if (!door_.options.tls) {
      wait_for(kIdleTime);
      return read();
    }
    asio::ssl::context context(door_.options.tls->take_native());
    tls_.emplace(socket_, context);
    tls_bytes_.resize(kTlsReadBytes);
    state_ = State::shaking_hands;
    wait_for(kRequestTime);
    tls_->async_handshake(TlsStream::server, [self = shared_from_this()](Failure failure) {
      if (self->state_ != State::shaking_hands) return;
      if (failure || self->draining_) return self->close();
      self->state_ = State::reading;
      self->wait_for(kIdleTime);
      self->read();
    });
  }
  // It is told why, and takes no place of those who are served.
  void refuse(const Response& response) {
    refused_ = true;
    ++door_.being_refused;
    write(response, false, true);
  }
  void drain() {
    draining_ = true;
    const bool asks_nothing = state_ == State::reading && !reader_.begun();
    if (asks_nothing || state_ == State::streaming || state_ == State::shaking_hands) close();
  }
  void close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    *gone_ = true;
    if (events_) events_->close();
    Failure ignored;
    socket_.close(ignored);
    timer_.cancel();
    hold(0);
    owe(0);
    refused_ ? void(--door_.being_refused) : door_.forget(client_);
    door_.connections.erase(shared_from_this());
    if (door_.draining && door_.connections.empty()) door_.ticker.cancel();
  }

 private:
  enum class State : uint8_t {
    shaking_hands,
    reading,
    answering,
    writing,
    streaming,
    lingering,
    closed
  };
  using Clock = std::chrono::steady_clock;

  void wait_for(Clock::duration time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](Failure failure) {
      if (!failure && self->timer_.expiry() <= Clock::now()) self->too_late();
    });
  }
  void too_late() {
    if (state_ == State::reading && reader_.begun())
      return write(error_response(408, "the request came too slowly"), false, true);
    if (state_ == State::streaming && !sending_) return send_event(": nothing new\n\n");
    if (state_ != State::answering) close();
  }
  void hold(size_t bytes) {
    bytes -= std::min(bytes, kFreeHeldBytes);
    door_.held_bytes += bytes;
    door_.held_bytes -= std::exchange(held_, bytes);
  }

  void owe(size_t bytes) {
    bytes -= std::min(bytes, kFreeUntakenBytes);
    door_.untaken_bytes += bytes;
    door_.untaken_bytes -= std::exchange(owed_, bytes);
  }

  // Plain connections share one buffer: they wait until there is something to read.
  void read() {
    if (std::exchange(reading_, true)) return;
    if (tls_) {
      tls_->async_read_some(asio::buffer(tls_bytes_),
                            [self = shared_from_this()](Failure failure, size_t n) {
                              self->reading_ = false;
                              self->came(failure, {self->tls_bytes_.data(), n});
                            });
      return;
    }
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](Failure failure) {
      self->reading_ = false;
      if (self->state_ == State::writing) return;  // the next request waits in the socket
      size_t n = 0;
      if (!failure && self->state_ != State::closed)
        n = self->socket_.read_some(asio::buffer(self->door_.bytes, self->room()), failure);
      if (failure == asio::error::would_block || failure == asio::error::interrupted)
        return self->read();
      self->came(failure, {self->door_.bytes.data(), n});
    });
  }
  // For what a client says ahead of its answer, and of the next request otherwise.
  size_t room() const {
    return state_ == State::answering ? kFreeHeldBytes - std::min(ahead_.size(), kFreeHeldBytes)
                                      : kReadBytes;
  }
  // Of a client that waits for an answer: nothing, or further requests.
  void listen() {
    if (ahead_.size() < kFreeHeldBytes) read();
  }
  void came(Failure failure, std::string_view bytes) {
    if (state_ == State::lingering) return linger(failure, bytes.size());
    if (state_ == State::streaming) return failure ? close() : read();  // it has said all it may
    if (state_ == State::answering && failure) return close();
    if (state_ == State::answering || state_ == State::writing) {
      ahead_.append(bytes);
      hold(ahead_.size());
    }
    if (state_ == State::answering) return listen();
    if (state_ != State::reading) return;
    failure ? close() : take(bytes);
  }
  // Gives what came to the reader; what follows the request waits.
  void take(std::string_view bytes) {
    const bool had_begun = reader_.begun(), was_in_body = reader_.in_body();
    const size_t n = reader_.feed(bytes);
    ahead_.assign(bytes.substr(n));
    if (reader_.bad()) return write(error_response(reader_.status(), reader_.fault()), false, true);
    if (!was_in_body && reader_.in_body()) {
      if (auto refused = door_.handler.refuse_early(reader_.request()))
        return write(*refused, false, true);
    }
    hold(reader_.held_bytes() + ahead_.size());
    if (door_.held_bytes > kMaxHeldBytes && held_ > 0)
      return write(error_response(503, "too much is on its way"), false, true);
    if (reader_.done()) return answer();
    if (!had_begun && reader_.begun()) wait_for(kRequestTime);
    if (!was_in_body && reader_.in_body()) wait_for(kBodyTime);
    reader_.take_continue() ? say_continue() : read();
  }
  void say_continue() {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    send([self = shared_from_this()](Failure failure, size_t) {
      if (failure) return self->close();
      if (self->state_ == State::reading) self->read();
    });
  }
  void answer() {
    state_ = State::answering;
    timer_.cancel();
    asked_at_ = Clock::now();
    reader_.request().from_loopback = client_.is_loopback();
    reader_.request().gone = gone_;
    const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    const bool with_body = reader_.request().method != "HEAD";
    const bool keep_alive = reader_.request().keep_alive && !draining_;
    route_ = EventsHandler::route_of(reader_.request().path);
    const bool is_question = EventsHandler::is_question(reader_.request().path);
    auto self = shared_from_this();
    door_.handler.handle(reader_.request(), now_ms, [self, keep_alive, with_body](Response r) {
      asio::post(self->door_.io, [self, keep_alive, with_body, r = std::move(r)] {
        if (self->state_ == State::answering)
          self->write(r, keep_alive && !self->draining_, with_body);
        else if (r.events)
          r.events->close();
      });
    });
    give_back(reader_.request().body);
    hold(ahead_.size());
    if (is_question && state_ == State::answering) listen();
  }
  void write(const Response& response, bool keep_alive, bool with_body) {
    if (response.body.size() > kFreeUntakenBytes && door_.untaken_bytes > 0 &&
        door_.untaken_bytes + response.body.size() > kMaxUntakenBytes)
      return write(error_response(503, "too many large answers wait for clients to take them"),
                   keep_alive, with_body);
    const bool answers = state_ == State::answering;
    const double seconds =
        answers ? std::chrono::duration<double>(Clock::now() - asked_at_).count() : 0;
    door_.metrics.answered(answers ? route_ : EventsHandler::kNoRoute, response.status, seconds);
    if (door_.options.on_answer)
      door_.options.on_answer(answers ? route_ : EventsHandler::kNoRoute, response.status,
                              client_.to_string());
    state_ = State::writing;
    give_back(reader_.request().body);
    hold(ahead_.size());
    if (response.events && with_body) return stream(response);
    if (response.events) response.events->close();
    out_ = response_text(response, keep_alive, with_body);
    owe(out_.size());
    wait_for(kAnswerTime);
    send([self = shared_from_this(), keep_alive](Failure failure, size_t) {
      if (self->state_ != State::writing) return;
      if (failure) return self->close();
      give_back(self->out_);
      self->owe(0);
      keep_alive ? self->next_request() : self->begin_linger();
    });
  }
  // Events until a side closes. What the client sends meanwhile is read, to see that it is there.
  void stream(const Response& response) {
    state_ = State::streaming;
    events_ = response.events;
    events_->attach([self = weak_from_this()] {
      if (const auto connection = self.lock()) {
        asio::post(connection->door_.io, [connection] { connection->next_event(); });
      }
    });
    read();
    send_event(response_text(response, false, false));
  }
  void next_event() {
    if (state_ != State::streaming || sending_) return;
    std::string text = events_->take();
    if (!text.empty()) send_event(std::move(text));
  }
  void send_event(std::string text) {
    out_ = std::move(text);
    sending_ = true;
    owe(out_.size());
    wait_for(kAnswerTime);
    send([self = shared_from_this()](Failure failure, size_t) {
      if (self->state_ != State::streaming) return;
      if (failure) return self->close();
      self->sending_ = false;
      give_back(self->out_);
      self->owe(0);
      self->wait_for(kStreamComment);
      self->next_event();
    });
  }
  template <typename Handler>
  void send(Handler handler) {
    if (tls_)
      asio::async_write(*tls_, asio::buffer(out_), std::move(handler));
    else
      asio::async_write(socket_, asio::buffer(out_), std::move(handler));
  }
  void next_request() {
    if (draining_) return begin_linger();
    reader_ = RequestReader();
    state_ = State::reading;
    wait_for(kIdleTime);
    if (ahead_.empty()) return read();
    const std::string bytes = std::exchange(ahead_, {});
    take(bytes);
  }
  // A socket that is closed while the client still sends may take the answer with it.
  void begin_linger() {
    state_ = State::lingering;
    reader_ = RequestReader();
    give_back(ahead_);
    hold(0);
    wait_for(kLingerTime);
    if (tls_) {
      tls_->async_shutdown([self = shared_from_this()](Failure) { self->close(); });
      return;
    }
    Failure ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    read();
  }
  void linger(Failure failure, size_t n) {
    lingered_ += n;
    if (failure || lingered_ > kMaxBodyBytes) return close();
    read();
  }

  Door::Impl& door_;
  tcp::socket socket_;
  const asio::ip::address client_;
  std::optional<TlsStream> tls_;
  asio::steady_timer timer_;
  std::vector<char> tls_bytes_;
  std::string ahead_, out_;
  RequestReader reader_;
  State state_ = State::reading;
  Clock::time_point asked_at_;
  std::string_view route_;
  size_t held_ = 0, owed_ = 0, lingered_ = 0;
  bool draining_ = false, refused_ = false, sending_ = false, reading_ = false;
  const std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<EventStream> events_;
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
    take(std::move(socket));
    accept();
  });
}

void Door::Impl::take(tcp::socket socket) {
  Failure failure;
  const asio::ip::address client = socket.remote_endpoint(failure).address();
  if (!failure) socket.non_blocking(true, failure);
  if (failure) return;
  socket.set_option(tcp::no_delay(true), failure);
  const auto own = of_clients.find(client);
  const bool full = connections.size() - being_refused >= options.connections ||
                    (own != of_clients.end() && own->second >= options.connections_of_client);
  refused += full;
  if (full && (options.tls || being_refused >= kRefusedAtOnce)) return;
  auto connection = std::make_shared<Connection>(*this, std::move(socket), client);
  connections.insert(connection);
  if (full) return connection->refuse(error_response(503, "too many connections"));
  ++of_clients[client];
  connection->begin();
}

void Door::Impl::tick() {
  ticker.expires_after(std::chrono::seconds(1));
  ticker.async_wait([this](Failure failure) {
    if (failure || draining) return;
    if (auto tls = options.each_second(); tls && options.tls) options.tls = std::move(tls);
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

Status Door::check_address(const std::string& listen) {
  QUIPU_TRY(endpoint_of(listen));
  return {};
}
bool Door::on_loopback() const { return impl_->loopback; }

Result<std::unique_ptr<Door>> Door::open(DoorOptions options, EventsHandler& handler,
                                         ServerMetrics& metrics) {
  if (options.connections == 0)
    options.connections = options.tls ? kMaxTlsConnections : kMaxConnections;
  if (options.connections_of_client == 0)
    options.connections_of_client = std::min(options.connections, kMaxConnectionsOfClient);
  const std::string listen = options.listen;
  auto impl = std::make_unique<Impl>(std::move(options), handler, metrics);
  QUIPU_ASSIGN(const tcp::endpoint endpoint, endpoint_of(listen));
  Failure failure;
  impl->acceptor.open(endpoint.protocol(), failure);
  if (!failure) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) impl->acceptor.bind(endpoint, failure);
  if (!failure) impl->acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return Error{listen + ": cannot listen there: " + failure.message()};
  impl->address = listen.substr(0, listen.rfind(':')) + ":" +
                  std::to_string(impl->acceptor.local_endpoint().port());
  impl->loopback = endpoint.address().is_loopback();
  metrics.read([raw = impl.get()](auto& readings) { raw->read_figures(readings); });
  impl->accept();
  impl->tick();
  impl->thread = std::thread([raw = impl.get()] {
    name_thread("door");
    raw->io.run();
  });
  return std::unique_ptr<Door>(new Door(std::move(impl)));
}

void Door::drain() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [raw = impl_.get()] { raw->begin_drain(); });
  impl_->thread.join();
}

}  // namespace quipu
