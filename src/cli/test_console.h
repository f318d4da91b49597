// For tests: runs a command and keeps what it prints; temporary files.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cli/console.h"

namespace quipu::test {

struct Printed {
  int status = 0;
  std::string out, err;
};

template <typename Command>
Printed printed_by(Command command) {
  Printed printed;
  Console console;
  console.out = [&](std::string_view text) { return printed.out.append(text), true; };
  console.err = [&](std::string_view text) { return printed.err.append(text), true; };
  printed.status = command(console);
  return printed;
}

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quipu-cli-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace quipu::test
