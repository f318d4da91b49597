// Files for the tests of this folder: a folder of its own that goes away, plain and compressed
// contents.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "source/source.h"

namespace quipu {

class ScratchFiles {
 public:
  ScratchFiles() {
    std::string pattern = testing::TempDir() + "quipu_source_XXXXXX";
    folder_ = std::filesystem::canonical(::mkdtemp(pattern.data())).string();
  }
  ~ScratchFiles() { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
    return path(name);
  }
  void append(const std::string& name, std::string_view content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::app) << content;
  }

 private:
  std::string folder_;
};

// One gzip member, one zstd frame.
std::string gzip(std::string_view content);
std::string zstd(std::string_view content);

// Lines of all kinds: blank, short, some KiB; with a newline at the end, or not.
inline std::string random_lines(std::mt19937_64& rng, size_t about_bytes,
                                bool last_newline = true) {
  std::string text;
  while (text.size() < about_bytes) {
    const size_t length = rng() % 10 == 0 ? 0 : rng() % 8 == 0 ? rng() % 3000 : rng() % 120;
    for (size_t i = 0; i < length; ++i) text.push_back(char(' ' + rng() % 90));
    if (rng() % 20 == 0) text.push_back('\r');
    text.push_back('\n');
  }
  if (!last_newline) text += "tail";
  return text;
}

inline std::unique_ptr<Source> open_good(Result<std::unique_ptr<Source>> source) {
  EXPECT_TRUE(source.ok()) << source.error().message;
  return source.ok() ? std::move(source).value() : nullptr;
}
inline std::string refused(const Result<std::unique_ptr<Source>>& source) {
  EXPECT_FALSE(source.ok());
  return source.ok() ? "" : source.error().message;
}

// All that a source still gives, strung together; blocks are checked on the way.
inline std::string read_all(Source& source, size_t most_blocks = ~size_t{0}) {
  std::string text;
  for (size_t i = 0; i < most_blocks; ++i) {
    auto block = source.next();
    EXPECT_TRUE(block.ok()) << block.error().message;
    if (!block.ok() || block->text.empty()) break;
    const char* end = block->text.data() + block->text.size();
    EXPECT_GE(block->text.data(), block->buffer->data());
    EXPECT_LE(end + kBlockPadding, block->buffer->data() + block->buffer->size());
    text += block->text;
  }
  return text;
}

}  // namespace quipu
