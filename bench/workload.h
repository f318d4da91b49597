// The workload that every figure of this project is measured on: made-up events of email marketing,
// one JSON object a line of about 500 bytes.
//
// The same options give the same bytes on every machine: the random numbers are xoshiro256++ seeded
// by splitmix64, the tables are built in integers, and no function of libm is used.
//
//   tenant       "t17": one of `tenants`, drawn Zipf(1.0) for each session
//   metric       one of 8 names, skewed
//   profile      "p123@t17.example": uniform in the tenant, which has a share of `profiles` by its
//   weight unique_id    "m" and 16 hex digits, distinct for every line that is no duplicate time
//   unix seconds. Line n is at base + n / rate; 90% of lines are up to 60 s behind that,
//                8% 1-12 hours, 1.9% 1-20 days, 0.1% 1-5 years
//   value        a number with 2 digits behind the point, on Placed Order and Viewed Product
//   properties   p00..p23, strings like "p07-3", drawn Zipf(0.8) from kCardinalities values in each
//   tenant
//
// With `values`, p00 is another for each event instead, until there are so many.
//
// A profile sends 1-7 events (mean 4) in a session; p00..p11 stay the same through it, p12..p23 are
// drawn for each event. kOpenSessions are open at a time and take turns at random. 3% of lines
// repeat one of the last 100,000 lines byte for byte.
//
// Cold profiles, if asked for. Sessions that begin in the first `preload` lines are each of an old
// profile, "o0", "o1",
// ..., one after the other; no later session is. After those lines `cold_percent` of the events are
// each a session of one event, of an old profile drawn uniformly: one not seen since the preload,
// or since it was drawn so before (a repeated line apart). Sessions that are open at the end of the
// preload go on.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quipu::bench {

inline constexpr int kProperties = 24;
inline constexpr std::array<uint32_t, kProperties> kCardinalities = {
    2,  2,   3,   4,   5,   8,   10,   12,   16,   20,    30,    50,
    64, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10000, 50000, 1000000};
inline constexpr int kSessionProperties = 12;  // p00..p11
inline constexpr uint32_t kOpenSessions = 1000;
inline constexpr uint32_t kRepeatWindow = 100000;  // lines
inline constexpr int kMaxFanout = 300;

struct WorkloadOptions {
  uint32_t tenants = 200;
  uint64_t profiles = 1000000;  // of all tenants; at least one a tenant
  uint64_t seed = 1;
  int64_t base_s = 1772323200;  // 2026-03-01T00:00:00Z
  uint32_t rate = 20000;        // lines a second of event time
  uint32_t line_s = 0;   // instead of `rate`, if not 0: seconds of event time from line to line
  uint64_t values = 0;   // if not 0: so many of p00, which event n has the (n mod values)th of
  uint64_t preload = 0;  // lines
  uint32_t cold_percent = 0;  // of later events; without a preload there is no such event
};

// xoshiro256++ of Blackman and Vigna, seeded by splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t next();
  // Uniform in [0, n), n >= 1; the bias is below n / 2^64.
  uint64_t below(uint64_t n);

 private:
  std::array<uint64_t, 4> state_;
};

// Draws 0..n-1 with weights of any integers, by Vose's alias method: one random number a draw.
class AliasTable {
 public:
  // The sum of weights times their number must stay below 2^63.
  explicit AliasTable(const std::vector<uint64_t>& weights);
  // Weights 1 / (k + 1)^(tenths / 10) for k in 0..n-1; tenths is 8 or 10.
  static std::vector<uint64_t> zipf_weights(uint32_t n, int tenths);
  uint32_t draw(Random& random) const;

 private:
  struct Slot {
    uint32_t threshold;  // the slot is its own value if 32 random bits are below it
    uint32_t alias;
  };
  std::vector<Slot> slots_;
};

// Makes lines one after another. For one thread; holds about 90 MB.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);
  ~Workload();
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  // Appends the next line, with its newline.
  void next(std::string& out);

 private:
  struct Session;
  void start(Session& session);
  void begin(Session& session, uint32_t tenant, const std::string& profile, uint64_t events);
  void begin_old(Session& session, uint64_t number, uint64_t events);
  void write_line(Session& session);

  WorkloadOptions options_;
  Random random_;
  AliasTable tenant_table_;
  AliasTable metric_table_;
  std::vector<AliasTable> property_tables_;
  std::array<std::string, kProperties> property_heads_;
  std::vector<uint64_t> profiles_of_tenant_;
  std::vector<Session> sessions_;  // the open ones, then that of cold events
  std::string line_;
  uint64_t lines_ = 0;         // made so far
  uint64_t events_ = 0;        // of them no duplicates
  uint64_t old_profiles_ = 0;  // that have begun
  // The last kRepeatWindow lines, for duplicates: line n at n % kRepeatWindow.
  std::vector<char> recent_;
  std::vector<uint16_t> recent_size_;
};

// The plan that counts these lines at fan-out F (1..kMaxFanout): the metric alone, then p00..p23,
// then their pairs in lexicographic order, until there are F dimensions; the sum of value in each.
std::string workload_plan(int fanout);

}  // namespace quipu::bench
