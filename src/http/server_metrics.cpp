#include "http/server_metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <utility>

namespace quipu {
namespace {

using prometheus::Histogram;
using prometheus::MetricFamily;

const Histogram::BucketBoundaries kFreshness_s = {0.1, 0.25, 0.5, 0.75, 1,  1.5, 2,
                                                  3,   5,    10,  30,   60, 300};
const Histogram::BucketBoundaries kAnswer_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                               0.1,   0.25,   0.5,   1,    2.5,   10};

MetricFamily family_of(const Reading& reading) {
  MetricFamily family;
  family.name = reading.name;
  family.help = reading.help;
  family.type = reading.kind == Reading::Kind::counter ? prometheus::MetricType::Counter
                                                       : prometheus::MetricType::Gauge;
  return family;
}

}  // namespace

struct ServerMetrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& accepted =
      prometheus::BuildCounter()
          .Name("quipu_events_accepted_total")
          .Help("Events that were acknowledged, by door: durable, and to be counted")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("quipu_http_requests_total")
          .Help("Answered requests, by route and status")
          .Register(registry);
  prometheus::Family<Histogram>& durations =
      prometheus::BuildHistogram()
          .Name("quipu_http_request_duration_seconds")
          .Help("From a request's last byte to its answer, by route")
          .Register(registry);
  Histogram& freshness =
      prometheus::BuildHistogram()
          .Name("quipu_freshness_seconds")
          .Help("From an event's acknowledgement to the checkpoint that holds it")
          .Register(registry)
          .Add({}, kFreshness_s);
  std::vector<std::function<void(std::vector<Reading>&)>> readers;
  // Found again without making labels: each belongs to the thread that notes it.
  std::map<std::string_view, prometheus::Counter*> accepted_of;
  std::map<std::pair<std::string_view, int>, prometheus::Counter*> requests_of;
  std::map<std::string_view, Histogram*> durations_of;
};

ServerMetrics::ServerMetrics() : impl_(std::make_unique<Impl>()) {}
ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::read(std::function<void(std::vector<Reading>&)> readings) {
  impl_->readers.push_back(std::move(readings));
}

void ServerMetrics::accepted(std::string_view door, uint64_t events) {
  prometheus::Counter*& counter = impl_->accepted_of[door];
  if (!counter) counter = &impl_->accepted.Add({{"door", std::string(door)}});
  counter->Increment(double(events));
}

void ServerMetrics::answered(std::string_view route, int status, double seconds) {
  prometheus::Counter*& requests = impl_->requests_of[{route, status}];
  Histogram*& durations = impl_->durations_of[route];
  const std::string name(route);
  if (!requests)
    requests = &impl_->requests.Add({{"route", name}, {"status", std::to_string(status)}});
  if (!durations) durations = &impl_->durations.Add({{"route", name}}, kAnswer_s);
  requests->Increment();
  durations->Observe(seconds);
}

void ServerMetrics::fresh(double seconds, uint64_t events) {
  std::vector<double> increments(kFreshness_s.size() + 1);
  const auto bucket = std::lower_bound(kFreshness_s.begin(), kFreshness_s.end(), seconds);
  increments[size_t(bucket - kFreshness_s.begin())] = double(events);
  impl_->freshness.ObserveMultiple(increments, seconds * double(events));
}

std::string ServerMetrics::text() const {
  std::vector<MetricFamily> families = impl_->registry.Collect();
  std::vector<Reading> readings;
  for (const auto& reader : impl_->readers) reader(readings);
  for (const Reading& reading : readings) {
    // One family a name, though the readings of one source come between those of another.
    auto family = std::find_if(families.begin(), families.end(),
                               [&](const MetricFamily& f) { return f.name == reading.name; });
    if (family == families.end()) family = families.insert(family, family_of(reading));
    prometheus::ClientMetric metric;
    if (!reading.label.empty()) metric.label.push_back({reading.label, reading.label_value});
    (reading.kind == Reading::Kind::counter ? metric.counter.value : metric.gauge.value) =
        reading.value;
    family->metric.push_back(std::move(metric));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace quipu
