// The unix socket in a data folder, by which other commands ask the process that has the store
// open. A request is one frame holding the command line; the answer is frames of output and an exit
// status. Frame: type u8 | length u32 little endian | bytes. Types: 1 request (u8 version, then
// sized strings: the asker's folder and its arguments), 2 output, 3 error output, 4 exit status
// (one byte). Only the folder's owner can reach the socket (mode 0600).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

namespace quipu {

inline constexpr size_t kMaxRequestBytes = 1 << 20;
// Commands that are answered at a time; one more is refused at once.
inline constexpr size_t kMaxClients = 8;
// A client that takes nothing for so long is dropped; one that asks nothing, after the second.
inline constexpr int kClientPatience_s = 60, kRequestPatience_s = 10;
// Commands that are being answered when the run ends may take so long to read the rest.
inline constexpr auto kClosingPatience = std::chrono::milliseconds(1000);

class CommandServer {
 public:
  using Handler = std::function<int(const std::vector<std::string>& args, const Console& console)>;
  // Each request is served on a thread of its own. The handler must be thread-safe against the run
  // and itself.
  static Result<std::unique_ptr<CommandServer>> listen(const std::string& data_folder,
                                                       Handler handler);
  // Takes no more requests; those that are being answered are cut off after kClosingPatience.
  ~CommandServer();

 private:
  struct Client {
    int fd;
    std::atomic<bool> cut{false}, done{false};
    std::thread thread;
  };
  CommandServer(int fd, std::string path, Handler handler);
  void serve();
  void take(int client);
  void answer(Client& client);
  void forget_done();
  int fd_;
  std::string path_;
  Handler handler_;
  std::atomic<bool> stopping_{false};
  std::list<Client> clients_;  // of the server's thread, and after it of the destructor's
  std::thread thread_;
};

// Whether a process serves the folder.
bool is_served(const std::string& data_folder);

// Runs the command in the process that serves the folder; nullopt if nobody does, or if that
// process ended before it answered anything.
std::optional<int> ask_running_process(const std::string& data_folder,
                                       const std::vector<std::string>& args,
                                       const Console& console);

}  // namespace quipu
