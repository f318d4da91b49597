// What the lines of a sample hold, for people who have no plan yet (`quipu init`): every scalar of
// a line with its place as a plan would write it. Slow and simple; counting never comes here. One
// thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace quipu {

inline constexpr size_t kMaxSamplePathTokens = 32;
inline constexpr size_t kMaxSamplePathBytes = 1024;

struct SampleValue {
  // structure: an object where other lines may have a scalar, or an array inside an array.
  // unreadable: a text that is no UTF-8, or has a lone surrogate.
  enum class Kind : uint8_t { null, text, number, boolean, structure, unreadable };
  std::string path;  // JSON Pointer with at most one `*`; array elements have their array's path
  Kind kind = Kind::null;
  std::string text;   // decoded; a number as it is spelled
  std::string array;  // of an element, or of what lies under one: the path of its array; else ""
  bool repeated = false;  // some key on the path is there twice in its object
};

// Reads JSON lines. Left out is what no plan can name: what lies under a key `*`, under a second
// array, or at a path of more than kMaxSamplePathBytes or kMaxSamplePathTokens steps.
class JsonSampleReader {
 public:
  JsonSampleReader();
  ~JsonSampleReader();
  // The values of a line, in order; an empty array is one null. False, and no values, if the line
  // is no JSON object, is longer than 1 MiB or nested deeper than a plan's lines may be.
  bool read(std::string_view line, std::vector<SampleValue>& values);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The fields of a delimited line by the rules of decision 1. False if a quote is left open.
bool split_sample_line(std::string_view line, const InputFormat& format,
                       std::vector<std::string>& fields);

}  // namespace quipu
