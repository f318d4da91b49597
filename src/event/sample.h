// What the lines of a sample hold, for people who have no plan yet (`quipu init`): every scalar of a line with
// its place as a plan would write it. Slow and simple; counting never comes here. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace quipu {

struct SampleValue {
  // structure: an object where other lines may have a scalar, or an array inside an array.
  // unreadable: a text that is no UTF-8, or has a lone surrogate.
  enum class Kind : uint8_t { null, text, number, boolean, structure, unreadable };
  std::string path;        // JSON Pointer with at most one `*`; array elements have their array's path
  Kind kind = Kind::null;
  std::string text;        // decoded; a number as it is spelled
  std::string array;       // of an element or of what lies under one: the path of its array, else ""
  bool element = false;    // directly an element of the array at `path` (the plan needs no `*` for it)
  bool repeated = false;   // some key on the path is there twice in its object
};

// Reads JSON lines. Left out: places that no plan can name (an empty key in a path's middle can be named, a key
// `*` cannot; paths over 1,024 bytes or 32 steps), and what lies under a second array.
class JsonSampleReader {
 public:
  JsonSampleReader();
  ~JsonSampleReader();
  // The values of a line, by order of appearance; an empty array gives one `null`. False if the line is no JSON
  // object (or longer than 1 MiB, or nested deeper than a plan's lines may be).
  bool read(std::string_view line, std::vector<SampleValue>& values);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The fields of a delimited line by the rules of decision 1. False if a quote is left open.
bool split_sample_line(std::string_view line, const InputFormat& format, std::vector<std::string>& fields);

}  // namespace quipu
