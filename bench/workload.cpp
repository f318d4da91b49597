#include "bench/workload.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace quipu::bench {
namespace {

constexpr size_t kMaxLine = 768;  // bytes, newline included

struct MetricName {
  std::string_view name;
  uint32_t weight;  // of 100
  bool has_value;
};
constexpr std::array<MetricName, 8> kMetrics = {{{"Opened Email", 38, false},
                                                 {"Received Email", 24, false},
                                                 {"Clicked Email", 12, false},
                                                 {"Viewed Page", 10, false},
                                                 {"Viewed Product", 7, true},
                                                 {"Added to Cart", 4, false},
                                                 {"Started Checkout", 3, false},
                                                 {"Placed Order", 2, true}}};

uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

std::string property_name(int p) {
  return {'p', static_cast<char>('0' + p / 10), static_cast<char>('0' + p % 10)};
}

std::vector<uint64_t> metric_weights() {
  std::vector<uint64_t> weights;
  for (const MetricName& metric : kMetrics) weights.push_back(metric.weight);
  return weights;
}

// Ends the field before and begins that of property p: `","p07":"p07-`.
std::string property_head(int p) {
  const std::string name = property_name(p);
  return "\",\"" + name + "\":\"" + name + "-";
}

template <typename Number>
char* put_number(char* at, Number number) {
  return std::to_chars(at, at + 20, number).ptr;
}

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) {
    word = splitmix64(seed);
    seed += 0x9e3779b97f4a7c15;
  }
}

uint64_t Random::next() {
  const uint64_t result = rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotl(state_[3], 45);
  return result;
}

uint64_t Random::below(uint64_t n) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
}

