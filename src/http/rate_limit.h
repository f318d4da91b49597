// Events that each key may send a second, as a bucket of tokens a key. A request may overdraw its
// bucket, so that a batch larger than a second's share passes too; the next one waits until the
// debt is paid. What is saved up is at most kRateBurst_s of the rate. One thread; as many buckets
// as there are keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace quipu {

inline constexpr int kRateBurst_s = 10;

struct Rates {
  double each = 0;                        // events a second of a key; 0: no bound
  std::map<std::string, double> of_keys;  // by the key's id, in place of `each`
};

class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  explicit RateLimit(Rates rates) : rates_(std::move(rates)) {}

  // 0: the key may send now. Else after so many seconds.
  int wait_s(const std::string& key, Clock::time_point now);
  void charge(const std::string& key, uint64_t events, Clock::time_point now);

 private:
  struct Bucket {
    double tokens = 0;
    Clock::time_point as_of;
  };
  double rate_of(const std::string& key) const;
  double& tokens_of(const std::string& key, double rate, Clock::time_point now);

  const Rates rates_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace quipu
