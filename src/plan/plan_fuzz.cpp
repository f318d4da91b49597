// Plan files, stored plans and stored layouts of any bytes: an error or a value that holds its
// promises. Input: a plan's text, then, behind a NUL, the text of its tenants file. The whole input
// is also tried as a stored plan and as a stored layout.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "plan/compiled.h"
#include "plan/plan.h"

namespace {

using namespace quipu;

std::string stored(std::string_view text, std::string_view tenants) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u8(1);
  w.sized("plan.yaml");
  w.sized(text);
  w.u8(1);
  w.sized(tenants);
  return bytes;
}

void check_sections(const Plan& plan, std::string_view metric) {
  int blocks = 0;
  for (const PlannedSection& section : plan.sections_of(metric)) {
    CHECK(!section.dimensions.empty());
    blocks += int(section.dimensions.size() + 63) / 64;
    for (const PlannedDimension& d : section.dimensions) {
      CHECK(d.properties.size() <= size_t(kMaxArity) && d.columns.size() == d.properties.size());
      CHECK(std::is_sorted(d.columns.begin(), d.columns.end()));
      for (uint16_t p : d.properties)
        CHECK(std::count(d.columns.begin(), d.columns.end(), plan.properties.at(p).column) == 1);
      if (d.when) CHECK(plan.columns.at(*d.when).is_when);
      CHECK((d.sums >> plan.values.size()) == 0);
    }
  }
  CHECK(blocks <= kMaxBitmapWords);
}

void check_plan(const Plan& plan) {
  CHECK(plan.columns.size() <= size_t(kMaxColumns));
  for (const Property& p : plan.properties) CHECK(!plan.columns.at(p.column).is_when);
  check_sections(plan, "*");
  for (const Selector& s : plan.named_selectors()) {
    if (!s.group) check_sections(plan, s.name);
  }
  auto again = Plan::deserialise(plan.serialise());
  CHECK(again.ok());
  CHECK(again->fingerprint() == plan.fingerprint());
  CHECK(again->mapping_fingerprint() == plan.mapping_fingerprint());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t nul = std::min(input.find('\0'), size);
  auto plan =
      Plan::deserialise(stored(input.substr(0, nul), input.substr(std::min(nul + 1, size))));
  if (plan.ok()) check_plan(*plan);
  if (auto whole = Plan::deserialise(input); whole.ok()) check_plan(*whole);
  if (auto layout = decode_layout(input); layout.ok()) {
    const std::string bytes = encode_layout(*layout);
    auto again = decode_layout(bytes);
    CHECK(again.ok() && encode_layout(*again) == bytes);
  }
  return 0;
}
