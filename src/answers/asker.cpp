#include "answers/asker.h"

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
  const bool posted = post([this, asked = std::move(asked), done](PreparedView* prepared) {
    if (!prepared) return done(error_response(503, "the server is stopping"));
    auto view = prepared->now();
    if (!view.ok()) return done(error_response(500, view.error().message));
    if (asked.route == kStatusRoute)
      return done(status_answer(*view, asked, status_members_(asked.all_tenants)));
    done(*view ? read_answer(*prepared, **view, kept_, asked)
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

void Asker::ask_klaviyo(std::string tenant, KlaviyoQuestion asked, Done done) {
  const bool posted = post(
      [this, tenant = std::move(tenant), asked = std::move(asked), done](PreparedView* prepared) {
        if (!prepared) return done(klaviyo_error(503, "the server is stopping"));
        auto view = prepared->now();
        if (!view.ok()) return done(klaviyo_error(500, view.error().message));
        if (!*view) return done(klaviyo_error(404, "nothing is counted yet"));
        ReadBudget budget(kMaxRowsOfQuestion, kMaxTimeOfQuestion);
        (*view)->set_budget(&budget);
        Response response = klaviyo_answer(*prepared, **view, kept_, tenant, asked);
        (*view)->set_budget(nullptr);
        done(std::move(response));
      });
  if (!posted) done(klaviyo_error(503, "too many questions wait for their answers"));
}

void Asker::ask_metrics(std::string tenant, MetricsDone done) {
  const bool posted = post([tenant = std::move(tenant), done](PreparedView* prepared) {
    if (!prepared) return done(Error{"the server is stopping"});
    auto view = prepared->now();
    if (!view.ok()) return done(view.error());
    done(*view ? metric_names(*prepared, **view, tenant) : std::vector<std::string>());
  });
  if (!posted) done(Error{"too many questions wait for their answers"});
}

bool Asker::post(Work work) {
  std::lock_guard lock(mutex_);
  if (closing_ || waiting_.size() >= kMaxWaitingQuestions) return false;
  waiting_.push_back(std::move(work));
  asked_.notify_one();
  return true;
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
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    const bool closing = closing_;
    lock.unlock();
    work(closing ? nullptr : &prepared);
    lock.lock();
  }
}

}  // namespace quipu
