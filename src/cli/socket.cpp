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

// The address of DIR/socket, reached through a descriptor of DIR so that long paths fit into
// sun_path.
struct SocketAddress {
  explicit SocketAddress(const std::string& data_folder)
      : folder(::open(data_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/socket";
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
}

void CommandServer::serve() {
  while (!stopping_) {
    pollfd poll{fd_, POLLIN, 0};
    if (::poll(&poll, 1, 200) <= 0) continue;
    int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    // A client that neither asks nor reads must not hold up the others for long.
    timeval limit{10, 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    answer(client);
    ::close(client);
  }
}

void CommandServer::answer(int client) {
  uint8_t type = 0;
  std::string bytes;
  if (!read_frame(client, type, bytes, kMaxRequestBytes) || type != kRequest) return;
  ByteReader r(bytes);
  Console console;
  console.out = [client](std::string_view text) { return write_frame(client, kOutput, text); };
  console.err = [client](std::string_view text) { return write_frame(client, kErrorOutput, text); };
  if (r.u8() != kProtocolVersion) {
    console.err("quipu: the running process is of another version; use its own quipu program\n");
    write_frame(client, kExit, std::string(1, char(kExitError)));
    return;
  }
  std::vector<std::string> args;
  while (!r.done()) args.emplace_back(r.sized());
  if (!r.ok()) return;
  const int status = handler_(args, console);
  write_frame(client, kExit, std::string(1, char(status)));
}

std::optional<int> ask_running_process(const std::string& data_folder,
                                       const std::vector<std::string>& args,
                                       const Console& console) {
  SocketAddress address(data_folder);
  if (address.folder < 0) return std::nullopt;
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  if (::connect(fd, address.get(), sizeof address.address) != 0) {
    ::close(fd);
    return std::nullopt;
  }
  std::string request;
  ByteWriter w(request);
  w.u8(kProtocolVersion);
  for (const std::string& arg : args) w.sized(arg);
  int status = kExitError;
  bool done = false;
  if (write_frame(fd, kRequest, request)) {
    uint8_t type = 0;
    std::string bytes;
    while (!done && read_frame(fd, type, bytes, size_t(1) << 30)) {
      if (type == kOutput && !console.out(bytes)) break;
      if (type == kErrorOutput) console.err(bytes);
      if (type == kExit && bytes.size() == 1) status = uint8_t(bytes[0]), done = true;
    }
  }
  ::close(fd);
  if (!done)
    console.err("quipu: the process that has the store open ended before it answered; ask again\n");
  return status;
}

}  // namespace quipu
