// What a server tells of itself, in Prometheus' text format: GET /metrics. Names follow its
// conventions (base units, _total). What happens is noted here as it happens; what other parts know
// anyway is read when the text is made, by the functions given to read(). docs/serving.md lists the
// names.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quipu {

// A figure that somebody else keeps.
struct Reading {
  enum class Kind : uint8_t { counter, gauge };
  std::string name, help;
  Kind kind = Kind::gauge;
  std::string label, label_value;  // "": none
  double value = 0;
};

class ServerMetrics {
 public:
  ServerMetrics();
  ~ServerMetrics();

  // Before the first text(). Called on the thread that asks for the text. Readings of one name
  // stand together.
  void read(std::function<void(std::vector<Reading>&)> readings);
  std::string text() const;

  // Durable. On one thread; `door` is a text that stays.
  void accepted(std::string_view door, uint64_t events);
  // On one thread; `route` is a text that stays.
  void answered(std::string_view route, int status, double seconds);
  // So many events were counted so long after they were accepted.
  void fresh(double seconds, uint64_t events);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace quipu
