// What a server looks after every second, on the door's thread: changed keys, certificates after a
// SIGHUP, the journal's counted segments, and what keeps events out, which it logs as it begins and
// ends. All it is given outlives it.
#pragma once

#include <future>
#include <memory>
#include <string>

#include "cli/log.h"
#include "cli/serve_settings.h"
#include "http/api_keys.h"
#include "http/intake.h"
#include "http/kept_requests.h"
#include "http/tls_context.h"
#include "http/webhook_secrets.h"
#include "journal/journal.h"

namespace quipu {

// SIGHUP asks for a reload from here on.
void reload_on_hangup();

class Upkeep {
 public:
  Upkeep(const ServeSettings& settings, Journal& journal, Intake& intake, KeptRequests& kept,
         ApiKeys& keys, WebhookSecrets& secrets, const Log& log)
      : settings_(settings),
        journal_(journal),
        intake_(intake),
        kept_(kept),
        keys_(keys),
        secrets_(secrets),
        log_(log) {}

  // Certificates that were read anew, if they were.
  std::shared_ptr<const TlsContext> each_second();

 private:
  void look_at_keys();
  void look_at_journal();
  void look_at_obstacle();
  // Logs an error when it is another than the last of its kind.
  void report(const Status& status, std::string_view event, std::string& last);

  const ServeSettings& settings_;
  Journal& journal_;
  Intake& intake_;
  KeptRequests& kept_;
  ApiKeys& keys_;
  WebhookSecrets& secrets_;
  const Log& log_;
  std::future<Status> saving_;  // on a thread of its own: it may be megabytes
  std::string keys_error_, secrets_error_, journal_error_, written_error_, requests_error_,
      obstacle_;
};

// Of a server's settings; nullptr without TLS. Warns when the certificate ends soon.
Result<std::shared_ptr<const TlsContext>> load_tls(const ServeSettings& settings, const Log& log);

}  // namespace quipu
