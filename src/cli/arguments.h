// The command line, parsed. One struct for all commands; unused fields keep their defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/kafka_settings.h"
#include "query/answer.h"

namespace quipu {

struct Arguments {
  enum class Command : uint8_t {
    none,
    init,
    check,
    run,
    serve,
    key,
    load,
    sources,
    dead,
    query,
    export_,
    inspect,
    audit,
    backup
  };
  Command command = Command::none;
  std::string data;  // --data, or "" for the default
  std::string plan;  // of run, serve, check, audit
  std::vector<std::string> inputs;
  // run
  std::string memory;
  unsigned shards = 0;
  double checkpoint_s = 60;
  size_t ingest_bytes = 0;  // for tests, as the next two: EngineOptions
  size_t hot_bytes = 0, pane_bytes = 0;
  bool again = false, count_twice = false, moved = false, strict = false, stats = false;
  bool complete = false, anyway = false, follow = false;
  std::string standard_input_name;
  std::string zoneinfo_dir;
  // serve
  std::string config, listen, tls_certificate, tls_key, log_level;  // "": as ServeSettings has it
  double rate = 0;
  bool archive = false, log_json = false;
  KafkaArguments kafka;
  // key
  enum class KeyAction : uint8_t { add, list, revoke };
  KeyAction key_action = KeyAction::list;
  std::string key_id, key_tenant;
  std::string key_shop;  // --shopify: a shop's domain, or kAnyShop
  bool all_tenants = false, may_read = false, may_write = false;
  // dead
  enum class DeadAction : uint8_t { list, show, replay };
  DeadAction dead_action = DeadAction::list;
  std::string dead_reason, dead_source;
  bool dead_text = false;
  uint64_t dead_limit = 20;
  // load, sources
  bool detach = false;
  std::optional<uint64_t> stopped_source;
  // check, init
  std::string sample;
  std::string vendor;  // init --for
  size_t show = 3;
  // query, export
  Question question;            // without `by`
  std::vector<std::string> by;  // as written: property_names() of query/choose.h reads it
  bool json = false, csv = false, safe_csv = false;
  bool counters = false, chart = false;         // of query
  bool on_terminal = false, in_colour = false;  // where query's table goes
  std::string server, key_file;                 // query --server
  std::vector<std::string> where_texts;         // as written, as is the interval
  std::string interval_text;
  bool lifetime = false, by_given = false;  // of export
  // backup
  std::string target;
};

// Either arguments, or text to show with an exit status (help, version, a usage error).
struct ParsedArguments {
  std::optional<Arguments> arguments;
  std::string text;
  int status = 0;
};
ParsedArguments parse_arguments(const std::vector<std::string>& args);

// Makes the paths of a command that came from another process absolute; they are relative to its
// folder.
void resolve_paths(Arguments& arguments, const std::string& folder);

// "512M", "2G", "1073741824"
Result<size_t> parse_size(const std::string& text);

}  // namespace quipu
