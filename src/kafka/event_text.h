// A Kafka record's value as texts of events: an object is one event, an array of objects is
// several. With `$kafka`, what else the record has (topic, partition, offset, time, key, headers)
// becomes the first member of each object, so that a plan reads it as /$kafka/key. Pure functions,
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plan/plan.h"
#include "source/source.h"

namespace quipu {

// Beyond this a value is not looked into: it is set aside whole, as longer than kMaxLineBytes.
inline constexpr size_t kMaxArrayBytes = size_t(8) << 20;

// A record as the cluster gives it. The views live as long as its message.
struct KafkaRecord {
  uint64_t offset = 0;
  int64_t timestamp_ms = -1;  // -1: it has none
  std::optional<std::string_view> key, value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

// Whether a path of the plan begins with /$kafka.
bool reads_kafka_member(const Plan& plan);

// `"$kafka":{...}`. Of several headers of one name the last is there. What is no UTF-8 stays as it
// is: that is a fault where a plan reads it, and nowhere else.
std::string kafka_member(std::string_view topic, int32_t partition, const KafkaRecord& record);

// The events of a value, as parts of it: the objects of an array; or the value as it is, whatever
// it is; null and blank values as "null". An array that is not well-formed, or that holds anything
// but objects, is one. Nothing for [].
void split_value(const std::optional<std::string_view>& value,
                 std::vector<std::string_view>& events);

// Appends an event, with the member if it is an object and the member is not "".
void append_event_text(std::string_view event, std::string_view member, std::vector<char>& out);

}  // namespace quipu
