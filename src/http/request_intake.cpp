#include "http/request_intake.h"

#include <string>

namespace quipu {

Status RequestIntake::read_key(const Request& request, std::string_view api_key,
                               std::string_view tenant, std::string_view body, int64_t now_ms,
                               Post& post) {
  const std::string* key = request.header("idempotency-key");
  if (!key) return {};
  if (key->empty() || key->size() > kMaxRequestKeyBytes || request.count("idempotency-key") > 1) {
    return Error{"Idempotency-Key is one text of 1 to " + std::to_string(kMaxRequestKeyBytes) +
                 " bytes"};
  }
  post.mark = RequestMark();
  post.mark->id = request_id(api_key, tenant, *key);
  post.mark->body = body_hash(body);
  post.mark->taken_s = now_ms / 1000;
  return {};
}

RequestIntake::Known RequestIntake::find(const Post& post) {
  if (!post.mark) return Known::no;
  const auto known =
      kept_.find(*post.mark, [this, post](const Status& status, uint32_t events, uint64_t end) {
        answer(post, status, events, end);
      });
  if (known == KeptRequests::Known::yes) return Known::yes;
  return known == KeptRequests::Known::no ? Known::no : Known::other_body;
}

std::optional<Response> RequestIntake::take(Post post, IntakeBatch batch) {
  const auto mark = post.mark;
  const size_t events = size_t(batch.events);
  if (mark) kept_.begin(*mark);
  auto refused = intake_.append(
      std::move(batch), [this, post = std::move(post), events](const Status& status, uint64_t end) {
        if (post.mark && status.ok()) kept_.settle(post.mark->id, end);
        if (post.mark && !status.ok()) kept_.drop(post.mark->id, status);
        answer(post, status, events, end);
      });
  if (refused && mark) kept_.drop(mark->id, Error{"refused"});
  return refused;
}

void RequestIntake::done_at_once(const Post& post) {
  Outcome outcome;
  if (post.wait) outcome.counted = true;
  post.done(outcome);
}

// What was taken is durable, up to `end` of the journal, or could not be written.
void RequestIntake::answer(const Post& post, const Status& status, size_t events, uint64_t end) {
  Outcome outcome{status, events, std::nullopt};
  if (!status.ok() || !post.wait) return post.done(outcome);
  intake_.counted().wait_for(end, Intake::Clock::now() + kCountedWait,
                             [done = post.done, outcome](bool counted) mutable {
                               outcome.counted = counted;
                               done(outcome);
                             });
}

}  // namespace quipu
