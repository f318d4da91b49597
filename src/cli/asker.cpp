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

// None of a tenant without counted events.
Result<std::vector<MetricLine>> metrics_and_groups(StoreView& view, const std::string& tenant) {
  for (const auto& [id, name] : view.tenants()) {
    if (name == tenant) return list_metrics(view, id);
  }
  return std::vector<MetricLine>();
}

// Whether the tenant has counted events of that name. Others' names are not told, nor hinted at.
Result<bool> is_known(StoreView& view, const std::string& tenant,
                      const QueryParameters& parameters) {
  QUIPU_ASSIGN(const auto lines, metrics_and_groups(view, tenant));
  for (const auto& [name, value] : parameters) {
    if (name != "metric" && name != "group") continue;
    return std::any_of(lines.begin(), lines.end(),
                       [&](const MetricLine& line) { return line.name == value; });
  }
  return !lines.empty();
}

}  // namespace

Asker::Asker(Engine& engine) : engine_(engine) {
  for (size_t i = 0; i < kAskers; ++i) threads_.emplace_back([this] { run(); });
}

Asker::~Asker() { close(); }

void Asker::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  asked_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Asker::ask(std::string tenant, QueryParameters parameters, bool csv, Done done) {
  const bool posted = post([=, this](bool closing) {
    done(closing ? error_response(503, "the server is stopping") : answer(tenant, parameters, csv));
  });
  if (!posted) done(error_response(503, "too many questions wait for their answers"));
}

void Asker::ask_metrics(std::string tenant, MetricsDone done) {
  const bool posted = post([=, this](bool closing) {
    done(closing ? Error{"the server is stopping"} : metrics_of(tenant));
  });
  if (!posted) done(Error{"too many questions wait for their answers"});
}

bool Asker::post(std::function<void(bool closing)> work) {
  std::lock_guard lock(mutex_);
  if (closing_ || waiting_.size() >= kMaxWaitingQuestions) return false;
  waiting_.push_back(std::move(work));
  asked_.notify_one();
  return true;
}

void Asker::run() {
  name_thread("asker");
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    const bool closing = closing_;
    lock.unlock();
    work(closing);
    lock.lock();
  }
}

Response Asker::answer(const std::string& tenant, const QueryParameters& parameters, bool csv) {
  const auto args = command_of(tenant, parameters, csv);
  if (!args.ok()) return error_response(400, args.error().message);
  const ParsedArguments parsed = parse_arguments(*args);
  if (!parsed.arguments)
    return error_response(400, std::string_view(parsed.text).substr(0, parsed.text.find('\n')));
  if (engine_.store().committed().checkpoint == 0)
    return error_response(404, "nothing is counted yet");
  const auto snapshot = engine_.store().snapshot();
  auto view = StoreView::open(engine_.catalogue(), *snapshot, engine_.store().hasher());
  auto known = view.ok() ? is_known(**view, tenant, parameters) : Result<bool>(view.error());
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
  if (answer_question(*parsed.arguments, **view, console) == kExitDone) {
    if (csv) response.content_type = "text/csv; charset=utf-8";
    return response;
  }
  constexpr std::string_view kPrefix = "quipu query: ";
  if (error.starts_with(kPrefix)) error.erase(0, kPrefix.size());
  while (error.ends_with('\n')) error.pop_back();
  return error_response(400, error);
}

Result<std::vector<std::string>> Asker::metrics_of(const std::string& tenant) {
  std::vector<std::string> metrics;
  if (engine_.store().committed().checkpoint == 0) return metrics;
  const auto snapshot = engine_.store().snapshot();
  QUIPU_ASSIGN(auto view,
               StoreView::open(engine_.catalogue(), *snapshot, engine_.store().hasher()));
  QUIPU_ASSIGN(const auto lines, metrics_and_groups(*view, tenant));
  for (const MetricLine& line : lines) {
    if (!line.group) metrics.push_back(line.name);
  }
  return metrics;
}

}  // namespace quipu
