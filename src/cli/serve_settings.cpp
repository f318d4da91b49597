#include "cli/serve_settings.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "http/door.h"
#include "plan/plan_node.h"

namespace quipu {
namespace {

constexpr int kMostConnections = 100'000, kMostRate = 999'999, kMostDays = 36'500;

class SettingsParser {
 public:
  explicit SettingsParser(std::string folder) : folder_(std::move(folder)) {}

  Result<ServeSettings> parse(const PlanNode& root) {
    QUIPU_TRY(root.only_keys({"plan", "data", "listen", "memory", "zoneinfo", "tls", "limits",
                              "rates", "journal", "log", "kafka"}));
    QUIPU_TRY(path(root, "plan", settings_.plan));
    QUIPU_TRY(path(root, "data", settings_.data));
    QUIPU_TRY(path(root, "zoneinfo", settings_.zoneinfo_dir));
    QUIPU_TRY(read_listen(root));
    if (root.has("memory")) {
      size_t bytes = 0;
      QUIPU_TRY(size(root, "memory", bytes));
      QUIPU_TRY(root.at("memory").text(settings_.memory));
    }
    if (root.has("tls")) QUIPU_TRY(read_tls(root.at("tls")));
    if (root.has("limits")) QUIPU_TRY(read_limits(root.at("limits")));
    if (root.has("rates")) QUIPU_TRY(read_rates(root.at("rates")));
    if (root.has("journal")) QUIPU_TRY(read_journal(root.at("journal")));
    if (root.has("log")) QUIPU_TRY(read_log(root.at("log")));
    if (root.has("kafka")) QUIPU_TRY(read_kafka(root.at("kafka"), settings_.kafka));
    return settings_;
  }

 private:
  Status path(const PlanNode& map, std::string_view key, std::string& out) const {
    if (!map.has(key)) return {};
    QUIPU_TRY(map.at(key).name_text(out));
    out = (std::filesystem::path(folder_) / out).string();
    return {};
  }
  template <typename Number>
  static Status size(const PlanNode& map, std::string_view key, Number& out) {
    if (!map.has(key)) return {};
    std::string written;
    QUIPU_TRY(map.at(key).name_text(written));
    auto bytes = parse_size(written);
    if (!bytes.ok()) return map.at(key).wrong_kind("write a size like 512M or 8G");
    out = Number(*bytes);
    return {};
  }
  static Status count(const PlanNode& map, std::string_view key, int most, size_t& out) {
    if (!map.has(key)) return {};
    int number = 0;
    QUIPU_TRY(map.at(key).number(1, most, number));
    out = size_t(number);
    return {};
  }
  Status read_listen(const PlanNode& root) {
    if (!root.has("listen")) return {};
    const PlanNode node = root.at("listen");
    QUIPU_TRY(node.name_text(settings_.listen));
    const Status good = Door::check_address(settings_.listen);
    return good.ok() ? Status() : Status(node.wrong_kind(good.error().message));
  }
  Status read_tls(const PlanNode& node) {
    QUIPU_TRY(node.only_keys({"certificate", "key", "key_password"}));
    if (!node.has("certificate") || !node.has("key"))
      return node.error("needs two files: certificate and key");
    QUIPU_TRY(path(node, "certificate", settings_.tls.certificate));
    QUIPU_TRY(path(node, "key", settings_.tls.key));
    return node.has("key_password") ? read_secret(node.at("key_password"), settings_.tls.password)
                                    : Status();
  }
  Status read_limits(const PlanNode& node) {
    QUIPU_TRY(
        node.only_keys({"connections", "connections_of_client", "behind_bytes", "free_bytes"}));
    QUIPU_TRY(count(node, "connections", kMostConnections, settings_.connections));
    QUIPU_TRY(
        count(node, "connections_of_client", kMostConnections, settings_.connections_of_client));
    QUIPU_TRY(size(node, "behind_bytes", settings_.intake.behind_bytes));
    return size(node, "free_bytes", settings_.intake.free_bytes);
  }
  Status read_rates(const PlanNode& node) {
    QUIPU_TRY(node.only_keys({"each_key", "keys"}));
    size_t rate = 0;
    QUIPU_TRY(count(node, "each_key", kMostRate, rate));
    settings_.intake.rates.each = double(rate);
    if (!node.has("keys")) return {};
    const PlanNode keys = node.at("keys");
    if (!keys.is_map())
      return keys.wrong_kind("write keys' ids with their rates, such as {k7: 500}");
    for (const PlanNode& key : keys.children()) {
      int own = 0;
      QUIPU_TRY(key.number(0, kMostRate, own));
      settings_.intake.rates.of_keys[key.name()] = own;
    }
    return {};
  }
  Status read_journal(const PlanNode& node) {
    QUIPU_TRY(node.only_keys({"archive", "keep_days"}));
    if (node.has("archive")) QUIPU_TRY(node.at("archive").yes_no(settings_.archive));
    size_t days = 0;
    QUIPU_TRY(count(node, "keep_days", kMostDays, days));
    if (days > 0 && settings_.archive)
      return node.error("archive: yes keeps all segments; leave out archive or keep_days");
    settings_.keep_s = int64_t(days) * 86'400;
    return {};
  }
  Status read_log(const PlanNode& node) {
    QUIPU_TRY(node.only_keys({"level", "format"}));
    int choice = int(settings_.log_level);
    const std::vector<std::string> levels(std::begin(kLogLevelNames), std::end(kLogLevelNames));
    if (node.has("level")) QUIPU_TRY(node.at("level").one_of(levels, choice));
    settings_.log_level = LogLevel(choice);
    choice = 0;
    if (node.has("format")) QUIPU_TRY(node.at("format").one_of({"text", "json"}, choice));
    settings_.log_json = choice == 1;
    return {};
  }

