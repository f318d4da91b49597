// bench_http_load: sends a file of lines to a server's POST /v1/events, as fast as it answers or at
// a steady rate, and prints one line of JSON: events, seconds, CPU seconds of this process, and the
// time to the acknowledgement in milliseconds, from when the request was due. One thread, requests
// made before the clock starts, one request at a time on each connection; so it takes little of the
// machine that it shares with the server. A request holds lines of one tenant, which the header
// Quipu-Tenant names; so the server counts what `quipu run` counts of the file.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/give_up.h"
#include "bench/options.h"
#include "bench/quantiles.h"

namespace quipu::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kRetry_s = 0.1;     // behind an answer that asks to come again
constexpr double kSlowByte_s = 0.5;  // between two bytes of a slow connection

struct Settings {
  std::string file, key;
  uint64_t events = 0;
  unsigned port = 0, batch = 100, connections = 64, slow = 0, gzip = 0;
  double rate = 0;  // events a second; 0: as fast as answers come
};

Settings read_settings(int argc, char** argv) {
  Settings settings;
  OptionTable table("bench_http_load", "Sends lines to POST /v1/events, and prints how it went.");
  table.add("--file", "of lines {\"tenant\":\"NAME\",\"event\":{...}}", settings.file);
  table.add("--key", "that may write for all tenants", settings.key);
  table.add("--port", "of the server on 127.0.0.1", settings.port);
  table.add("--events", "lines of the file; 0: all", settings.events);
  table.add("--batch", "lines a request, at most", settings.batch);
  table.add("--connections", "kept open, one request at a time on each", settings.connections);
  table.add("--rate", "events a second; 0: as fast as they are taken", settings.rate);
  table.add("--gzip", "1: compressed bodies", settings.gzip);
  table.add("--slow", "further connections that send a byte now and then", settings.slow);
  table.read(argc, argv);
  if (settings.batch == 0 || settings.connections == 0)
    give_up("--batch and --connections: 1 or more");
  return settings;
}

struct Request {
  std::string bytes;
  unsigned events;
};

