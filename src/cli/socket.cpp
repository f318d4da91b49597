#include "cli/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"

namespace quipu {
namespace {

constexpr uint8_t kRequest = 1, kOutput = 2, kErrorOutput = 3, kExit = 4;
constexpr uint8_t kProtocolVersion = 1;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

bool read_all(int fd, char* to, size_t size) {
  while (size > 0) {
    ssize_t n = ::recv(fd, to, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= size_t(n);
  }
  return true;
}

bool write_frame(int fd, uint8_t type, std::string_view bytes) {
  std::string frame;
  ByteWriter w(frame);
  w.u8(type);
  w.le32(uint32_t(bytes.size()));
  w.bytes(bytes);
  return write_all(fd, frame);
}

bool read_frame(int fd, uint8_t& type, std::string& bytes, size_t limit) {
  char head[5];
  if (!read_all(fd, head, sizeof head)) return false;
  ByteReader r(std::string_view(head, sizeof head));
  type = r.u8();
  const uint32_t size = r.le32();
  if (size > limit) return false;
  bytes.resize(size);
  return read_all(fd, bytes.data(), size);
}

bool hung_up(int fd) {
  pollfd poll{fd, POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) > 0;
}

// The address of DIR/socket. Where that is too long for sun_path, it is reached through a
// descriptor of DIR, which needs /proc.
struct SocketAddress {
  explicit SocketAddress(const std::string& data_folder)
      : folder(::open(data_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address.sun_family = AF_UNIX;
    std::string path = data_folder + "/socket";
    if (path.size() >= sizeof address.sun_path)
      path = "/proc/self/fd/" + std::to_string(folder) + "/socket";
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  }
  ~SocketAddress() {
    if (folder >= 0) ::close(folder);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
  int folder;
  sockaddr_un address{};
};

}  // namespace

Result<std::unique_ptr<CommandServer>> CommandServer::listen(const std::string& data_folder,
                                                             Handler handler) {
  const std::string path = data_folder + "/socket";
  ::unlink(path.c_str());  // of a process that died: the store's lock says that nobody else has it
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SocketAddress address(data_folder);
  const mode_t mask = ::umask(0177);
  const bool bound =
      fd >= 0 && address.folder >= 0 && ::bind(fd, address.get(), sizeof address.address) == 0;
  ::umask(mask);
  if (!bound || ::listen(fd, 16) != 0) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return Error{path + ": cannot listen there: " + why +
                 "; the data folder must be on a local file system"};
  }
  return std::unique_ptr<CommandServer>(new CommandServer(fd, path, std::move(handler)));
}

CommandServer::CommandServer(int fd, std::string path, Handler handler)
    : fd_(fd), path_(std::move(path)), handler_(std::move(handler)) {
  thread_ = std::thread([this] { serve(); });
}

CommandServer::~CommandServer() {
  stopping_ = true;
  ::shutdown(fd_, SHUT_RDWR);
  thread_.join();
  ::close(fd_);
  ::unlink(path_.c_str());
  const auto deadline = std::chrono::steady_clock::now() + kClosingPatience;
  for (forget_done(); !clients_.empty(); forget_done()) {
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (Client& client : clients_) {
    client.cut = true;
    ::shutdown(client.fd, SHUT_RDWR);  // whoever waits in send() wakes
  }
  for (Client& client : clients_) {
    client.thread.join();
    ::close(client.fd);
  }
}

void CommandServer::serve() {
  while (!stopping_) {
    pollfd poll{fd_, POLLIN, 0};
    const int ready = ::poll(&poll, 1, 200);
    forget_done();
    if (ready <= 0) continue;
    const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) take(client);
  }
}

void CommandServer::take(int client) {
  const timeval asks{kRequestPatience_s, 0}, reads{kClientPatience_s, 0};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &asks, sizeof asks);
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &reads, sizeof reads);
  if (clients_.size() >= kMaxClients) {  // so few bytes that nobody waits
    write_frame(client, kErrorOutput,
                "quipu: the running process answers " + std::to_string(kMaxClients) +
                    " commands already; ask again when one of them has ended\n");
    write_frame(client, kExit, std::string(1, char(kExitError)));
    ::close(client);
    return;
  }
  Client& taken = clients_.emplace_back();
  taken.fd = client;
  taken.thread = std::thread([this, &taken] {
    answer(taken);
    ::shutdown(taken.fd, SHUT_RDWR);
    taken.done = true;
  });
}

void CommandServer::forget_done() {
  clients_.remove_if([](Client& client) {
    if (!client.done) return false;
    client.thread.join();
    ::close(client.fd);
    return true;
  });
}

void CommandServer::answer(Client& client) {
  const int fd = client.fd;
  uint8_t type = 0;
  std::string bytes;
  if (!read_frame(fd, type, bytes, kMaxRequestBytes) || type != kRequest) return;
  ByteReader r(bytes);
  Console console;
  const auto writer = [&client](uint8_t as) {
    return [&client, as](std::string_view text) {
      if (client.cut || !write_frame(client.fd, as, text)) client.cut = true;
      return !client.cut;
    };
  };
  console.out = console.styled = writer(kOutput);
  console.err = writer(kErrorOutput);
  console.wanted = [&client] { return !client.cut && !hung_up(client.fd); };
  if (r.u8() != kProtocolVersion) {
    console.err("quipu: the running process is of another version; use its own quipu program\n");
    write_frame(fd, kExit, std::string(1, char(kExitError)));
    return;
  }
  std::vector<std::string> args;
  while (!r.done()) args.emplace_back(r.sized());
  if (!r.ok()) return;
  const int status = handler_(args, console);
  if (!client.cut) write_frame(fd, kExit, std::string(1, char(status)));
}

namespace {

// Connected to whoever serves the folder; -1: nobody.
int connect_to(const std::string& data_folder) {
  SocketAddress address(data_folder);
  if (address.folder < 0) return -1;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, address.get(), sizeof address.address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

}  // namespace

bool is_served(const std::string& data_folder) {
  const int fd = connect_to(data_folder);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

std::optional<int> ask_running_process(const std::string& data_folder,
                                       const std::vector<std::string>& args,
                                       const Console& console) {
  const int fd = connect_to(data_folder);
  if (fd < 0) return std::nullopt;
  std::string request;
  ByteWriter w(request);
  w.u8(kProtocolVersion);
  for (const std::string& arg : args) w.sized(arg);
  int status = kExitError;
  bool anything = false, done = false;
  // It may refuse before it has read all that was asked.
  write_frame(fd, kRequest, request);
  uint8_t type = 0;
  std::string bytes;
  while (!done && read_frame(fd, type, bytes, size_t(1) << 30)) {
    anything = true;
    if (type == kOutput && !console.out(bytes)) done = true;  // with kExitError: see main.cpp
    if (type == kErrorOutput) console.err(bytes);
    if (type == kExit && bytes.size() == 1) status = uint8_t(bytes[0]), done = true;
  }
  ::close(fd);
  if (!anything) return std::nullopt;
  if (!done)
    console.err(
        "quipu: the process that has the store open ended, or waited in vain for this one to read, "
        "before it had answered; ask again\n");
  return status;
}

}  // namespace quipu
