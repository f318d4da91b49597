#include "engine/memory_shares.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "engine/options.h"

namespace quipu {
namespace {

std::string in_mib(size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// As docs/memory.md shows it.
std::vector<std::string> table_of_code() {
  std::vector<std::string> lines = {"| share | of 64 | at most | what for |", "|---|---|---|---|"};
  for (const MemoryShare& share : kMemoryTable) {
    lines.push_back("| " + std::string(share.what) + " | " + std::to_string(share.parts) + " | " +
                    (share.most_bytes ? in_mib(share.most_bytes) : "") + " | " +
                    std::string(share.note) + " |");
  }
  return lines;
}

TEST(MemoryShares, AreThoseOfTheGuide) {
  std::ifstream file("docs/memory.md");
  ASSERT_TRUE(file) << "run it in the source's folder";
  std::vector<std::string> table;
  std::string line, text;
  while (std::getline(file, line)) {
    if (line.starts_with("|")) table.push_back(line);
    text += line + "\n";
  }
  EXPECT_EQ(table, table_of_code());
  EXPECT_NE(text.find(in_mib(kFixedMemoryBytes) + " (`kFixedMemoryBytes`)"), std::string::npos);
  EXPECT_NE(text.find(in_mib(kMinMemoryBytes) + " (`kMinMemoryBytes`)"), std::string::npos);
}

TEST(MemoryShares, AreWithinTheBudget) {
  EngineOptions options;
  for (const size_t memory : {kMinMemoryBytes, size_t(1) << 30, size_t(64) << 30}) {
    options.memory_bytes = memory;
    const MemoryShares shares = divide_memory(options);
    // Panes have two generations.
    EXPECT_LE(shares.hot + shares.pane + kept_beside(shares.pane) + shares.cache + shares.filter +
                  shares.compaction + shares.write_buffer + shares.names,
              memory - kFixedMemoryBytes);
    EXPECT_GE(shares.hot, memory / 8);
    EXPECT_GE(shares.hot, shares.pane) << "what a pane's events touched stays until it is durable";
    EXPECT_GT(shares.write_buffer, 0u);
  }
}

TEST(MemoryShares, HaveTheirPartsAndTheirBounds) {
  EngineOptions options;
  options.memory_bytes = kFixedMemoryBytes + (size_t(640) << 20);
  MemoryShares shares = divide_memory(options);
  EXPECT_EQ(shares.pane, size_t(120) << 20);
  EXPECT_EQ(kept_beside(shares.pane), size_t(80) << 20);
  EXPECT_EQ(shares.hot, size_t(130) << 20);
  EXPECT_EQ(shares.cache, size_t(50) << 20);
  EXPECT_EQ(shares.filter, size_t(120) << 20);
  EXPECT_EQ(shares.compaction, size_t(40) << 20);
  EXPECT_EQ(shares.write_buffer, size_t(20) << 20);
  EXPECT_EQ(shares.names, size_t(40) << 20);
  options.memory_bytes = kFixedMemoryBytes + (size_t(64) << 30);
  shares = divide_memory(options);
  EXPECT_EQ(shares.pane, size_t(512) << 20);
  EXPECT_EQ(shares.names, size_t(256) << 20);
  EXPECT_EQ(shares.write_buffer, size_t(64) << 20);
  EXPECT_GT(shares.hot, size_t(32) << 30) << "what the panes leave is the hot tier's";
}

}  // namespace
}  // namespace quipu
