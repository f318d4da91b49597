// What `quipu serve` can be told, by its configuration file and its command line. The file is YAML
// like a plan, and its errors are a plan's: file, line, key, what is wrong and what would be right.
// Paths in it are relative to its folder. Secrets do not stand in it: it names the variables of the
// environment that hold them. docs/serving.md explains every key.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/arguments.h"
#include "cli/kafka_settings.h"
#include "cli/log.h"
#include "http/intake.h"
#include "http/tls_context.h"

namespace quipu {

struct ServeSettings {
  std::string plan, data, memory, zoneinfo_dir;
  std::string listen = "127.0.0.1:8080";
  TlsFiles tls;                                       // without a certificate: no TLS
  size_t connections = 0, connections_of_client = 0;  // see DoorOptions
  IntakeLimits intake;
  std::vector<KafkaSource> kafka;
  bool archive = false;  // counted segments of the journal stay
  int64_t keep_s = 0;    // for so long, otherwise
  LogLevel log_level = LogLevel::info;
  bool log_json = false;
};

// `text` is the content of `file`.
Result<ServeSettings> parse_settings(std::string_view text, const std::string& file);
// Of the file that --config names, if it does; what the command line says goes before it.
Result<ServeSettings> settings_of(const Arguments& arguments);

// {env: NAME}: what the variable of the environment holds.
Status read_secret(const PlanNode& node, std::string& out);

}  // namespace quipu