  const std::string folder_;
  ServeSettings settings_;
};

void override_with(const std::string& given, std::string& setting) {
  if (!given.empty()) setting = given;
}

}  // namespace

Status read_secret(const PlanNode& node, std::string& out) {
  const std::string right = "write {env: NAME}, the variable of the environment that holds it";
  if (!node.is_map()) {
    // What stands there may be the secret itself: it is not shown.
    return node.error("a secret does not stand here; " + right);
  }
  QUIPU_TRY(node.only_keys({"env"}));
  if (!node.has("env")) return node.wrong_kind(right);
  std::string name;
  QUIPU_TRY(node.at("env").name_text(name));
  const char* value = std::getenv(name.c_str());
  if (!value) return node.at("env").error("there is no variable " + shown(name) + "; set it");
  out = value;
  return {};
}

Result<ServeSettings> parse_settings(std::string_view text, const std::string& file) {
  QUIPU_ASSIGN(const YamlNode tree, read_yaml(text, file));
  const PlanNode root(tree, file, "");
  return SettingsParser(std::filesystem::path(file).parent_path().string()).parse(root);
}

Result<ServeSettings> settings_of(const Arguments& arguments) {
  ServeSettings settings;
  if (!arguments.config.empty()) {
    std::ifstream file(arguments.config, std::ios::binary);
    if (!file) return Error{arguments.config + ": cannot be read: " + std::strerror(errno)};
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    QUIPU_ASSIGN(settings, parse_settings(text, arguments.config));
  }
  override_with(arguments.plan, settings.plan);
  override_with(arguments.data, settings.data);
  override_with(arguments.memory, settings.memory);
  override_with(arguments.zoneinfo_dir, settings.zoneinfo_dir);
  override_with(arguments.listen, settings.listen);
  override_with(arguments.tls_certificate, settings.tls.certificate);
  override_with(arguments.tls_key, settings.tls.key);
  if (arguments.rate > 0) settings.intake.rates.each = arguments.rate;
  if (arguments.archive) settings.archive = true;
  if (arguments.log_json) settings.log_json = true;
  for (size_t i = 0; i < std::size(kLogLevelNames); ++i) {
    if (arguments.log_level == kLogLevelNames[i]) settings.log_level = LogLevel(i);
  }
  if (Status good = Door::check_address(settings.listen); !good.ok())
    return Error{"--listen " + settings.listen + ": " + good.error().message};
  if (!arguments.kafka.empty()) {
    QUIPU_ASSIGN(KafkaSource source, kafka_source_of(arguments.kafka));
    for (const KafkaSource& other : settings.kafka)
      if (other.cluster.name == source.cluster.name)
        return Error{"the file of --config has a cluster " + other.cluster.name +
                     ", too; give this one another --kafka-name"};
    settings.kafka.push_back(std::move(source));
  }
  if (settings.plan.empty())
    return Error{"which plan? quipu serve PLAN, or plan: in the file of --config"};
  if (settings.tls.certificate.empty() != settings.tls.key.empty())
    return Error{"TLS needs two files: --tls-cert and --tls-key"};
  return settings;
}

}  // namespace quipu
