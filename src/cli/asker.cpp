#include "cli/asker.h"

#include <algorithm>
#include <set>

#include "base/cpu_clock.h"
#include "cli/arguments.h"
#include "cli/store_access.h"
#include "query/answer.h"

namespace quipu {
namespace {

// What may be asked; these may be given several times.
const std::set<std::string> kNames = {"metric", "group", "by",   "where",    "in",
                                      "last",   "from",  "to",   "interval", "calendar",
                                      "versus", "sort",  "limit"};
const std::set<std::string> kRepeated = {"by", "where"};

// As the command line has it; an error names the parameter.
Result<std::vector<std::string>> command_of(const std::string& tenant,
                                            const QueryParameters& parameters, bool csv) {
  std::vector<std::string> args = {"query", csv ? "--csv" : "--json", "--tenant=" + tenant};
  std::vector<std::string> metric;
  std::set<std::string> seen;
  for (const auto& [name, value] : parameters) {
    if (!kNames.contains(name))
      return Error{"there is no parameter \"" + name +
                   "\"; they are named as the options of "
                   "quipu query"};
    if (!seen.insert(name).second && !kRepeated.contains(name))
      return Error{"\"" + name + "\" is given twice"};
    if (name == "metric")
      metric = {"--", value};
    else
      args.push_back("--" + name + "=" + value);
  }
  args.insert(args.end(), metric.begin(), metric.end());
  return args;
}

// Whether the tenant has counted events of that name. Others' names are not told, nor hinted at.
Result<bool> is_known(StoreView& view, const std::string& tenant,
                      const QueryParameters& parameters) {
  const auto of = std::find_if(view.tenants().begin(), view.tenants().end(),
                               [&](const auto& one) { return one.second == tenant; });
  if (of == view.tenants().end()) return false;
  for (const auto& [name, value] : parameters) {
    if (name != "metric" && name != "group") continue;
    QUIPU_ASSIGN(const auto lines, list_metrics(view, of->first));
    return std::any_of(lines.begin(), lines.end(),
                       [&](const MetricLine& line) { return line.name == value; });
  }
  return true;
}

}  // namespace

Asker::Asker(Engine& engine) : engine_(engine) {
  for (size_t i = 0; i < kAskers; ++i) threads_.emplace_back([this] { run(); });
}

Asker::~Asker() { close(); }

void Asker::close() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  asked_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Asker::ask(std::string tenant, QueryParameters parameters, bool csv, Done done) {
  std::unique_lock lock(mutex_);
  if (ending_ || waiting_.size() >= kMaxWaitingQuestions) {
    lock.unlock();
    return done(error_response(503, "too many questions wait for their answers"));
  }
  waiting_.push_back({std::move(tenant), std::move(parameters), csv, std::move(done)});
  asked_.notify_one();
}

void Asker::run() {
  name_thread("asker");
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Asked asked = std::move(waiting_.front());
    waiting_.pop_front();
    const bool ending = ending_;
    lock.unlock();
    asked.done(ending ? error_response(503, "the server is stopping") : answer(asked));
    lock.lock();
  }
}

Response Asker::answer(const Asked& asked) {
  const auto args = command_of(asked.tenant, asked.parameters, asked.csv);
  if (!args.ok()) return error_response(400, args.error().message);
  const ParsedArguments parsed = parse_arguments(*args);
  if (!parsed.arguments)
    return error_response(400, std::string_view(parsed.text).substr(0, parsed.text.find('\n')));
  if (engine_.store().committed().checkpoint == 0)
    return error_response(404, "nothing is counted yet");
  const auto snapshot = engine_.store().snapshot();
  auto view = StoreView::open(engine_.catalogue(), *snapshot, engine_.store().hasher());
  auto known =
      view.ok() ? is_known(**view, asked.tenant, asked.parameters) : Result<bool>(view.error());
  if (!known.ok()) return error_response(500, known.error().message);
  if (!*known) return error_response(404, "nothing of that name is counted for this tenant");

  Response response;
  std::string error;
  Console console;
  console.out = [&](std::string_view text) {
    response.body += text;
    return true;
  };
  console.err = [&](std::string_view text) {
    error += text;
    return true;
  };
  StoreAccess access(engine_.store(), engine_.catalogue(), [] { return Status(); });
  if (query_command(*parsed.arguments, access, console) == kExitDone) {
    if (asked.csv) response.content_type = "text/csv; charset=utf-8";
    return response;
  }
  constexpr std::string_view kPrefix = "quipu query: ";
  if (error.starts_with(kPrefix)) error.erase(0, kPrefix.size());
  while (error.ends_with('\n')) error.pop_back();
  return error_response(400, error);
}

}  // namespace quipu
