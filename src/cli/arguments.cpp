#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cli/command_help.h"
#include "cli/query_arguments.h"

namespace quipu {

void resolve_paths(Arguments& arguments, const std::string& folder) {
  auto resolve = [&](std::string& path) {
    if (!path.empty()) path = (std::filesystem::path(folder) / path).string();
  };
  for (std::string* path : {&arguments.plan, &arguments.target, &arguments.zoneinfo_dir})
    resolve(*path);
  for (std::string& input : arguments.inputs) resolve(input);
}

Result<size_t> parse_size(const std::string& text) {
  size_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  unsigned shift = 0;
  if (unit == "K" || unit == "KB" || unit == "KiB")
    shift = 10;
  else if (unit == "M" || unit == "MB" || unit == "MiB")
    shift = 20;
  else if (unit == "G" || unit == "GB" || unit == "GiB")
    shift = 30;
  else if (!unit.empty())
    error = std::errc::invalid_argument;
  if (error != std::errc() || number == 0 || number > (size_t(1) << 50 >> shift)) {
    return Error{"\"" + text + "\" is no size; write it like 512M or 8G"};
  }
  return number << shift;
}

namespace {

constexpr char kDescription[] =
    "quipu counts event streams exactly: every event in every planned dimension, by hour, day, "
    "week and\n"
    "month, as events, different people and sums of values; whatever order they come in, and if "
    "it crashes.\n\n"
    "  quipu init events.jsonl > plan.yaml          a plan guessed from a sample\n"
    "  quipu check plan.yaml events.jsonl           what the plan reads and counts\n"
    "  quipu run plan.yaml events.jsonl.gz          count it into ./plan.quipu\n"
    "  quipu query \"Opened Email\" --by campaign --in 2026-03\n";

constexpr char kExitNotes[] =
    "Exit status: 0 done; 1 an error, or audit found a difference; 2 a wrong plan or command line, "
    "or no such\nfile; 3 done, but lines were set aside (run, check).\n"
    "Environment: QUIPU_DATA names the store's folder for commands without --data; NO_COLOR, if it "
    "is "
    "set,\nkeeps tables on terminals without bold headings.";

// How inputs are known again, and what is made of their text.
void add_input_options(CLI::App* run, Arguments& a) {
  run->add_flag("--again", a.again,
                "begin new content under a known name; count known content from its start once "
                "more (lines without ids need --count-twice)");
  run->add_flag("--count-twice", a.count_twice,
                "as --again, and lines that were counted before may count twice");
  run->add_flag("--moved", a.moved,
                "known content under a new name is the same input: go on there (with --again: and "
                "begin what is not known, as after a rotation)");
  run->add_flag("--complete", a.complete,
                "inputs will not grow: a last line without newline is whole");
  run->add_flag("--anyway", a.anyway,
                "go on though the lines at an input's beginning would all be set aside");
}

Status check_follow(const Arguments& a) {
  if (std::find(a.inputs.begin(), a.inputs.end(), "-") != a.inputs.end())
    return Error{"--follow takes files; standard input is read until it ends without it"};
  if (a.again || a.count_twice || a.moved)
    return Error{
        "--follow knows files again by what they hold, wherever they moved; leave out --again, "
        "--moved and --count-twice"};
  if (a.complete)
    return Error{"--follow waits for the newline of a last line; leave out --complete"};
  return {};
}

void add_init_command(CLI::App& app, Arguments& a) {
  CLI::App* init = app.add_subcommand("init", "Guess a plan from a sample of events and print it");
  auto* sample = init->add_option(
      "SAMPLE", a.sample,
      "a file of events (JSON lines, delimited text or a web server's log; plain, .gz or .zst), or "
      "- for standard input");
  init->add_option("--for", a.vendor,
                   "no guess, but the plan for what these clients send to quipu serve: http (your "
                   "own programs), klaviyo, segment, shopify or magento")
      ->check(CLI::IsMember({"http", "klaviyo", "segment", "shopify", "magento"}))
      ->excludes(sample);
  init->final_callback([&a] { a.command = Arguments::Command::init; });
}

void add_kafka_options(CLI::App* serve, KafkaArguments& kafka) {
  serve->add_option("--kafka", kafka.brokers, "brokers of a Kafka cluster: HOST:PORT,HOST:PORT");
  serve
      ->add_option("--topic", kafka.topics,
                   "a topic of it to count, whole, or NAME:0,2 for two of its partitions")
      ->allow_extra_args(false);
  serve->add_option("--kafka-name", kafka.name,
                    "the cluster's name, under which positions are kept (default: kafka)");
  serve->add_option("--kafka-set", kafka.settings, "a setting of librdkafka: NAME=VALUE")
      ->allow_extra_args(false);
  serve->add_option("--kafka-from", kafka.from,
                    "where topics begin that are new to the store: earliest (the default) or a "
                    "time");
  serve->add_option("--kafka-group", kafka.group,
                    "a consumer group whose offsets show how far it is, for monitoring alone");
  serve
      ->add_option("--begin-anew", kafka.anew,
                   "a topic that was made anew or cut short: begin at its earliest record")
      ->allow_extra_args(false);
}

// The commands of a server. The parsed command is written to `a` by CLI11's callbacks.
void add_dead_commands(CLI::App& app, Arguments& a) {
  using Action = Arguments::DeadAction;
  CLI::App* dead = app.add_subcommand("dead", "Lines that were set aside: why, and once more");
  dead->require_subcommand(1);
  CLI::App* list = dead->add_subcommand("list", "How many lines of which source, and why");
  list->add_flag("--json", a.json, "for programs");
  list->final_callback([&a] { a.dead_action = Action::list; });
  CLI::App* show = dead->add_subcommand("show", "The lines, with place and reason, as JSON lines");
  show->add_option("--reason", a.dead_reason, "only those of this reason");
  show->add_option("--source", a.dead_source, "only those of this source");
  show->add_option("--limit", a.dead_limit, "at most so many")->capture_default_str();
  show->add_flag("--text", a.dead_text, "only the lines themselves, to mend and count them");
  show->final_callback([&a] { a.dead_action = Action::show; });
  CLI::App* replay = dead->add_subcommand(
      "replay", "Give them to the plan once more, after it was mended; each is counted once");
  replay->add_option("PLAN", a.plan, "the plan file, where no server has the store open");
  replay->add_option("--memory", a.memory, "memory of the process, such as 2G");
  replay->final_callback([&a] { a.dead_action = Action::replay; });
  for (CLI::App* c : {list, show, replay})
    c->add_option("--data", a.data, "the store's folder (default: the only *.quipu here)");
  dead->final_callback([&a] { a.command = Arguments::Command::dead; });
}

void add_data_of_server(CLI::App* command, Arguments& a) {
  command->add_option("--data", a.data, "the store's folder (default: ./PLAN.quipu)");
}

void add_serve_command(CLI::App& app, Arguments& a) {
  CLI::App* serve = app.add_subcommand("serve", "Take events over HTTP and count them");
  serve->add_option("PLAN", a.plan, "the plan file, which reads the journal's lines");
  serve->add_option("--config", a.config,
                    "a file with all that can be said here, and more (docs/serving.md)");
  add_data_of_server(serve, a);
  serve->add_option("--listen", a.listen, "address and port (default: 127.0.0.1:8080)");
  serve->add_option("--tls-cert", a.tls_certificate, "PEM file of the certificate and its chain");
  serve->add_option("--tls-key", a.tls_key, "PEM file of its key");
  serve->add_option("--rate", a.rate, "events a second that each key may send (default: any)")
      ->check(CLI::PositiveNumber);
  serve->add_option("--log-level", a.log_level, "error, warning, info (the default) or debug")
      ->check(CLI::IsMember({"error", "warning", "info", "debug"}));
  serve->add_flag("--log-json", a.log_json, "a JSON object for each line of the log");
  serve->add_option("--memory", a.memory, "memory of the process (default: half the machine's)");
  serve->add_option("--zoneinfo", a.zoneinfo_dir, "folder of zone files (default: the system's)");
  serve->add_flag("--archive", a.archive, "keep the journal's segments that are counted");
  add_kafka_options(serve, a.kafka);
  serve->final_callback([&a] { a.command = Arguments::Command::serve; });
}

void add_load_commands(CLI::App& app, Arguments& a) {
  CLI::App* load = app.add_subcommand(
      "load", "Count files into a store beside what its server takes in (a history)");
  load->add_option("INPUT", a.inputs, "files of events (plain, .gz, .zst)")->required();
  add_data_of_server(load, a);
  add_input_options(load, a);
  load->add_flag("--detach", a.detach, "do not wait for the end");
  load->final_callback([&a] { a.command = Arguments::Command::load; });
  CLI::App* sources = app.add_subcommand("sources", "What a server reads, and how far it is");
  add_data_of_server(sources, a);
  sources->add_flag("--json", a.json, "for programs");
  sources->add_option("--stop", a.stopped_source, "stop the source of this number");
  sources->final_callback([&a] { a.command = Arguments::Command::sources; });
}

void add_key_commands(CLI::App& app, Arguments& a) {
  CLI::App* key = app.add_subcommand("key", "Keys of those who may send events to a server");
  key->require_subcommand(1);
  CLI::App* add = key->add_subcommand("add", "Make a key and print it, this once");
  auto* tenant = add->add_option("--tenant", a.key_tenant, "whose events it sends");
  tenant->excludes(add->add_flag("--all", a.all_tenants, "any tenant, named by each request"));
  add->add_flag("--write", a.may_write, "it may send events (the default)");
  add->add_flag("--read", a.may_read, "it may read answers");
  add->add_option("--shopify", a.key_shop,
                  "not a key but the secret that signs Shopify's webhooks, from "
                  "QUIPU_SHOPIFY_SECRET or a line of standard input: of a shop such as "
                  "x.myshopify.com, or of any (an app's); with --all its domain is the tenant");
  add->final_callback([&a] { a.key_action = Arguments::KeyAction::add; });
  CLI::App* list = key->add_subcommand("list", "Show keys, not their secrets");
  list->final_callback([&a] { a.key_action = Arguments::KeyAction::list; });
  CLI::App* revoke = key->add_subcommand("revoke", "End a key");
  revoke->add_option("ID", a.key_id, "as quipu key list shows it")->required();
  revoke->final_callback([&a] { a.key_action = Arguments::KeyAction::revoke; });
  for (CLI::App* c : {add, list, revoke}) add_data_of_server(c, a);
  key->final_callback([&a] { a.command = Arguments::Command::key; });
}

void add_data(CLI::App* command, Arguments& a) {
  command->add_option("--data", a.data,
                      "the store's folder (default: ./PLAN.quipu, or the only *.quipu here)");
}

void add_zoneinfo(CLI::App* command, Arguments& a) {
  command->add_option("--zoneinfo", a.zoneinfo_dir, "folder of zone files (default: the system's)");
}

void add_check_command(CLI::App& app, Arguments& a) {
  CLI::App* check =
      app.add_subcommand("check", "Show what a plan reads from a sample and what it would count");
  check->add_option("PLAN", a.plan, "the plan file")->required();
  check->add_option("SAMPLE,--sample", a.sample, "a file of events, or - for standard input");
  check->add_option("--show", a.show, "events to show in full")->capture_default_str();
  add_zoneinfo(check, a);
  check->final_callback([&a] { a.command = Arguments::Command::check; });
}

void add_run_command(CLI::App& app, Arguments& a) {
  CLI::App* run = app.add_subcommand(
      "run", "Count inputs into a store; the same command continues where it stopped");
  run->add_option("PLAN", a.plan, "the plan file")->required();
  run->add_option("INPUT", a.inputs,
                  "files of events (plain, .gz, .zst), or - for standard input with --as")
      ->required();
  add_data(run, a);
  run->add_option("--memory", a.memory,
                  "memory of the process, such as 2G (default: half the machine's)");
  run->add_option("--shards", a.shards, "threads that tally (default: one a core)");
  run->add_option("--checkpoint", a.checkpoint_s, "seconds between checkpoints under load, at most")
      ->capture_default_str();
  run->add_option("--as", a.standard_input_name,
                  "the name of standard input, by which it is known when it comes again");
  add_input_options(run, a);
  run->add_flag("--follow", a.follow,
                "go on as the files grow and are rotated, until it is stopped (docs/running.md)");
  run->add_flag("--strict", a.strict, "stop at the first line that would be set aside");
  run->add_flag(
      "--stats", a.stats,
      "print at the end where the time of an event went, the hot tier, checkpoints and sizes");
  // Hidden, for tests: what is rare made common.
  run->add_option("--ingest-bytes", a.ingest_bytes)->group("");
  run->add_option("--hot-bytes", a.hot_bytes)->group("");
  run->add_option("--pane-bytes", a.pane_bytes)->group("");
  add_zoneinfo(run, a);
  run->final_callback([&a] { a.command = Arguments::Command::run; });
}

void add_question_commands(CLI::App& app, Arguments& a, QuestionTexts& texts) {
  add_query_command(app, a, texts)->final_callback([&a] { a.command = Arguments::Command::query; });
  add_export_command(app, a, texts)->final_callback([&a] {
    a.command = Arguments::Command::export_;
  });
}

void add_store_commands(CLI::App& app, Arguments& a) {
  CLI::App* inspect = app.add_subcommand(
      "inspect", "Print sizes, positions, tallies, plans and zone rules of a store");
  add_data(inspect, a);
  inspect->add_flag("--json", a.json, "JSON");
  inspect->final_callback([&a] { a.command = Arguments::Command::inspect; });
  CLI::App* audit = app.add_subcommand(
      "audit", "Recount inputs in another way and compare every answer of the store");
  audit->add_option("PLAN", a.plan, "the plan file")->required();
  audit->add_option("INPUT", a.inputs,
                    "the inputs that the store has counted (its own journal is read anyway)");
  add_data(audit, a);
  add_zoneinfo(audit, a);
  audit->final_callback([&a] { a.command = Arguments::Command::audit; });
  CLI::App* backup =
      app.add_subcommand("backup", "Copy a store (by hard links where possible) into a new folder");
  backup->add_option("DIR", a.target, "the new folder")->required();
  add_data(backup, a);
  backup->final_callback([&a] { a.command = Arguments::Command::backup; });
}

// In the order in which --help lists them.
void add_commands(CLI::App& app, Arguments& a, QuestionTexts& texts) {
  add_init_command(app, a);
  add_check_command(app, a);
  add_run_command(app, a);
  add_question_commands(app, a, texts);
  add_store_commands(app, a);
  add_serve_command(app, a);
  add_load_commands(app, a);
  add_dead_commands(app, a);
  add_key_commands(app, a);
  add_help_commands(app);
}

bool reads_standard_input(const Arguments& a) {
  return std::find(a.inputs.begin(), a.inputs.end(), "-") != a.inputs.end();
}

// What the options of a command must be together, beside what CLI11 checks.
Status check_together(Arguments& a, const QuestionTexts& texts) {
  using C = Arguments::Command;
  if (a.command == C::init && a.sample.empty() && a.vendor.empty())
    return Error{"quipu init: SAMPLE is required, or --for VENDOR"};
  if (a.command == C::query || a.command == C::export_) {
    if (Status read = read_question(texts, a); !read.ok())
      return Error{"quipu " + std::string(a.command == C::query ? "query" : "export") + ": " +
                   read.error().message};
  }
  if (a.command == C::run && a.follow) {
    if (Status fits = check_follow(a); !fits.ok())
      return Error{"quipu run: " + fits.error().message};
  }
  if (a.command == C::run && reads_standard_input(a) && a.standard_input_name.empty()) {
    return Error{
        "quipu run: standard input needs a name by which it is known when it comes again: --as "
        "NAME"};
  }
  if (a.command == C::run && !(a.checkpoint_s > 0))
    return Error{"quipu run: --checkpoint takes seconds above 0"};
  if (a.command == C::load && reads_standard_input(a))
    return Error{"quipu load: it takes files; write what comes by a pipe into one"};
  return {};
}

ParsedArguments usage_error(const std::string& message) {
  ParsedArguments parsed;
  parsed.text = message + "\n(quipu --help, or quipu COMMAND --help, tells more)\n";
  parsed.status = 2;
  return parsed;
}

}  // namespace

ParsedArguments parse_arguments(const std::vector<std::string>& args) {
  Arguments a;
  CLI::App app{kDescription, "quipu"};
  app.require_subcommand(1);
  app.footer(kExitNotes);
  app.set_version_flag("--version", version_text());
  app.get_formatter()->column_width(34);
  QuestionTexts texts;
  add_commands(app, a, texts);
  if (auto answered = answer_help(app, args)) return *answered;

  ParsedArguments parsed;
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    if (app.exit(e, out, err) != 0) return usage_error(usage_message(app, args, e));
    parsed.text = out.str();
    return parsed;
  }
  if (Status together = check_together(a, texts); !together.ok())
    return usage_error(together.error().message);
  parsed.arguments = std::move(a);
  return parsed;
}

}  // namespace quipu