std::string gzipped(const std::string& text) {
  z_stream z{};
  if (::deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) give_up("zlib");
  std::string out(::deflateBound(&z, uLong(text.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = uInt(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  if (::deflate(&z, Z_FINISH) != Z_STREAM_END) give_up("zlib");
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

Request request_of(const Settings& settings, const std::string& tenant, const std::string& lines,
                   unsigned events) {
  const std::string body = settings.gzip ? gzipped(lines) : lines;
  return {"POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + settings.key +
              "\r\nQuipu-Tenant: " + tenant + (settings.gzip ? "\r\nContent-Encoding: gzip" : "") +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
          events};
}

struct TenantEvent {
  std::string tenant;
  std::string_view event;
};

// Of a line as the server's journal has it.
TenantEvent parted(std::string_view line) {
  constexpr std::string_view kTenant = "{\"tenant\":\"", kEvent = "\",\"event\":";
  const size_t event = line.find(kEvent);
  if (!line.starts_with(kTenant) || event == std::string_view::npos || !line.ends_with('}'))
    give_up("a line is not of the form {\"tenant\":\"NAME\",\"event\":{...}}");
  line.remove_suffix(1);
  return {std::string(line.substr(kTenant.size(), event - kTenant.size())),
          line.substr(event + kEvent.size())};
}

// In the order in which they fill.
std::vector<Request> make_requests(const Settings& settings) {
  struct Waiting {
    std::string lines;
    unsigned events = 0;
  };
  std::unordered_map<std::string, Waiting> waiting;
  std::vector<Request> requests;
  std::ifstream in(settings.file);
  if (!in) give_up("cannot read " + settings.file);
  uint64_t taken = 0;
  for (std::string line; (settings.events == 0 || taken < settings.events) && getline(in, line);
       ++taken) {
    const auto [tenant, event] = parted(line);
    Waiting& of = waiting[tenant];
    of.lines.append(event).push_back('\n');
    if (++of.events < settings.batch) continue;
    requests.push_back(request_of(settings, tenant, of.lines, of.events));
    of = {};
  }
  for (const auto& [tenant, of] : waiting) {
    if (of.events > 0) requests.push_back(request_of(settings, tenant, of.lines, of.events));
  }
  return requests;
}

int connect_to(unsigned port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(uint16_t(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    give_up("cannot connect: " + std::string(std::strerror(errno)));
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

// The status of a whole answer; none while it is not whole. Its body is not looked at.
std::optional<int> status_of(std::string_view answer) {
  const size_t head = answer.find("\r\n\r\n");
  if (head == std::string_view::npos) return std::nullopt;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t at = answer.find(kLength);
  if (at > head || !answer.starts_with("HTTP/1.1 ")) give_up("an answer of another kind");
  const size_t length = std::strtoul(answer.data() + at + kLength.size(), nullptr, 10);
  if (answer.size() < head + 4 + length) return std::nullopt;
  return std::atoi(answer.data() + 9);
}

// Connections that hold their places: heads that never end.
class SlowConnections {
 public:
  SlowConnections(unsigned count, unsigned port) : port_(port) {
    for (unsigned i = 0; i < count; ++i) begin(sockets_.emplace_back());
  }
  void step(double now) {
    if (now < next_) return;
    next_ = now + kSlowByte_s;
    for (int& fd : sockets_) {
      if (::send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) continue;
      ::close(fd);
      begin(fd);
    }
  }

 private:
  void begin(int& fd) {
    constexpr std::string_view kHead = "POST /v1/events HTTP/1.1\r\nHost: bench\r\nX-Slow: ";
    fd = connect_to(port_);
    if (::send(fd, kHead.data(), kHead.size(), MSG_NOSIGNAL) < 0) give_up("a slow connection");
  }
  const unsigned port_;
  std::vector<int> sockets_;
  double next_ = 0;
};

class Load {
 public:
  explicit Load(const Settings& settings)
      : settings_(settings),
        requests_(make_requests(settings)),
        slow_(settings.slow, settings.port),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        connections_(settings.connections) {
    for (uint32_t c = 0; c < connections_.size(); ++c) {
      connections_[c].fd = connect_to(settings.port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = c;
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[c].fd, &event) != 0) give_up("epoll");
      free_.push_back(c);
    }
  }

  void run() {
    begin_ = Clock::now();
    const double cpu_before_s = cpu_s();
    while (answered_ < requests_.size()) {
      slow_.step(now());
      give_due();
      epoll_event events[64];
      const int n = ::epoll_wait(epoll_, events, 64, wait_ms());
      for (int i = 0; i < n; ++i) receive(events[i].data.u32);
    }
    seconds_ = now();
    cpu_s_ = cpu_s() - cpu_before_s;
  }

  void print() const {
    uint64_t events = 0;
    for (const Request& request : requests_) events += request.events;
    const Quantiles times = quantiles(taken_ms_);
    std::printf(
        "{\"events\": %llu, \"requests\": %zu, \"seconds\": %.3f, \"cpu_s\": %.3f, \"refused\": "
        "%llu, "
        "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        static_cast<unsigned long long>(events), requests_.size(), seconds_, cpu_s_,
        static_cast<unsigned long long>(refused_), times.p50, times.p99, times.max);
  }

 private:
  struct Sending {
    size_t request;
    double due;
  };
  struct Connection {
    int fd = -1;
    Sending now{};
    std::string answer;
  };

  static double cpu_s() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
      return double(t.tv_sec) + 1e-6 * double(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  double now() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  // When the next request that nobody sends yet is due.
  std::optional<Sending> next() const {
    if (!again_.empty()) return again_.front();
    if (given_ == requests_.size()) return std::nullopt;
    const double due = settings_.rate > 0 ? double(given_) * settings_.batch / settings_.rate : 0;
    return Sending{given_, due};
  }
  int wait_ms() const {
    const auto sending = next();
    if (free_.empty() || !sending) return int(kSlowByte_s * 1000);
    return std::max(0, int((std::max(sending->due, paused_until_) - now()) * 1000));
  }
  void give_due() {
    while (!free_.empty()) {
      auto sending = next();
      const double at = now();
      if (!sending || sending->due > at || paused_until_ > at) return;
      again_.empty() ? void(++given_) : again_.pop_front();
      if (settings_.rate == 0) sending->due = at;
      send(free_.back(), *sending);
      free_.pop_back();
    }
  }
  // Blocks while the socket's buffer is full: the server reads.
  void send(uint32_t number, Sending sending) {
    Connection& connection = connections_[number];
    connection.now = sending;
    const std::string& bytes = requests_[sending.request].bytes;
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t n =
          ::send(connection.fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0) give_up("the server closed a connection");
      sent += size_t(n);
    }
  }
  void receive(uint32_t number) {
    Connection& connection = connections_[number];
    char bytes[4096];
    const ssize_t n = ::recv(connection.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n <= 0) give_up("the server closed a connection");
    connection.answer.append(bytes, size_t(n));
    const auto status = status_of(connection.answer);
    if (!status) return;
    free_.push_back(number);
    if (*status == 429 || *status == 503) {
      ++refused_;
      paused_until_ = now() + kRetry_s;
      again_.push_back(connection.now);
    } else if (*status / 100 == 2) {
      ++answered_;
      taken_ms_.push_back((now() - connection.now.due) * 1000);
    } else {
      give_up("refused: " + connection.answer);
    }
    connection.answer.clear();
  }

  const Settings settings_;
  const std::vector<Request> requests_;
  SlowConnections slow_;
  const int epoll_;
  std::vector<Connection> connections_;
  std::vector<uint32_t> free_;
  std::deque<Sending> again_;
  Clock::time_point begin_;
  size_t given_ = 0, answered_ = 0;
  uint64_t refused_ = 0;
  double paused_until_ = 0, seconds_ = 0, cpu_s_ = 0;
  std::vector<double> taken_ms_;
};

}  // namespace
}  // namespace quipu::bench

int main(int argc, char** argv) {
  quipu::bench::Load load(quipu::bench::read_settings(argc, argv));
  load.run();
  load.print();
}
