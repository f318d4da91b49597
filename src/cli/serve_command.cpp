#include "cli/serve_command.h"

#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <ctime>
#include <mutex>
#include <thread>

#include "answers/asker.h"
#include "cli/engine_host.h"
#include "cli/feed_watch.h"
#include "cli/kafka_sources.h"
#include "cli/log.h"
#include "cli/run_command.h"
#include "cli/serve_figures.h"
#include "cli/serve_settings.h"
#include "cli/serve_status.h"
#include "cli/serve_upkeep.h"
#include "cli/service_manager.h"
#include "cli/store_access.h"
#include "engine/input_positions.h"
#include "http/door.h"
#include "http/vendor_doors.h"
#include "page/page.h"
#include "source/journal_source.h"

namespace quipu {
namespace {

// Checkpoints are as often as they are cheap: every half second, or every two under full load.
constexpr double kServeCheckpointS = 2, kServeFreshS = 0.5;

// The key decides the tenant: it is what the door wrote, never what the event says. (What files and
// other sources say may stand behind it in a list: a line of the journal always has /tenant.)
Status check_plan(const Plan& plan) {
  if (plan.input.delimited) return Error{"a server's plan reads JSON; leave out input:"};
  const Field& tenant = plan.tenant;
  const bool constant = tenant.kind == Field::Kind::constant;
  const bool of_key = tenant.kind == Field::Kind::first && !tenant.paths.empty() &&
                      tenant.paths[0].tokens == std::vector<std::string>{"tenant"};
  if (!constant && !of_key)
    return Error{
        "a server's plan has tenant: /tenant, which is the key's; what clients send is "
        "under /event, such as time: /event/time (docs/serving.md)"};
  return {};
}

uint64_t counted_of(const Engine& engine) {
  const auto position = position_of_feed(*engine.store().snapshot(), kJournalPath);
  return position.ok() && *position ? (*position)->bytes : 0;
}

// The engine is open before there is anybody to tell of its checkpoints, and longer.
class CommitRelay {
 public:
  void attach(Intake* intake, KafkaSources* kafka, const Engine* engine) {
    std::lock_guard lock(mutex_);
    intake_ = intake;
    kafka_ = kafka;
    engine_ = engine;
  }
  void committed() {
    std::lock_guard lock(mutex_);
    if (intake_) intake_->counted_to(counted_of(*engine_));
    if (kafka_) kafka_->committed(engine_->store());
  }

 private:
  std::mutex mutex_;
  Intake* intake_ = nullptr;
  KafkaSources* kafka_ = nullptr;
  const Engine* engine_ = nullptr;
};

// As many open files as the system lets us have: each connection is one.
void raise_file_limit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Waits for a signal, or for the run to fail; then lets the door and the journal end, so that the
// run comes to the journal's end.
class Ending {
 public:
  Ending(const StopFlag& asked, Door& door, FeedSet& feeds, Journal& journal, Asker& asker)
      : thread_([this, &asked, &door, &feeds, &journal, &asker] {
          pollfd waited[2] = {{asked.descriptor(), POLLIN, 0}, {ended_.descriptor(), POLLIN, 0}};
          while (::poll(waited, 2, -1) < 0 && errno == EINTR) {
          }
          tell_service_manager("STOPPING=1");
          door.drain();
          feeds.close();
          asker.close();
          journal.close();
        }) {}
  ~Ending() {
    ended_.set();
    thread_.join();
  }

