#include "cli/metric_lister.h"

#include "query/answer.h"

namespace quipu {

MetricLister::MetricLister(Engine& engine) : engine_(engine), thread_([this] { run(); }) {}

MetricLister::~MetricLister() { close(); }

void MetricLister::close() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  asked_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void MetricLister::ask(const std::string& tenant, Done done) {
  std::unique_lock lock(mutex_);
  if (ending_ || waiting_.size() >= kMaxMetricQuestions) {
    lock.unlock();
    return done(Error{"too many ask for metrics now"});
  }
  waiting_.emplace_back(tenant, std::move(done));
  asked_.notify_one();
}

void MetricLister::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto [tenant, done] = std::move(waiting_.front());
    waiting_.pop_front();
    const bool ending = ending_;
    lock.unlock();
    done(ending ? Error{"the server is stopping"} : metrics_of(tenant));
    lock.lock();
  }
}

Result<std::vector<std::string>> MetricLister::metrics_of(const std::string& tenant) {
  if (engine_.store().committed().checkpoint == 0) return std::vector<std::string>();
  auto snapshot = engine_.store().snapshot();
  QUIPU_ASSIGN(auto view,
               StoreView::open(engine_.catalogue(), *snapshot, engine_.store().hasher()));
  std::vector<std::string> metrics;
  for (const auto& [id, name] : view->tenants()) {
    if (name != tenant) continue;
    QUIPU_ASSIGN(const auto lines, list_metrics(*view, id));
    for (const MetricLine& line : lines) {
      if (!line.group) metrics.push_back(line.name);
    }
  }
  return metrics;
}

}  // namespace quipu
