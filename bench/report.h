// Figures as tables for people and as JSON for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/quantiles.h"

namespace quipu::bench {

// One object of numbers, strings and further objects, in the order of adding.
class JsonObject {
 public:
  void add(const std::string& name, uint64_t value);
  void add(const std::string& name, int value) { add(name, uint64_t(value)); }  // not negative
  void add(const std::string& name, double value);
  void add(const std::string& name, const char* text);  // printable ASCII without quotes
  void add(const std::string& name, const Quantiles& quantiles);
  void add(const std::string& name, const JsonObject& object);
  void add_null(const std::string& name);
  std::string text() const { return "{" + members_ + "}"; }

 private:
  void add_member(const std::string& name, const std::string& value);
  std::string members_;
};

// Writes the text and a newline, or ends the process with a message. "" writes nothing.
void write_json(const std::string& path, const std::string& text);

void print_throughput(const std::vector<Measurement>& rows);
void print_cold(const std::vector<Measurement>& rows, unsigned cold_percent, uint64_t preload);
void print_commits(const std::vector<Measurement>& rows);
void print_cpu(const std::vector<Measurement>& rows);
JsonObject json_of(const Measurement& m);

}  // namespace quipu::bench
