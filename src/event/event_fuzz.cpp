// Event lines of any bytes through a decoder that has read others before, and through a fresh one:
// both say the same, a batch holds what it promises, and simdjson agrees on what is JSON. Input: a
// byte that chooses the plan, then lines, each ended by a newline.
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "event/test_registry.h"

namespace {

using namespace quipu;

constexpr const char* kPlans[] = {
    R"(quipu: 1
event:
  tenant: {first: [/tenant, /a/0], lowercase: true}
  metric: {first: [/metric, "/"]}
  profile: {first: [/email, /user/id, "/a/0/id"], trim: true, lowercase: true}
  id: {all: [/id, /a/1]}
  time: {at: /time, unit: unix_s, no_offset: Europe/Berlin}
  values: {v: /v, w: {first: [/w, /a/2]}, one: {const: 1.5}}
properties:
  plain: /p/plain
  skipped: {at: /p/plain, missing: skip}
  has: {present: /p/has}
  each: "/a/*"
  sku: "/a/*/sku"
  color: {at: "/a/*/color", missing: skip}
  inner: "/a/0/b/*/y"
  tags: /tags
  escaped: "/k~1e~0y/\"q\""
  unused: /unused
calendars: {default: [{zone: UTC}, {zone: Asia/Kolkata}], tenants: {m: [{zone: Africa/Monrovia}]}}
count:
  - metrics: "*"
    by: [[], plain, skipped, has, each, sku, [sku, color], inner, [tags, plain], escaped]
    sum: [v, w]
  - {metrics: [x, y], together: G, when: {tags: [a, ""], has: ["true"]}, by: [[], tags, sku],
     lifetime: yes}
)",
    R"(quipu: 1
event: {tenant: {const: t}, metric: /event, time: /at, profile: {first: [/u], required: yes},
        id: {first: [/id], else: time_to_second}}
properties: {tag: /tags, item: "/items/*", state: "/items/*/state"}
count:
  - {metrics: [x], when: {state: [paid]}, by: [item]}
  - {metrics: [y, "5"], by: [tag, [tag, item]]}
)",
    R"(quipu: 1
input: {format: delimited}
event: {tenant: /tenant, metric: {const: m}, time: {at: /2, format: "%d/%b/%Y:%H:%M:%S %z"},
        profile: /user, values: {ms: /ms}}
properties: {page: /page, ref: {present: /ref}}
count:
  - {metrics: "*", by: [[], page, [page, ref]], sum: [ms]}
)",
    R"(quipu: 1
input: {format: delimited, delimiter: whitespace, header: no, quote: none}
event: {tenant: {const: t}, metric: /0, time: {at: /1, unit: unix_ms}, id: /2}
properties: {page: /3}
count:
  - {metrics: "*", by: [page]}
)"};
constexpr const char* kHeader = "tenant,user,time,page,ms,ref";
constexpr size_t kPlanCount = std::size(kPlans);

struct Setting {
  explicit Setting(const char* plan)
      : opened(test_registry(plan)),
        registry(*opened),
        hasher({}),
        names(64),
        decoder(make(names)) {}
  std::unique_ptr<Decoder> make(NameLog& log) {
    auto out =
        std::make_unique<Decoder>(registry.plan(), hasher, registry, log, registry.no_offset());
    CHECK(out->set_header(kHeader).ok());
    return out;
  }
  const std::unique_ptr<PlanRegistry> opened;
  PlanRegistry& registry;
  Hasher hasher;
  NameLog names;
  std::unique_ptr<Decoder> decoder;
};

// Ours and simdjson's reading may differ only by its limits and by what the contract asks for.
void check_json(std::string_view line, const LineOutcome& outcome) {
  if (outcome.kind == LineOutcome::Kind::blank || outcome.reason == Reason::line_too_long ||
      outcome.reason == Reason::too_deep)
    return;
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto error = parser.parse(line.data(), line.size()).get(root);
  const bool ours = outcome.reason != Reason::not_json;
  if (!error) CHECK(ours == root.is_object());
  // Numbers beyond its types, no UTF-8, lone surrogates.
  if (error && ours)
    CHECK(error == simdjson::NUMBER_ERROR || error == simdjson::UTF8_ERROR ||
          error == simdjson::STRING_ERROR);
}

