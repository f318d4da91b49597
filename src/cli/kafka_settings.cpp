#include "cli/kafka_settings.h"

#include <algorithm>
#include <charconv>

#include "cli/serve_settings.h"
#include "time/parse_time.h"

namespace quipu {
namespace {

constexpr int32_t kMaxPartitionNumber = 999'999;

Result<int64_t> parse_from(const std::string& text) {
  if (text == "earliest") return int64_t{0};
  const ParsedTime time = parse_time_text(text, ZoneRules{});
  if (time.error != TimeError::none)
    return Error{"\"" + text + "\" is no time; write earliest, or one like 2026-03-05T14:00:00Z (" +
                 time.hint + ")"};
  return std::max<int64_t>(time.ms, 1);
}

// Settings whose values are not for files and lists of processes.
bool is_secret(const std::string& setting) {
  return setting.ends_with("password") || setting.ends_with("secret") || setting == "ssl.key.pem" ||
         setting == "sasl.oauthbearer.config";
}

Status check_anew(const KafkaSource& source) {
  for (const std::string& name : source.anew) {
    const auto same = [&](const KafkaTopic& topic) { return topic.name == name; };
    if (std::none_of(source.topics.begin(), source.topics.end(), same))
      return Error{"topic " + name + " may begin anew, but is not read"};
  }
  return {};
}

Status read_texts(const PlanNode& map, const char* key, const std::string& right,
                  std::vector<std::string>& texts) {
  if (!map.has(key)) return {};
  std::vector<PlanNode> entries;
  QUIPU_TRY(map.at(key).list(right, entries));
  for (const PlanNode& entry : entries) QUIPU_TRY(entry.name_text(texts.emplace_back()));
  return {};
}

Status read_library_settings(const PlanNode& node, KafkaSettings& settings) {
  if (!node.is_map())
    return node.wrong_kind("write librdkafka's settings by name, such as {client.rack: a}");
  for (const PlanNode& setting : node.children()) {
    std::string value;
    if (setting.is_map())
      QUIPU_TRY(read_secret(setting, value));
    else if (is_secret(setting.name()))
      return setting.error(
          "a secret does not stand here; write {env: NAME}, the variable of the environment that "
          "holds it");
    else
      QUIPU_TRY(setting.text(value));
    settings.push_back({setting.name(), value});
  }
  return {};
}

Result<KafkaSource> read_source(const PlanNode& node) {
  if (!node.is_map())
    return node.wrong_kind("write {name: NAME, brokers: HOST:PORT, topics: [TOPIC]}");
  QUIPU_TRY(
      node.only_keys({"name", "brokers", "topics", "settings", "from", "group", "begin_anew"}));
  KafkaSource source;
  if (!node.has("brokers") || !node.has("topics"))
    return node.error("needs brokers: (HOST:PORT) and topics: (a list of names)");
  QUIPU_TRY(node.at("brokers").name_text(source.cluster.brokers));
  if (node.has("name")) QUIPU_TRY(node.at("name").name_text(source.cluster.name));
  if (node.has("group")) QUIPU_TRY(node.at("group").name_text(source.group));
  std::vector<std::string> topics;
  QUIPU_TRY(read_texts(node, "topics", "write a list of topics, such as [orders]", topics));
  for (const std::string& text : topics) {
    auto topic = parse_kafka_topic(text);
    if (!topic.ok()) return node.at("topics").error(topic.error().message);
    source.topics.push_back(std::move(*topic));
  }
  QUIPU_TRY(read_texts(node, "begin_anew", "write a list of topics", source.anew));
  if (Status status = check_anew(source); !status.ok())
    return node.at("begin_anew").error(status.error().message);
  if (node.has("settings"))
    QUIPU_TRY(read_library_settings(node.at("settings"), source.cluster.settings));
  if (node.has("from")) {
    std::string text;
    QUIPU_TRY(node.at("from").name_text(text));
    auto from = parse_from(text);
    if (!from.ok()) return node.at("from").error(from.error().message);
    source.from_ms = *from;
  }
  return source;
}

}  // namespace

Result<KafkaTopic> parse_kafka_topic(const std::string& text) {
  const size_t colon = text.find(':');
  KafkaTopic topic{text.substr(0, colon), {}};
  const Error wrong{"\"" + text +
                    "\" is no topic; write its name, or NAME:0,2 for two of its "
                    "partitions"};
  if (topic.name.empty()) return wrong;
  if (colon == std::string::npos) return topic;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data() + colon; at != end;) {
    int32_t partition = -1;
    const auto [behind, error] = std::from_chars(at + 1, end, partition);
    if (error != std::errc() || partition < 0 || partition > kMaxPartitionNumber) return wrong;
    if (behind != end && *behind != ',') return wrong;
    topic.partitions.push_back(partition);
    at = behind;
  }
  return topic;
}

Status read_kafka(const PlanNode& node, std::vector<KafkaSource>& sources) {
  std::vector<PlanNode> entries;
  QUIPU_TRY(node.list("write a list of clusters: - {name: NAME, brokers: HOST:PORT, topics: [T]}",
                      entries));
  for (const PlanNode& entry : entries) {
    QUIPU_ASSIGN(KafkaSource source, read_source(entry));
    const auto same = [&](const KafkaSource& s) { return s.cluster.name == source.cluster.name; };
    if (std::any_of(sources.begin(), sources.end(), same))
      return entry.error("another cluster is named " + shown(source.cluster.name) +
                         ", too; give each a name of its own, for its positions are kept under it");
    sources.push_back(std::move(source));
  }
  return {};
}

Result<KafkaSource> kafka_source_of(const KafkaArguments& arguments) {
  if (arguments.brokers.empty()) return Error{"which brokers? --kafka HOST:PORT"};
  if (arguments.topics.empty()) return Error{"which topics? --topic NAME"};
  KafkaSource source;
  source.cluster.brokers = arguments.brokers;
  if (!arguments.name.empty()) source.cluster.name = arguments.name;
  source.group = arguments.group;
  source.anew = arguments.anew;
  for (const std::string& text : arguments.topics) {
    QUIPU_ASSIGN(KafkaTopic topic, parse_kafka_topic(text));
    source.topics.push_back(std::move(topic));
  }
  QUIPU_TRY(check_anew(source));
  for (const std::string& setting : arguments.settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{"--kafka-set " + setting + ": write NAME=VALUE"};
    if (is_secret(setting.substr(0, equals)))
      return Error{"--kafka-set " + setting.substr(0, equals) +
                   ": a secret does not stand in a command; write it into the file of --config, "
                   "as {env: NAME} (docs/kafka.md)"};
    source.cluster.settings.push_back({setting.substr(0, equals), setting.substr(equals + 1)});
  }
  if (!arguments.from.empty()) {
    QUIPU_ASSIGN(source.from_ms, parse_from(arguments.from));
  }
  return source;
}

}  // namespace quipu
