// Reads topics as the engine would, for the tests: what a feed gives is appended to a file, a line
// of JSON an event, and now and then "committed": positions, and how long the file is, go to a
// state file in one step. Killed at any moment and started again, it cuts the file to what was
// committed and goes on, so that the file must hold each record once.
//
// usage: feed_reader BROKERS TOPIC[:P,P].. [--out FILE] [--state FILE] [--commit-every BLOCKS]
//   [--live] [--member] [--anew] [--from MS] [--look MS] [--delay-us US] [--block BYTES]
//   [--set NAME=VALUE].. [--group GROUP --store STORE] [--cluster NAME]
//
// It ends at the end of what there is; --live: never, but at SIGTERM (status 0). Status 1 with the
// message of a feed's error, 0 with what it read: "events BLOCKS BYTES".
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "base/json_text.h"
#include "base/stop_flag.h"
#include "kafka/kafka_feed.h"
#include "kafka/kafka_offsets.h"

using namespace quipu;

namespace {

StopFlag& stop() {
  static StopFlag flag;
  return flag;
}

struct Asked {
  KafkaOptions kafka;
  SourceOptions source;
  std::string out, state, group, store;
  uint64_t commit_every = 1, delay_us = 0;
};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

KafkaTopic topic_of(const std::string& text) {
  const auto parts = split(text, ':');
  KafkaTopic topic{parts[0], {}};
  if (parts.size() > 1)
    for (const std::string& p : split(parts[1], ',')) topic.partitions.push_back(std::stoi(p));
  return topic;
}

Asked read_arguments(int argc, char** argv) {
  Asked asked;
  asked.kafka.cluster.brokers = argv[1];
  asked.kafka.ends = true;
  for (int i = 2; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] { return std::string(argv[++i]); };
    if (name == "--out")
      asked.out = value();
    else if (name == "--state")
      asked.state = value();
    else if (name == "--commit-every")
      asked.commit_every = std::stoull(value());
    else if (name == "--live")
      asked.kafka.ends = false;
    else if (name == "--member")
      asked.kafka.with_member = true;
    else if (name == "--anew")
      asked.kafka.begin_anew = true;
    else if (name == "--from")
      asked.kafka.from_ms = std::stoll(value());
    else if (name == "--look")
      asked.kafka.look_for_partitions = std::chrono::milliseconds(std::stoi(value()));
    else if (name == "--delay-us")
      asked.delay_us = std::stoull(value());
    else if (name == "--block")
      asked.source.block_bytes = std::stoull(value());
    else if (name == "--group")
      asked.group = value();
    else if (name == "--store")
      asked.store = value();
    else if (name == "--cluster")
      asked.kafka.cluster.name = value();
    else if (name == "--set") {
      const std::string text = value();
      asked.kafka.cluster.settings.push_back(
          {text.substr(0, text.find('=')), text.substr(text.find('=') + 1)});
    } else
      asked.kafka.topics.push_back(topic_of(name));
  }
  return asked;
}

std::string hex(const std::string& bytes) {
  std::string out;
  char text[3];
  for (const char c : bytes) {
    std::snprintf(text, sizeof text, "%02x", unsigned(uint8_t(c)));
    out += text;
  }
  return out;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += char(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

// What was committed: how long the file of events is, and the positions.
struct State {
  uint64_t bytes = 0;
  std::map<std::string, SourcePosition> positions;

  void load(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    if (!std::getline(in, line)) return;
    bytes = std::stoull(line);
    while (std::getline(in, line)) {
      const SourcePosition position = decode_position(from_hex(line)).value();
      positions[position.path] = position;
    }
  }
  void save(const std::string& path) const {
    if (path.empty()) return;
    std::ofstream out(path + ".new");
    out << bytes << "\n";
    for (const auto& [key, position] : positions) {
      std::string encoded;
      encode_position(position, encoded);
      out << hex(encoded) << "\n";
    }
    out.close();
    std::rename((path + ".new").c_str(), path.c_str());
  }
};

void append_event(const std::string& part, const BlockRecords& record, std::string& out) {
  out += "{\"part\":";
  append_json_string(part, out);
  out += ",\"offset\":" + std::to_string(record.offset()) + ",\"text\":";
  append_json_string(record.text(), out);
  out += "}\n";
}

int read(Asked& asked, State& state, Source& feed, int fd, KafkaOffsets* offsets) {
  uint64_t events = 0, blocks = 0, uncommitted = 0;
  const auto commit = [&] {
    state.save(asked.state);
    if (offsets)
      for (const auto& [key, position] : state.positions) offsets->note(position);
    uncommitted = 0;
  };
  while (true) {
    auto block = feed.next();
    if (!block.ok()) {
      if (stop().is_set()) break;
      std::cerr << block.error().message << "\n";
      return 1;
    }
    if (block->text.empty()) break;
    std::string lines;
    for (BlockRecords records(*block); records.next(); ++events)
      if (fd >= 0) append_event(feed.name(), records, lines);
    if (fd >= 0 && ::write(fd, lines.data(), lines.size()) != ssize_t(lines.size())) return 2;
    state.bytes += lines.size();
    state.positions[feed.position().path] = feed.position();
    ++blocks;
    if (++uncommitted >= asked.commit_every) commit();
    if (asked.delay_us) std::this_thread::sleep_for(std::chrono::microseconds(asked.delay_us));
  }
  commit();
  std::cout << events << " " << blocks << " " << feed.bytes_read() << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::signal(SIGTERM, [](int) { stop().set(); });
  Asked asked = read_arguments(argc, argv);
  asked.source.stop = &stop();
  State state;
  if (!asked.state.empty()) state.load(asked.state);
  const int fd =
      asked.out.empty() ? -1 : ::open(asked.out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0 && ::ftruncate(fd, off_t(state.bytes)) != 0) return 2;
  if (fd >= 0) ::lseek(fd, 0, SEEK_END);
  std::unique_ptr<KafkaOffsets> offsets;
  if (!asked.group.empty()) {
    std::vector<std::string> topics;
    for (const KafkaTopic& topic : asked.kafka.topics) topics.push_back(topic.name);
    auto opened =
        KafkaOffsets::open({asked.kafka.cluster, topics, asked.group, asked.store}, &stop());
    if (!opened.ok()) {
      std::cerr << opened.error().message << "\n";
      return 1;
    }
    offsets = std::move(*opened);
    asked.kafka.offsets = offsets.get();
  }
  const FeedPositions positions =
      [&](const std::string& key) -> Result<std::optional<SourcePosition>> {
    const auto it = state.positions.find(key);
    if (it == state.positions.end()) return std::optional<SourcePosition>();
    return std::optional<SourcePosition>(it->second);
  };
  auto feed = open_kafka(asked.kafka, positions, asked.source);
  if (!feed.ok()) {
    std::cerr << feed.error().message << "\n";
    return 1;
  }
  return read(asked, state, **feed, fd, offsets.get());
}
