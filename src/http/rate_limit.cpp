#include "http/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace quipu {
namespace {

constexpr double kLongestWait_s = 3600;

}  // namespace

double RateLimit::rate_of(const std::string& key) const {
  const auto own = rates_.of_keys.find(key);
  return own == rates_.of_keys.end() ? rates_.each : own->second;
}

double& RateLimit::tokens_of(const std::string& key, double rate, Clock::time_point now) {
  const double most = rate * kRateBurst_s;
  auto [it, fresh] = buckets_.try_emplace(key, Bucket{most, now});
  Bucket& bucket = it->second;
  const double passed_s = std::chrono::duration<double>(now - bucket.as_of).count();
  bucket.tokens = std::min(most, bucket.tokens + std::max(0.0, passed_s) * rate);
  bucket.as_of = now;
  return bucket.tokens;
}

int RateLimit::wait_s(const std::string& key, Clock::time_point now) {
  const double rate = rate_of(key);
  if (rate <= 0) return 0;
  const double tokens = tokens_of(key, rate, now);
  if (tokens > 0) return 0;
  return int(std::min(kLongestWait_s, std::max(1.0, std::ceil(-tokens / rate))));
}

void RateLimit::charge(const std::string& key, uint64_t events, Clock::time_point now) {
  const double rate = rate_of(key);
  if (rate > 0) tokens_of(key, rate, now) -= double(events);
}

}  // namespace quipu
