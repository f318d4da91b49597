// The unix socket in a data folder, by which other commands ask the process that has the store
// open. A request is one frame holding the command line; the answer is frames of output and an exit
// status. Frame: type u8 | length u32 little endian | bytes. Types: 1 request (u8 version, then
// sized strings: the asker's folder and its arguments), 2 output, 3 error output, 4 exit status
// (one byte). Only the folder's owner can reach the socket (mode 0600).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

namespace quipu {

inline constexpr size_t kMaxRequestBytes = 1 << 20;

class CommandServer {
 public:
  using Handler = std::function<int(const std::vector<std::string>& args, const Console& console)>;
  // Serves one request at a time on a thread of its own. The handler must be thread-safe against
  // the run.
  static Result<std::unique_ptr<CommandServer>> listen(const std::string& data_folder,
                                                       Handler handler);
  ~CommandServer();

 private:
  CommandServer(int fd, std::string path, Handler handler);
  void serve();
  void answer(int client);
  int fd_;
  std::string path_;
  Handler handler_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Runs the command in the process that serves the folder; nullopt if nobody does.
std::optional<int> ask_running_process(const std::string& data_folder,
                                       const std::vector<std::string>& args,
                                       const Console& console);

}  // namespace quipu