 private:
  StopFlag ended_;
  std::thread thread_;
};

void add_figures(const Engine& engine, const Intake& intake, const KeptRequests& kept,
                 const FeedSet& feeds, ServerMetrics& metrics) {
  metrics.read([&](std::vector<Reading>& readings) {
    using Kind = Reading::Kind;
    const Journal& journal = intake.journal();
    read_engine_figures(engine, readings);
    readings.push_back(
        {"quipu_memory_bytes", "", Kind::gauge, "part", "journal", double(journal.in_flight())});
    readings.push_back({"quipu_source_lag_bytes", "Durable and not counted yet, by source",
                        Kind::gauge, "source", "journal", double(intake.behind_bytes())});
    readings.push_back({"quipu_journal_bytes_total", "Of the journal since its beginning",
                        Kind::counter, "", "", double(journal.durable().end)});
    readings.push_back({"quipu_kept_requests", "Requests with an Idempotency-Key that are known",
                        Kind::gauge, "", "", double(kept.size())});
    read_feed_figures(feeds, readings);
    read_process_figures(readings);
  });
}

void say_listening(const Door& door, const ServeSettings& settings, const Log& log) {
  const bool tls = !settings.tls.certificate.empty();
  const std::string url = (tls ? "https://" : "http://") + door.address();
  log.write(LogLevel::info, "listening", "listening on " + url, {{"url", url}});
  if (!tls && !door.on_loopback())
    log.write(LogLevel::warning, "no_tls",
              "others can reach " + door.address() +
                  ", and without TLS (--tls-cert, --tls-key) "
                  "anybody on the way can read keys and events",
              {{"address", door.address()}});
  if (settings.archive && !settings.kafka.empty())
    log.write(LogLevel::warning, "topics_not_archived",
              "the archive keeps what comes by HTTP; records of Kafka are not in it, so keep them "
              "in their topics, and quipu audit cannot recount this store");
}

// Without what is looked after each second.
DoorOptions door_options_of(const ServeSettings& settings, std::shared_ptr<const TlsContext> tls,
                            const Log& log) {
  DoorOptions door_options;
  door_options.listen = settings.listen;
  door_options.tls = std::move(tls);
  door_options.connections = settings.connections;
  door_options.connections_of_client = settings.connections_of_client;
  if (log.takes(LogLevel::debug))
    door_options.on_answer = [&log](std::string_view route, int status, const std::string& client) {
      log.write(LogLevel::debug, "answered",
                client + ": " + std::string(route) + ": " + std::to_string(status),
                {{"route", std::string(route)}, {"status", std::to_string(status)}});
    };
  return door_options;
}

Result<RunSummary> serve(const ServeSettings& settings, Engine& engine, CommitRelay& relay,
                         const Log& log) {
  StopFlag& asked = stop_on_signals();
  reload_on_hangup();
  const std::string& folder = engine.store().folder();
  const uint64_t counted = counted_of(engine);
  QUIPU_ASSIGN(auto keys, ApiKeys::open(folder + "/keys"));
  QUIPU_ASSIGN(auto check, LineCheck::open(engine.plan(), settings.zoneinfo_dir));
  QUIPU_ASSIGN(auto tls, load_tls(settings, log));
  QUIPU_ASSIGN(auto journal, Journal::open(folder + "/journal", counted));
  QUIPU_ASSIGN(auto kept, KeptRequests::open(folder + "/requests", *journal, std::time(nullptr)));
  FeedSet feeds;
  ServerMetrics metrics;
  Intake intake(*journal, metrics, settings.intake);
  intake.counted_to(counted);
  EventsHandler handler(intake, *kept, keys, metrics, std::move(check));
  QUIPU_ASSIGN(auto secrets, WebhookSecrets::open(folder + "/" + kWebhookSecretsFile));
  QUIPU_ASSIGN(auto vendor_check, LineCheck::open(engine.plan(), settings.zoneinfo_dir));
  Asker asker(engine, [&](bool all) { return status_members(all, engine, intake, feeds); });
  handler.set_reads([&asker](ReadRequest asked, EventsHandler::Reply reply) {
    if (asked.route == kWatchRoute) return asker.watch(std::move(asked), std::move(reply));
    asker.ask(std::move(asked), std::move(reply));
  });
  handler.set_files(page_file);
  VendorDoors vendor_doors(
      intake, *kept, keys, secrets, std::move(vendor_check),
      [&asker](const std::string& tenant, GoneFlag gone, Asker::MetricsDone done) {
        asker.ask_metrics(tenant, std::move(gone), std::move(done));
      },
      [&asker](const std::string& tenant, KlaviyoQuestion asked, GoneFlag gone,
               EventsHandler::Reply reply) {
        asker.ask_klaviyo(tenant, std::move(asked), std::move(gone), std::move(reply));
      });
  handler.set_vendor_doors(&vendor_doors);
  add_figures(engine, intake, *kept, feeds, metrics);
  metrics.read([&asker](std::vector<Reading>& readings) { asker.read_figures(readings); });
  Upkeep upkeep(settings, *journal, intake, *kept, keys, secrets, log);
  DoorOptions door_options = door_options_of(settings, std::move(tls), log);
  FeedWatch feed_watch(feeds, log);
  QUIPU_ASSIGN(const auto kafka, KafkaSources::attach(settings.kafka, engine, feeds));
  metrics.read([&](std::vector<Reading>& readings) { kafka->read_figures(readings); });
  door_options.each_second = [&] {
    feed_watch.look();
    return upkeep.each_second();
  };
  QUIPU_ASSIGN(auto door, Door::open(std::move(door_options), handler, metrics));
  say_listening(*door, settings, log);
  if (keys.list().empty())
    log.write(LogLevel::warning, "no_keys",
              "nobody has a key yet: quipu key add --tenant NAME --data " + folder);
  RunOptions options;
  options.anyway = true;  // what the journal holds was checked at the door
  QUIPU_ASSIGN(auto commands, answer_commands(engine, &feeds));
  const auto attached = feeds.attach(engine.live_feed(
      "journal", true, [&](const FeedPositions& positions, const SourceOptions& of) {
        return open_journal(*journal, positions, of);
      }));
  if (!attached.ok()) return attached.error();
  relay.attach(&intake, kafka.get(), &engine);
  tell_service_manager("READY=1");
  Result<RunSummary> summary = Error{""};
  {
    Ending ending(asked, *door, feeds, *journal, asker);
    summary = engine.run_feeds(feeds, options);
  }
  relay.attach(nullptr, nullptr, nullptr);
  if (Status saved = kept->save(journal->durable().end); !saved.ok())
    log.write(LogLevel::error, "requests_unwritable", saved.error().message);
  return summary;
}

}  // namespace

int serve_command(const Arguments& given, const Console& console) {
  const auto fail = [&](const Error& error, int status) {
    console.err("quipu serve: " + error.message + "\n");
    return status;
  };
  auto settings = settings_of(given);
  if (!settings.ok()) return fail(settings.error(), kExitUsage);
  auto plan = read_plan(settings->plan, settings->zoneinfo_dir);
  if (!plan.ok()) return fail(plan.error(), kExitUsage);
  if (Status status = check_plan(*plan); !status.ok())
    return fail(Error{settings->plan + ": " + status.error().message}, kExitUsage);
  Arguments arguments = given;
  arguments.data = settings->data;
  arguments.memory = settings->memory;
  arguments.zoneinfo_dir = settings->zoneinfo_dir;
  auto options = engine_options_of(arguments, plan->name);
  if (!options.ok()) return fail(options.error(), kExitUsage);
  options->checkpoint_age_s = kServeCheckpointS;
  options->fresh_age_s = kServeFreshS;
  CommitRelay relay;
  options->on_commit = [&](const CommittedState&) { relay.committed(); };
  const Log log(console, settings->log_level, settings->log_json);
  raise_file_limit();
  auto engine = Engine::open(std::move(*plan), *options);
  if (!engine.ok()) return fail(engine.error(), kExitError);
  const uint64_t checkpoint = (*engine)->store().committed().checkpoint;
  log.write(LogLevel::info, "store_open", store_text(**engine),
            {{"folder", (*engine)->store().folder()}, {"checkpoint", std::to_string(checkpoint)}});
  auto summary = serve(*settings, **engine, relay, log);
  if (!summary.ok()) {
    log.write(LogLevel::error, "failed", summary.error().message);
    return kExitError;
  }
  log.write(LogLevel::info, "stopped",
            "stopped; all that was taken is counted (checkpoint " +
                std::to_string(summary->committed.checkpoint) + ")");
  return kExitDone;
}

}  // namespace quipu