AliasTable::AliasTable(const std::vector<uint64_t>& weights) : slots_(weights.size()) {
  const uint64_t n = weights.size();
  uint64_t total = 0;
  for (uint64_t weight : weights) total += weight;
  // left[i] is what slot i still has to give, in units in which a full slot holds `total`.
  std::vector<uint64_t> left(n);
  std::vector<uint32_t> small, large;
  for (uint32_t i = 0; i < n; ++i) {
    left[i] = weights[i] * n;
    (left[i] < total ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const uint32_t lower = small.back(), upper = large.back();
    small.pop_back();
    slots_[lower] = {
        static_cast<uint32_t>((static_cast<unsigned __int128>(left[lower]) << 32) / total), upper};
    left[upper] -= total - left[lower];
    if (left[upper] < total) {
      large.pop_back();
      small.push_back(upper);
    }
  }
  for (uint32_t i : large) slots_[i] = {UINT32_MAX, i};
  for (uint32_t i : small) slots_[i] = {UINT32_MAX, i};
}

std::vector<uint64_t> AliasTable::zipf_weights(uint32_t n, int tenths) {
  std::vector<uint64_t> weights(n);
  double root = 1;  // the fifth root of k, by Newton from that of k - 1
  for (uint32_t k = 1; k <= n; ++k) {
    double power = k;
    if (tenths == 8) {
      for (int i = 0; i < 6; ++i) {
        const double fourth = root * root * root * root;
        root -= (root * fourth - k) / (5 * fourth);
      }
      power = root * root * root * root;
    }
    weights[k - 1] = static_cast<uint64_t>(0x1p32 / power);
  }
  return weights;
}

uint32_t AliasTable::draw(Random& random) const {
  const uint64_t bits = random.next();
  // The high half picks the slot, the low half decides between its two values.
  const uint32_t i = static_cast<uint32_t>(((bits >> 32) * slots_.size()) >> 32);
  const Slot slot = slots_[i];
  return static_cast<uint32_t>(bits) < slot.threshold ? i : slot.alias;
}

struct Workload::Session {
  uint64_t events_left = 0;
  std::string head;        // {"tenant":..,"metric":"   up to the metric's name
  std::string profile_id;  // ","profile":..,"unique_id":"m   between the metric's name and the id
  std::string properties;  // p00..p11
};

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      random_(options.seed),
      tenant_table_(AliasTable::zipf_weights(options.tenants, 10)),
      metric_table_(metric_weights()),
      sessions_(kOpenSessions + 1),
      recent_(size_t{kRepeatWindow} * kMaxLine),
      recent_size_(kRepeatWindow) {
  for (int p = 0; p < kProperties; ++p) {
    property_tables_.emplace_back(AliasTable::zipf_weights(kCardinalities[p], 8));
    property_heads_[p] = property_head(p);
  }
  const std::vector<uint64_t> weights = AliasTable::zipf_weights(options.tenants, 10);
  unsigned __int128 total = 0;
  for (uint64_t weight : weights) total += weight;
  for (uint64_t weight : weights) {
    const uint64_t share =
        static_cast<uint64_t>(static_cast<unsigned __int128>(weight) * options.profiles / total);
    profiles_of_tenant_.push_back(std::max<uint64_t>(share, 1));
  }
  for (uint32_t i = 0; i < kOpenSessions; ++i) {
    Session& session = sessions_[i];
    start(session);
    // Open sessions are met in the middle of their lives.
    session.events_left = 1 + random_.below(session.events_left);
  }
}

Workload::~Workload() = default;

void Workload::start(Session& session) {
  if (lines_ < options_.preload) return begin_old(session, old_profiles_++, 1 + random_.below(7));
  const uint32_t tenant = tenant_table_.draw(random_);
  const uint64_t profile = random_.below(profiles_of_tenant_[tenant]);
  begin(session, tenant, "p" + std::to_string(profile), 1 + random_.below(7));
}

// The number alone tells an old profile's tenant.
void Workload::begin_old(Session& session, uint64_t number, uint64_t events) {
  Random random(splitmix64(~options_.seed) ^ number);
  begin(session, tenant_table_.draw(random), "o" + std::to_string(number), events);
}

void Workload::begin(Session& session, uint32_t tenant_number, const std::string& profile,
                     uint64_t events) {
  session.events_left = events;
  const std::string tenant = "t" + std::to_string(tenant_number);
  session.head = "{\"tenant\":\"" + tenant + "\",\"metric\":\"";
  session.profile_id =
      "\",\"profile\":\"" + profile + "@" + tenant + ".example\",\"unique_id\":\"m";
  session.properties.clear();
  for (int p = 0; p < kSessionProperties; ++p) {
    const uint32_t value = property_tables_[p].draw(random_);  // the same draws with `values`
    if (p == 0 && options_.values != 0) continue;
    session.properties += property_head(p) + std::to_string(value);
  }
  session.properties.erase(0, 2);  // the first follows no other
}

void Workload::write_line(Session& session) {
  const MetricName& metric = kMetrics[metric_table_.draw(random_)];

  int64_t behind_s = 0;
  const uint64_t lateness = random_.below(1000);
  constexpr int64_t kHour = 3600, kDay = 24 * kHour, kYear = 365 * kDay;
  const auto between = [&](int64_t from_s, int64_t to_s) {
    return from_s + static_cast<int64_t>(random_.below(to_s - from_s + 1));
  };
  if (lateness < 900) {
    behind_s = between(0, 60);
  } else if (lateness < 980) {
    behind_s = between(kHour, 12 * kHour);
  } else if (lateness < 999) {
    behind_s = between(kDay, 20 * kDay);
  } else {
    behind_s = between(kYear, 5 * kYear);
  }
  const uint64_t passed_s = options_.line_s ? lines_ * options_.line_s : lines_ / options_.rate;
  const int64_t time_s = options_.base_s + static_cast<int64_t>(passed_s) - behind_s;

  line_.resize(kMaxLine);
  char* at = line_.data();
  at = put(at, session.head);
  at = put(at, metric.name);
  at = put(at, session.profile_id);
  const uint64_t id = splitmix64(splitmix64(options_.seed) + events_);
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[(id >> shift) & 15];
  at = put(at, "\",\"time\":");
  at = put_number(at, time_s);
  if (metric.has_value) {
    // 1.00 to about 1,000, small ones more often.
    const uint64_t hundredths = 100 + random_.below(10 + random_.below(100000));
    at = put(at, ",\"value\":");
    at = put_number(at, hundredths / 100);
    *at++ = '.';
    *at++ = static_cast<char>('0' + hundredths / 10 % 10);
    *at++ = static_cast<char>('0' + hundredths % 10);
  }
  at = put(at, ",\"properties\":{");
  if (options_.values != 0) {
    at = put(at, std::string_view(property_heads_[0]).substr(2));
    at = put_number(at, events_ % options_.values);
    at = put(at, "\",");
  }
  at = put(at, session.properties);
  for (int p = kSessionProperties; p < kProperties; ++p) {
    at = put(at, property_heads_[p]);
    at = put_number(at, property_tables_[p].draw(random_));
  }
  at = put(at, "\"}}\n");
  line_.resize(at - line_.data());
}

void Workload::next(std::string& out) {
  const uint64_t known = std::min<uint64_t>(lines_, kRepeatWindow);
  if (random_.below(100) < 3 && known > 0) {
    const uint64_t slot = (lines_ - 1 - random_.below(known)) % kRepeatWindow;
    line_.assign(&recent_[slot * kMaxLine], recent_size_[slot]);
  } else if (options_.cold_percent > 0 && old_profiles_ > 0 && lines_ >= options_.preload &&
             random_.below(100) < options_.cold_percent) {
    Session& session = sessions_[kOpenSessions];
    begin_old(session, random_.below(old_profiles_), 1);
    write_line(session);
    ++events_;
  } else {
    Session& session = sessions_[random_.below(kOpenSessions)];
    write_line(session);
    ++events_;
    if (--session.events_left == 0) start(session);
  }
  const uint64_t slot = lines_ % kRepeatWindow;
  std::memcpy(&recent_[slot * kMaxLine], line_.data(), line_.size());
  recent_size_[slot] = static_cast<uint16_t>(line_.size());
  out += line_;
  ++lines_;
}

std::string workload_plan(int fanout) {
  std::string by = "[]";
  int dimensions = 1;
  for (int p = 0; p < kProperties && dimensions < fanout; ++p, ++dimensions)
    by += ", " + property_name(p);
  for (int p = 0; p < kProperties; ++p) {
    for (int q = p + 1; q < kProperties && dimensions < fanout; ++q, ++dimensions) {
      by += ", [" + property_name(p) + ", " + property_name(q) + "]";
    }
  }
  std::string plan =
      "quipu: 1\n"
      "event: {tenant: /tenant, metric: /metric, profile: /profile, id: /unique_id,\n"
      "        time: {at: /time, unit: unix_s}, values: {revenue: /value}}\n";
  const int properties = std::min(fanout - 1, kProperties);
  if (properties > 0) plan += "properties:\n";
  for (int p = 0; p < properties; ++p) {
    plan += "  " + property_name(p) + ": /properties/" + property_name(p) + "\n";
  }
  plan += "calendars: {default: [{zone: UTC}]}\n";
  plan += "count:\n  - {metrics: \"*\", by: [" + by + "], sum: [revenue]}\n";
  return plan;
}

}  // namespace quipu::bench
