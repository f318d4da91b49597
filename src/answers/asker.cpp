#include "answers/asker.h"

#include <algorithm>
#include <iterator>

#include "answers/klaviyo_answer.h"
#include "answers/read_answers.h"
#include "base/cpu_clock.h"
#include "http/klaviyo_door.h"

namespace quipu {

Asker::Asker(Engine& engine, StatusMembers status_members)
    : engine_(engine), status_members_(std::move(status_members)), watchers_(engine) {
  for (size_t i = 0; i < kAskers; ++i) threads_.emplace_back([this] { run(); });
}

Asker::~Asker() { close(); }

void Asker::close() {
  watchers_.close();
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  asked_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Asker::ask(ReadRequest asked, Done done) {
  GoneFlag gone = asked.gone;
  const Done reply = noting(gone, done);
  const bool posted =
      post(std::move(gone), [this, asked = std::move(asked), reply](PreparedView* prepared) {
        if (!prepared) return reply(error_response(503, "the server is stopping"));
        auto view = prepared->now();
        if (!view.ok()) return reply(error_response(500, view.error().message));
        if (asked.route == kStatusRoute)
          return reply(status_answer(*view, asked, status_members_(asked.all_tenants)));
        reply(*view ? read_answer(*prepared, **view, kept_, asked)
                    : error_response(404, "nothing is counted yet"));
      });
  if (!posted) done(error_response(503, "too many questions wait for their answers"));
}

void Asker::watch(ReadRequest asked, Done done) {
  if (asked.form != AnswerForm::json)
    return done(error_response(400, "what is watched is JSON: leave out format"));
  for (const auto& [name, value] : asked.parameters) {
    if (name == "cursor" || name == "page_size")
      return done(error_response(400, "what is watched has no pages: leave out " + name));
  }
  asked.route = kQueryRoute;
  ReadRequest again = asked;
  ask(std::move(asked), [this, again = std::move(again), done](Response first) {
    if (first.status != 200) return done(std::move(first));
    auto stream = std::make_shared<EventStream>();
    if (!watchers_.add(again, first, stream))
      return done(error_response(503, "too many questions are watched (kMaxWatchers)"));
    Response response;
    response.content_type = "text/event-stream";
    response.own_headers = "Cache-Control: no-store\r\n";
    response.events = std::move(stream);
    done(std::move(response));
  });
}

void Asker::ask_klaviyo(std::string tenant, KlaviyoQuestion asked, GoneFlag gone, Done done) {
  const Done reply = noting(gone, done);
  const bool posted = post(gone, [this, tenant = std::move(tenant), asked = std::move(asked), gone,
                                  reply](PreparedView* prepared) {
    if (!prepared) return reply(klaviyo_error(503, "the server is stopping"));
    auto view = prepared->now();
    if (!view.ok()) return reply(klaviyo_error(500, view.error().message));
    if (!*view) return reply(klaviyo_error(404, "nothing is counted yet"));
    ReadBudget budget(kMaxRowsOfQuestion, kMaxTimeOfQuestion, gone.get());
    (*view)->set_budget(&budget);
    Response response = klaviyo_answer(*prepared, **view, kept_, tenant, asked);
    (*view)->set_budget(nullptr);
    reply(std::move(response));
  });
  if (!posted) done(klaviyo_error(503, "too many questions wait for their answers"));
}

void Asker::ask_metrics(std::string tenant, GoneFlag gone, MetricsDone done) {
  const MetricsDone reply = noting(gone, done);
  const bool posted = post(gone, [tenant = std::move(tenant), gone, reply](PreparedView* prepared) {
    if (!prepared) return reply(Error{"the server is stopping"});
    auto view = prepared->now();
    if (!view.ok()) return reply(view.error());
    if (!*view) return reply(std::vector<std::string>());
    ReadBudget budget(kMaxRowsOfQuestion, kMaxTimeOfQuestion, gone.get());
    (*view)->set_budget(&budget);
    auto names = metric_names(*prepared, **view, tenant);
    (*view)->set_budget(nullptr);
    reply(std::move(names));
  });
  if (!posted) done(Error{"too many questions wait for their answers"});
}

std::vector<Asker::Waiting> Asker::drop_gone() {
  const auto first = std::stable_partition(waiting_.begin(), waiting_.end(),
                                           [](const Waiting& w) { return !is_gone(w.gone); });
  std::vector<Waiting> gone{std::move_iterator(first), std::move_iterator(waiting_.end())};
  waiting_.erase(first, waiting_.end());
  return gone;
}

bool Asker::post(GoneFlag gone, Work work) {
  std::vector<Waiting> dropped;
  bool posted = false;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaitingQuestions) dropped = drop_gone();
    posted = !closing_ && waiting_.size() < kMaxWaitingQuestions;
    if (posted) waiting_.push_back({std::move(gone), std::move(work)});
  }
  if (posted) asked_.notify_one();
  for (const Waiting& of : dropped) of.work(nullptr);
  return posted;
}

void Asker::run() {
  name_thread("asker");
  PreparedView prepared(engine_);
  std::unique_lock lock(mutex_);
  const auto asked = [this] { return closing_ || !waiting_.empty(); };
  while (true) {
    if (prepared.holds() && !asked_.wait_for(lock, kViewKept, asked)) prepared.release();
    asked_.wait(lock, asked);
    if (waiting_.empty()) return;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const bool wanted = !closing_ && !is_gone(next.gone);
    lock.unlock();
    next.work(wanted ? &prepared : nullptr);
    lock.lock();
  }
}

void Asker::read_figures(std::vector<Reading>& readings) const {
  readings.push_back({"quipu_questions_cancelled_total",
                      "Questions that ended because their clients were gone",
                      Reading::Kind::counter, "", "", double(cancelled_)});
}

}  // namespace quipu