void check_event(const EventBatch& batch, const CompiledPlan& plan) {
  CHECK(batch.events.size() == 1);
  const Event& e = batch.events[0];
  CHECK(e.metric && e.month && e.tenant != TenantId::none);
  CHECK(e.rows >= 1 && e.rows <= kMaxRowsOfEvent);
  CHECK(e.slot < slots_in(e.month->month()) && e.month->round(e.slot) == e.slot);
  CHECK(!e.has_id || e.id != 0);
  CHECK(batch.values.size() == size_t(__builtin_popcount(e.value_mask)) &&
        (e.value_mask >> plan.values.size()) == 0);
  CHECK(batch.elements.size() == size_t(e.rows) * batch.columns &&
        batch.here.size() == size_t(e.rows) * e.metric->bitmap_words);
  uint64_t used = 0;
  for (uint8_t column : e.metric->columns) used |= uint64_t(1) << column;
  for (uint32_t r = 0; r < e.rows; ++r) {
    for (uint32_t c = 0; c < batch.columns; ++c)
      CHECK((used >> c & 1) || batch.row_elements(e, r)[c] == 0);
    uint64_t any = 0;
    for (uint32_t b = 0; b < e.metric->bitmap_words; ++b) {
      any |= batch.row_here(e, r)[b];
      CHECK((batch.row_here(e, r)[b] & ~e.metric->planned[b]) == 0);
    }
    CHECK(any != 0);
  }
}

void check_same(const EventBatch& a, const EventBatch& b) {
  CHECK(a.elements == b.elements && a.here == b.here && a.values == b.values &&
        a.events.size() == b.events.size());
  for (size_t i = 0; i < a.events.size(); ++i) {
    const Event &x = a.events[i], &y = b.events[i];
    CHECK(x.tenant == y.tenant && x.metric == y.metric && x.month == y.month && x.slot == y.slot &&
          x.profile == y.profile && x.has_profile == y.has_profile && x.has_id == y.has_id &&
          x.id == y.id && x.rows == y.rows && x.value_mask == y.value_mask);
  }
}

void run_line(Setting& setting, std::string_view line) {
  const uint32_t columns = uint32_t(setting.registry.plan().parsed.columns.size());
  const std::vector<char> alone(line.begin(), line.end());
  line = std::string_view(alone.data(), alone.size());
  EventBatch batch, again;
  batch.columns = again.columns = columns;
  const LineOutcome outcome = setting.decoder->decode(line, std::span(&batch, 1));
  NameLog names(64);
  const std::unique_ptr<Decoder> fresh = setting.make(names);
  const LineOutcome other = fresh->decode(line, std::span(&again, 1));
  CHECK(outcome.kind == other.kind && outcome.reason == other.reason &&
        outcome.notes == other.notes && outcome.detail == other.detail);
  check_same(batch, again);
  CHECK((outcome.kind == LineOutcome::Kind::set_aside) == (outcome.reason != Reason::none));
  if (outcome.kind == LineOutcome::Kind::event) {
    check_event(batch, setting.registry.plan());
  } else {
    CHECK(batch.events.empty() && batch.elements.empty() && batch.here.empty() &&
          batch.values.empty());
    CHECK(names.take().empty());
  }
  if (!setting.registry.plan().parsed.input.delimited) check_json(line, outcome);
  std::vector<ReadField> fields;
  CHECK(explain_line(*fresh, line, fields).reason == outcome.reason);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Setting* const settings[] = {new Setting(kPlans[0]), new Setting(kPlans[1]),
                                      new Setting(kPlans[2]), new Setting(kPlans[3])};
  static_assert(std::size(settings) == kPlanCount);
  if (size == 0) return 0;
  Setting& setting = *settings[data[0] % kPlanCount];
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (int lines = 0; lines < 16; ++lines) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    run_line(setting, rest.substr(0, end));
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return 0;
}
