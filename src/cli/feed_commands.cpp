#include "cli/feed_commands.h"

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

#include "base/json_text.h"
#include "base/printable.h"
#include "engine/feed_set.h"
#include "query/render.h"

namespace quipu {
namespace {

constexpr auto kLook = std::chrono::milliseconds(200);
constexpr auto kTell = std::chrono::seconds(5);

std::atomic<int> g_waiting{0};

std::optional<FeedStatus> status_of(const FeedSet& feeds, uint64_t number) {
  for (FeedStatus& status : feeds.statuses()) {
    if (status.number == number) return std::move(status);
  }
  return std::nullopt;
}

const char* lane_name(Lane lane) { return lane == Lane::live ? "live" : "history"; }

std::string share_text(const FeedStatus& status) {
  if (status.bytes_total == 0) return "";
  const uint64_t percent =
      std::min<uint64_t>(100, status.bytes_read * 100 / std::max<uint64_t>(status.bytes_total, 1));
  return std::to_string(percent) + "%";
}

std::string said_of(const FeedStatus& status) {
  return "load " + std::to_string(status.number) + ": " + share_text(status) + " of " +
         status.input + ", " + with_thousands(status.lines) + " lines in all\n";
}

// What came of a load, when it has ended and is committed. `set_aside`: lines meanwhile, of any
// source.
int tell_end(const FeedStatus& status, uint64_t set_aside, const Console& client) {
  for (const std::string& note : status.notes) client.err(note + "\n");
  if (status.notes_left_out)
    client.err("and " + with_thousands(status.notes_left_out) + " more such inputs\n");
  const std::string lines = with_thousands(status.lines) + " lines";
  const bool done = status.state == FeedStatus::State::ended && status.inputs_failed == 0;
  if (done && set_aside > 0) {
    client.out("loaded: " + lines + " read; meanwhile " + with_thousands(set_aside) +
               (set_aside == 1 ? " line was" : " lines were") +
               " set aside (quipu dead list tells why), the others are counted\n");
    return kExitSetAside;
  }
  if (done) {
    client.out("loaded: " + lines + " read; all of it is counted\n");
    return kExitDone;
  }
  if (status.state == FeedStatus::State::stopped) {
    client.err("stopped: " + lines +
               " read and counted; the same command goes on where this one was\n");
    return kExitError;
  }
  client.err("quipu load: " + status.error + "\n");
  if (status.inputs_failed > 1)
    client.err("(the last of " + with_thousands(status.inputs_failed) + " inputs that failed)\n");
  if (status.lines) client.err(lines + " were read and are counted\n");
  return kExitError;
}

std::string as_json(const std::vector<FeedStatus>& statuses) {
  std::ostringstream out;
  out << "[";
  for (size_t i = 0; i < statuses.size(); ++i) {
    const FeedStatus& s = statuses[i];
    out << (i ? ",\n " : "") << "{\"number\":" << s.number << ",\"name\":" << json_string(s.name)
        << ",\"lane\":\"" << lane_name(s.lane) << "\",\"state\":\"" << state_name(s.state)
        << "\",\"input\":" << json_string(s.input) << ",\"lines\":" << s.lines
        << ",\"bytes_read\":" << s.bytes_read << ",\"bytes_total\":" << s.bytes_total
        << ",\"inputs_failed\":" << s.inputs_failed << ",\"error\":" << json_string(s.error)
        << ",\"notes\":[";
    for (size_t n = 0; n < s.notes.size(); ++n) out << (n ? "," : "") << json_string(s.notes[n]);
    out << "]}";
  }
  out << "]\n";
  return out.str();
}

}  // namespace

Result<FeedStatus> wait_for_feed(uint64_t number, Engine& engine, const FeedSet& feeds,
                                 const Console& client) {
  auto told = std::chrono::steady_clock::now();
  while (true) {
    auto status = status_of(feeds, number);
    if (!status) return Error{"it has ended long ago"};
    if (status->has_ended()) {
      QUIPU_TRY(engine.checkpoint());
      return std::move(*status);
    }
    if (client.gone()) return Error{"nobody waits for it any more; it goes on"};
    if (std::chrono::steady_clock::now() - told >= kTell && !status->input.empty()) {
      told = std::chrono::steady_clock::now();
      client.err(said_of(*status));
    }
    std::this_thread::sleep_for(kLook);
  }
}

int load_command(const Arguments& arguments, Engine& engine, FeedSet& feeds,
                 const Console& client) {
  const auto fail = [&](const Error& error) {
    client.err("quipu load: " + error.message + "\n");
    return kExitError;
  };
  RunOptions options;
  options.again = arguments.again || arguments.count_twice;
  options.count_twice = arguments.count_twice;
  options.moved = arguments.moved;
  options.complete = arguments.complete;
  options.anyway = arguments.anyway;
  auto feed = engine.file_feed(arguments.inputs, std::move(options));
  if (!feed.ok()) return fail(feed.error());
  auto number = feeds.attach(std::move(*feed));
  if (!number.ok()) return fail(number.error());
  const std::string name = "load " + std::to_string(*number);
  if (arguments.detach || g_waiting >= kWaitingLoads) {
    client.out(name +
               " is under way: quipu sources shows how far it is, and quipu sources --stop " +
               std::to_string(*number) + " stops it\n");
    return kExitDone;
  }
  client.err(name + " is under way, and goes on if this command is ended (quipu sources --stop " +
             std::to_string(*number) + " stops it)\n");
  const auto set_aside = [&] { return engine.store().committed().tallies.set_aside_total(); };
  const uint64_t before = set_aside();
  ++g_waiting;
  const auto status = wait_for_feed(*number, engine, feeds, client);
  --g_waiting;
  if (!status.ok()) return fail(status.error());
  return tell_end(*status, set_aside() - before, client);
}

int sources_command(const Arguments& arguments, FeedSet& feeds, const Console& client) {
  if (arguments.stopped_source) {
    const std::string number = std::to_string(*arguments.stopped_source);
    const auto status = status_of(feeds, *arguments.stopped_source);
    if (status && status->lane == Lane::live) {
      client.err("quipu sources: source " + number + " is live; it ends with the server\n");
      return kExitError;
    }
    if (!feeds.detach(*arguments.stopped_source)) {
      client.err("quipu sources: there is no source " + number + " that has not ended\n");
      return kExitError;
    }
    client.out("source " + number + " stops; what was read of it is counted\n");
    return kExitDone;
  }
  const std::vector<FeedStatus> statuses = feeds.statuses();
  if (arguments.json) {
    client.out(as_json(statuses));
    return kExitDone;
  }
  std::vector<std::vector<std::string>> rows{
      {"source", "name", "lane", "state", "lines", "done", "error"}};
  for (const FeedStatus& s : statuses)
    rows.push_back({std::to_string(s.number), printable(s.name), lane_name(s.lane),
                    state_name(s.state), with_thousands(s.lines), share_text(s),
                    printable(s.error)});
  client.out(aligned(rows, {true, false, false, false, true, true, false}));
  return kExitDone;
}

}  // namespace quipu
