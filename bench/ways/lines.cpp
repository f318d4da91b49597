#include "bench/ways/lines.h"

#include <simdjson.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace quipu::bench {
namespace {

using simdjson::ondemand::object;
using simdjson::ondemand::value;

// A string without escapes, as a piece of the line itself.
std::string_view text_of(value v) {
  const std::string_view token = v.raw_json_token();
  if (token.empty() || token[0] != '"')
    fail("a line holds " + std::string(token) + " where a string belongs");
  const size_t end = token.find('"', 1);
  const std::string_view text = token.substr(1, end - 1);
  if (text.find_first_of("\\\t,") != std::string_view::npos)
    fail("a line holds text that no line of the workload has: " + std::string(text));
  return text;
}

// "12.34" as 1234.
int64_t hundredths_of(std::string_view token) {
  const size_t point = token.find('.');
  int64_t whole = 0, rest = 0;
  const char* begin = token.data();
  if (point != std::string_view::npos) {
    const auto first = std::from_chars(begin, begin + point, whole);
    const auto second = std::from_chars(begin + point + 1, begin + point + 3, rest);
    if (first.ptr == begin + point && second.ptr == begin + point + 3 && whole >= 0)
      return whole * 100 + rest;
  }
  fail("a value is not a decimal with two digits: " + std::string(token));
}

std::string property_name(int p) { return {'p', char('0' + p / 10), char('0' + p % 10)}; }

}  // namespace

void fail(const std::string& message) {
  std::fprintf(stderr, "bench/ways: %s\n", message.c_str());
  std::exit(1);
}

struct LineReader::Impl {
  std::string path;
  std::FILE* file = nullptr;
  char* line = nullptr;  // getline's
  size_t capacity = 0;
  uint64_t read = 0;
  simdjson::ondemand::parser parser;
  std::array<std::string, kProperties> names;
  std::vector<size_t> starts;

  void parse(const char* begin, size_t size, size_t room, Line& out) {
    auto document = parser.iterate(begin, size, room);
    object all = document.get_object();
    out.tenant = text_of(all["tenant"]);
    out.metric = text_of(all["metric"]);
    out.profile = text_of(all["profile"]);
    out.unique_id = text_of(all["unique_id"]);
    out.time_s = all["time"].get_int64();
    value amount;
    out.value_hundredths =
        all["value"].get(amount) == simdjson::SUCCESS ? hundredths_of(amount.raw_json_token()) : 0;
    object properties = all["properties"].get_object();
    for (int p = 0; p < kProperties; ++p)
      out.properties[size_t(p)] = text_of(properties[names[size_t(p)]]);
  }
};

LineReader::LineReader(const std::string& path) : impl_(new Impl) {
  impl_->path = path;
  impl_->file = std::fopen(path.c_str(), "rb");
  if (!impl_->file) fail("cannot open " + path);
  for (int p = 0; p < kProperties; ++p) impl_->names[size_t(p)] = property_name(p);
}

LineReader::~LineReader() {
  std::fclose(impl_->file);
  std::free(impl_->line);
}

void LineReader::skip(uint64_t lines) {
  for (uint64_t i = 0; i < lines; ++i) {
    if (::getline(&impl_->line, &impl_->capacity, impl_->file) < 0) break;
    ++impl_->read;
  }
}

bool LineReader::next(size_t lines, Block& block) {
  block.text.clear();
  block.lines.clear();
  impl_->starts.clear();
  while (impl_->starts.size() < lines) {
    const ssize_t size = ::getline(&impl_->line, &impl_->capacity, impl_->file);
    if (size < 0) break;
    impl_->starts.push_back(block.text.size());
    block.text.insert(block.text.end(), impl_->line, impl_->line + size);
  }
  if (std::ferror(impl_->file)) fail("cannot read " + impl_->path);
  const size_t size = block.text.size();
  block.text.resize(size + simdjson::SIMDJSON_PADDING);
  block.lines.resize(impl_->starts.size());
  for (size_t i = 0; i < block.lines.size(); ++i) {
    const size_t begin = impl_->starts[i],
                 end = i + 1 < block.lines.size() ? impl_->starts[i + 1] : size;
    try {
      impl_->parse(block.text.data() + begin, end - begin, block.text.size() - begin,
                   block.lines[i]);
    } catch (const simdjson::simdjson_error& error) {
      fail("line " + std::to_string(impl_->read + i + 1) + " of " + impl_->path +
           " is none of the workload's: " + error.what());
    }
  }
  impl_->read += block.lines.size();
  block.end = impl_->read;
  return !block.lines.empty();
}

std::vector<Dimension> dimensions_of(int fanout) {
  std::vector<Dimension> out = {{}};
  for (int p = 0; p < kProperties; ++p) out.push_back({1, p, 0});
  for (int p = 0; p < kProperties; ++p) {
    for (int q = p + 1; q < kProperties; ++q) out.push_back({2, p, q});
  }
  if (fanout < 1 || fanout > kMaxFanout)
    fail("a fan-out is from 1 to " + std::to_string(kMaxFanout));
  out.resize(size_t(fanout));
  return out;
}

void append_values(const Dimension& dimension, const Line& line, std::string& out) {
  if (dimension.properties > 0) out += line.properties[size_t(dimension.first)];
  if (dimension.properties > 1) {
    out += ',';
    out += line.properties[size_t(dimension.second)];
  }
}

std::array<int64_t, kTimeframes> buckets_of(int64_t time_s) {
  using namespace std::chrono;
  const sys_days day = floor<days>(sys_seconds(seconds(time_s)));
  const year_month_day date(day);
  const sys_days month = date.year() / date.month() / 1;
  return {floor<hours>(seconds(time_s)).count() * 3600,
          int64_t(day.time_since_epoch().count()) * 86400,
          int64_t(month.time_since_epoch().count()) * 86400};
}

}  // namespace quipu::bench
