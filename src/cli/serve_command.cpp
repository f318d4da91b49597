#include "cli/serve_command.h"

#include <poll.h>

#include <cerrno>
#include <thread>

#include "cli/engine_host.h"
#include "cli/metric_lister.h"
#include "cli/run_command.h"
#include "cli/store_access.h"
#include "http/door.h"
#include "http/vendor_doors.h"
#include "source/journal_source.h"

namespace quipu {
namespace {

constexpr double kServeCheckpointS = 2;

// The key decides the tenant: it is what the door wrote, never what the event says.
Status check_plan(const Plan& plan) {
  if (plan.input.delimited) return Error{"a server's plan reads JSON; leave out input:"};
  const Field& tenant = plan.tenant;
  const bool constant = tenant.kind == Field::Kind::constant;
  const bool of_key = tenant.kind == Field::Kind::first && tenant.paths.size() == 1 &&
                      tenant.paths[0].tokens == std::vector<std::string>{"tenant"};
  if (!constant && !of_key)
    return Error{
        "a server's plan has tenant: /tenant, which is the key's; what clients send is "
        "under /event, such as time: /event/time (docs/serving.md)"};
  return {};
}

uint64_t committed_of(const Engine& engine) {
  const auto positions = engine.store().committed().positions;
  const auto it = positions.find(kJournalPath);
  if (it == positions.end()) return 0;
  auto position = decode_position(it->second);
  return position.ok() ? position->bytes : 0;
}

// Waits for a signal, or for the run to fail; then lets the door and the journal end, so that the
// run comes to the journal's end.
class Ending {
 public:
  Ending(const StopFlag& asked, Door& door, Journal& journal, MetricLister& lister)
      : thread_([this, &asked, &door, &journal, &lister] {
          pollfd waited[2] = {{asked.descriptor(), POLLIN, 0}, {ended_.descriptor(), POLLIN, 0}};
          while (::poll(waited, 2, -1) < 0 && errno == EINTR) {
          }
          door.drain();
          lister.close();
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

Result<RunSummary> serve(const Arguments& arguments, Engine& engine, const Console& console) {
  StopFlag& asked = stop_on_signals();
  const std::string& folder = engine.store().folder();
  QUIPU_ASSIGN(auto commands, answer_commands(engine));
  QUIPU_ASSIGN(auto keys, ApiKeys::open(folder + "/keys"));
  QUIPU_ASSIGN(auto check, LineCheck::open(engine.plan(), arguments.zoneinfo_dir));
  QUIPU_ASSIGN(auto journal, Journal::open(folder + "/journal", committed_of(engine)));
  EventsHandler handler(*journal, keys, std::move(check), [&] { return committed_of(engine); });
  QUIPU_ASSIGN(auto secrets, WebhookSecrets::open(folder + "/" + kWebhookSecretsFile));
  QUIPU_ASSIGN(auto vendor_check, LineCheck::open(engine.plan(), arguments.zoneinfo_dir));
  MetricLister lister(engine);
  VendorDoors vendor_doors(*journal, keys, secrets, std::move(vendor_check),
                           [&lister](const std::string& tenant, MetricLister::Done done) {
                             lister.ask(tenant, std::move(done));
                           });
  handler.set_vendor_doors(&vendor_doors);
  const auto each_second = [&] {
    for (const Status& status : {keys.reload_if_changed(), secrets.reload_if_changed()}) {
      if (!status.ok())
        console.err("quipu: " + status.error().message + "; the keys stay as they were\n");
    }
    if (arguments.archive) return;
    if (Status status = journal->drop_before(committed_of(engine)); !status.ok())
      console.err("quipu: " + status.error().message + "\n");
  };
  QUIPU_ASSIGN(auto door, Door::open(arguments.listen, handler, each_second));
  console.err("quipu: listening on http://" + door->address() + "\n");
  if (keys.list().empty())
    console.err("quipu: nobody has a key yet: quipu key add --tenant NAME --data " + folder + "\n");
  RunOptions options;
  options.anyway = true;  // what the journal holds was checked at the door
  options.open_source = [&](const auto& known, const SourceOptions& source_options) {
    return open_journal(*journal, known, source_options);
  };
  Result<RunSummary> summary = Error{""};
  {
    Ending ending(asked, *door, *journal, lister);
    summary = engine.run({"journal"}, options);
  }
  return summary;
}

}  // namespace

int serve_command(const Arguments& arguments, const Console& console) {
  const auto fail = [&](const Error& error, int status) {
    console.err("quipu serve: " + error.message + "\n");
    return status;
  };
  auto plan = read_plan(arguments.plan, arguments.zoneinfo_dir);
  if (!plan.ok()) return fail(plan.error(), kExitUsage);
  if (Status status = check_plan(*plan); !status.ok())
    return fail(Error{arguments.plan + ": " + status.error().message}, kExitUsage);
  auto options = engine_options_of(arguments, plan->name);
  if (!options.ok()) return fail(options.error(), kExitUsage);
  options->checkpoint_age_s = kServeCheckpointS;
  auto engine = Engine::open(std::move(*plan), *options);
  if (!engine.ok()) return fail(engine.error(), kExitError);
  console.err(store_line(**engine));
  auto summary = serve(arguments, **engine, console);
  if (!summary.ok()) return fail(summary.error(), kExitError);
  console.err("quipu: stopped; all that was taken is counted (checkpoint " +
              std::to_string(summary->committed.checkpoint) + ")\n");
  return kExitDone;
}

}  // namespace quipu
