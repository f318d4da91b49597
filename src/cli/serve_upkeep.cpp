#include "cli/serve_upkeep.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>

namespace quipu {
namespace {

constexpr int64_t kExpiryNotice_s = 14 * 24 * 3600;

std::atomic<bool> g_hangup{false};

void on_hangup(int) { g_hangup = true; }

}  // namespace

void reload_on_hangup() {
  struct sigaction action {};
  action.sa_handler = on_hangup;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGHUP, &action, nullptr);
}

Result<std::shared_ptr<const TlsContext>> load_tls(const ServeSettings& settings, const Log& log) {
  if (settings.tls.certificate.empty()) return std::shared_ptr<const TlsContext>();
  QUIPU_ASSIGN(auto tls, TlsContext::load(settings.tls));
  const int64_t left_s = tls->expires_s() - int64_t(std::time(nullptr));
  if (left_s < kExpiryNotice_s) {
    log.write(LogLevel::warning, "certificate_ends",
              settings.tls.certificate + ": ends in " + std::to_string(left_s / 86'400) + " days",
              {{"file", settings.tls.certificate}});
  }
  return tls;
}

std::shared_ptr<const TlsContext> Upkeep::each_second() {
  intake_.each_second();
  look_at_obstacle();
  look_at_keys();
  look_at_journal();
  if (!g_hangup.exchange(false)) return nullptr;
  auto tls = load_tls(settings_, log_);
  if (!tls.ok()) {
    log_.write(LogLevel::error, "reload_failed",
               tls.error().message + "; the certificate stays as it was");
    return nullptr;
  }
  log_.write(LogLevel::info, "reloaded",
             *tls ? "certificate and keys are read anew" : "keys are read anew");
  return *tls;
}

void Upkeep::report(const Status& status, std::string_view event, std::string& last) {
  const std::string now = status.ok() ? "" : status.error().message;
  if (now == last) return;
  last = now;
  if (!now.empty()) log_.write(LogLevel::error, event, now);
}

void Upkeep::look_at_keys() {
  auto reloaded = keys_.reload_if_changed();
  Status status;
  if (!reloaded.ok()) status = Error{reloaded.error().message + "; the keys stay as they were"};
  report(status, "keys_unreadable", keys_error_);
  if (reloaded.ok() && *reloaded)
    log_.write(LogLevel::info, "keys_changed",
               "the keys have changed: " + std::to_string(keys_.list().size()) + " in all");
  auto secrets = secrets_.reload_if_changed();
  status = {};
  if (!secrets.ok()) status = Error{secrets.error().message + "; the secrets stay as they were"};
  report(status, "secrets_unreadable", secrets_error_);
}

// The requests of segments that go are written down first.
void Upkeep::look_at_journal() {
  report(intake_.written(), "journal_unwritable", written_error_);
  const Journal::Durable durable = journal_.durable();
  const uint64_t settled = intake_.settled();
  if (saving_.valid() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
    report(saving_.get(), "requests_unwritable", requests_error_);
  if (!saving_.valid() && durable.segment_begin > kept_.saved() && settled >= durable.segment_begin)
    saving_ = std::async(std::launch::async, [this, settled] { return kept_.save(settled); });
  if (settings_.archive) return;
  report(
      journal_.drop_before(std::min(intake_.counted().offset(), kept_.saved()), settings_.keep_s),
      "journal_unremovable", journal_error_);
}

void Upkeep::look_at_obstacle() {
  const std::string_view now = intake_.obstacle();
  if (now == obstacle_) return;
  if (!now.empty())
    log_.write(LogLevel::error, "events_refused", "events are refused (503): " + std::string(now),
               {{"reason", std::string(now)}});
  else
    log_.write(LogLevel::info, "events_taken", "events are taken again");
  obstacle_ = now;
}

}  // namespace quipu
