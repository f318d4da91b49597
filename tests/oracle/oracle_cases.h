// What the oracle's own cases share: plans and lines in few words, and answers as short texts.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oracle.h"
#include "parts.h"

namespace oracle {

using Strings = std::vector<std::string>;

inline const std::string kEvent =
    "event: {tenant: {const: t}, metric: /m, profile: /who, id: /id, time: /time, values: {v: "
    "/v}}\n";

inline std::string plan_in(const std::string& calendars,
                           const std::string& rules = "count: [{metrics: \"*\", by: [[]]}]") {
  return "quipu: 1\n" + kEvent + "calendars: {default: " + calendars + "}\n" + rules;
}

inline std::string at(const std::string& time, const std::string& more = "") {
  return "{\"m\":\"M\",\"who\":\"a\",\"time\":\"" + time + "\"" + more + "}";
}

// One short text an answer: the values of `by`, the bucket, count/unique/sums.
inline Strings answers(const Counter& counter, const std::string& interval,
                       const std::string& only = "") {
  Strings out;
  for (const std::string& line : counter.export_lines()) {
    if (line.find("\"interval\":\"" + interval + "\"") == std::string::npos ||
        line.find(only) == std::string::npos)
      continue;
    Json json;
    EXPECT_EQ(read_json(line, &json), "") << line;
    std::string text;
    for (const auto& [key, value] : json.fields) {
      if (key == "by")
        for (const auto& by : value.fields) text += by.second.text + " ";
      if (key == "bucket") text += value.kind == Json::kNull ? "ever " : value.text + " ";
      if (key == "count" || key == "unique") text += (key == "count" ? "" : "/") + value.text;
      if (key == "sum")
        for (const auto& sum : value.fields) text += " " + sum.second.text;
    }
    out.push_back(text);
  }
  return out;
}

inline Strings buckets(const std::string& calendar, const std::string& interval,
                       const Strings& times) {
  Counter counter(Plan::parse(plan_in("[" + calendar + "]")));
  for (const std::string& time : times) EXPECT_EQ(counter.add_line(at(time)), "counted") << time;
  return answers(counter, interval);
}

}  // namespace oracle
