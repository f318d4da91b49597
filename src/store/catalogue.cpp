// What the catalogue holds in memory, and which rows it gives to a commit (catalogue_rows.h). Ids
// of a kind are dense, so a missing row is noticed when the catalogue is loaded.
#include "store/catalogue.h"

#include <algorithm>
#include <deque>

#include "base/bytes.h"
#include "base/check.h"
#include "store/catalogue_rows.h"
#include "store/numbered_texts.h"

namespace quipu {
namespace {

constexpr size_t kMaxCachedPins = 1 << 16;

uint64_t pin_number(TenantId tenant, MonthIndex month) {
  return uint64_t(raw(tenant)) << 16 | month;
}

Error damaged(std::string_view what) {
  return Error{"the store's catalogue is damaged (" + std::string(what) +
               "); restore a backup, or count the inputs into a new store"};
}

}  // namespace

struct Catalogue::State {
  NumberedTexts tenants{1}, selectors{1}, properties{1}, dimensions{1}, values{0}, layouts{1};
  std::vector<std::optional<std::vector<Calendar>>> calendars;  // [tenant - 1]
  std::vector<SelectorEntry> selector_entries;                  // [selector - 1]
  std::deque<SectionLayout> layout_entries;                     // [layout - 1]
  std::vector<PlanVersionEntry> plans;
  std::vector<std::map<std::string, std::shared_ptr<const ZoneRules>>> rules;
  std::unordered_map<uint64_t, RulesVersion> pins;  // that may not be durable yet
  std::vector<uint64_t> taken_pins;                 // of `pins`: by the last take
  std::unordered_map<uint64_t, std::optional<RulesVersion>> cached_pins;

  // One in memory for all versions in a row that have the same.
  std::shared_ptr<const ZoneRules> shared_zone(ZoneRules zone) const {
    if (!rules.empty()) {
      const auto before = rules.back().find(zone.name);
      if (before != rules.back().end() && *before->second == zone) return before->second;
    }
    return std::make_shared<const ZoneRules>(std::move(zone));
  }
  void cache_pin(uint64_t number, std::optional<RulesVersion> version) {
    if (cached_pins.size() >= kMaxCachedPins) cached_pins.clear();
    cached_pins[number] = version;
  }
  std::optional<std::optional<RulesVersion>> known_pin(uint64_t number) const {
    if (auto it = pins.find(number); it != pins.end()) return std::optional(it->second);
    if (auto it = cached_pins.find(number); it != cached_pins.end()) return it->second;
    return std::nullopt;
  }
  std::unordered_set<std::string> several;  // keys
  std::map<std::string, std::string> pending;

  bool load_row(std::string_view prefix, uint32_t id, ByteReader& r);
};

// False if the row cannot be what was written. `r` stands behind the version byte.
bool Catalogue::State::load_row(std::string_view prefix, uint32_t id, ByteReader& r) {
  auto next_text = [&](NumberedTexts& numbered) {
    const std::string_view text = r.sized();
    if (!r.ok() || id != numbered.next()) return false;
    return numbered.give(text).second;
  };
  auto rest = [&] { return r.bytes(r.left()); };
  if (prefix == kTenantPrefix)
    return next_text(tenants) && read_calendars(r, calendars.emplace_back()) && r.done();
  if (prefix == kPropertyPrefix) return next_text(properties) && r.done();
  if (prefix == kDimensionPrefix) return next_text(dimensions) && r.done();
  if (prefix == kValuePrefix) return next_text(values) && r.done();
  if (prefix == kSelectorPrefix) {
    SelectorEntry entry;
    const uint8_t group = r.u8();
    entry.group = group == 1;
    entry.name = r.sized();
    if (group > 1 || !next_text(selectors) || !r.done()) return false;
    entry.identity = selectors.text(id);
    selector_entries.push_back(std::move(entry));
    return true;
  }
  if (prefix == kLayoutPrefix) {
    const std::string_view bytes = rest();
    auto layout = decode_layout(bytes);
    if (!layout.ok() || id != layouts.next() || !layouts.give(bytes).second) return false;
    layout_entries.push_back(std::move(*layout));
    return true;
  }
  if (prefix == kPlanPrefix) {
    PlanVersionEntry entry;
    entry.from_checkpoint = r.varint();
    entry.from_time_s = r.svarint();
    entry.plan = rest();
    if (!r.ok() || id != plans.size() + 1) return false;
    plans.push_back(std::move(entry));
    return true;
  }
  if (prefix == kReachedPrefix) {
    const uint64_t day = r.varint();
    if (!r.ok() || !r.done() || id < 1 || id > plans.size() || day > kEndEventTimeS / 86400)
      return false;
    plans[id - 1].reached_day = DayIndex(day);
    return true;
  }
  CHECK(prefix == kRulesPrefix);
  std::map<std::string, std::shared_ptr<const ZoneRules>> zones;
  const uint64_t count = r.varint();
  for (uint64_t i = 0; i < count && r.ok(); ++i) {
    auto zone = decode_zone(r.sized());
    if (!zone.ok()) return false;
    auto shared = shared_zone(std::move(*zone));
    if (!zones.emplace(shared->name, shared).second) return false;
  }
  if (!r.ok() || !r.done() || id != rules.size() + 1) return false;
  rules.push_back(std::move(zones));
  return true;
}

Catalogue::Catalogue() : state_(std::make_unique<State>()) {}
Catalogue::~Catalogue() = default;

Result<std::unique_ptr<Catalogue>> Catalogue::load(Snapshot& snapshot) {
  std::unique_ptr<Catalogue> catalogue(new Catalogue);
  State& state = *catalogue->state_;
  for (std::string_view prefix :
       {kTenantPrefix, kSelectorPrefix, kPropertyPrefix, kDimensionPrefix, kValuePrefix,
        kLayoutPrefix, kPlanPrefix, kReachedPrefix, kRulesPrefix}) {
    bool good = true;
    QUIPU_TRY(snapshot.scan_meta(prefix, [&](std::string_view key, std::string_view value) {
      ByteReader k(key.substr(prefix.size())), v(value);
      const uint32_t id = k.be32();
      good = k.ok() && k.done() && v.u8() == kRowVersion && state.load_row(prefix, id, v);
      return good;
    }));
    if (!good) return damaged("a row of " + std::string(prefix.substr(0, prefix.size() - 1)) + "s");
  }
  QUIPU_TRY(snapshot.scan_meta(kSeveralPrefix, [&](std::string_view key, std::string_view) {
    state.several.emplace(key);
    return true;
  }));
  return catalogue;
}

TenantId Catalogue::tenant(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto [id, fresh] = state_->tenants.give(name);
  if (fresh) {
    state_->calendars.emplace_back();
    state_->pending[id_key(kTenantPrefix, id)] = tenant_row(name, std::nullopt);
  }
  return TenantId(id);
}

SelectorId Catalogue::selector(const std::string& identity, bool group, const std::string& name) {
  std::lock_guard lock(mutex_);
  const auto [id, fresh] = state_->selectors.give(identity);
  if (fresh) {
    state_->selector_entries.push_back({group, name, identity});
    std::string& row = state_->pending[id_key(kSelectorPrefix, id)];
    ByteWriter w(row);
    w.u8(kRowVersion);
    w.u8(group ? 1 : 0);
    w.sized(name);
    w.sized(identity);
  }
  return SelectorId(id);
}

PropertyId Catalogue::property(const std::string& identity) {
  std::lock_guard lock(mutex_);
  const auto [id, fresh] = state_->properties.give(identity);
  if (fresh) state_->pending[id_key(kPropertyPrefix, id)] = text_row(identity);
  return PropertyId(id);
}

DimensionId Catalogue::dimension(const std::string& identity) {
  std::lock_guard lock(mutex_);
  const auto [id, fresh] = state_->dimensions.give(identity);
  if (fresh) state_->pending[id_key(kDimensionPrefix, id)] = text_row(identity);
  return DimensionId(id);
}

ValueId Catalogue::value(const std::string& name) {
  std::lock_guard lock(mutex_);
  const auto [id, fresh] = state_->values.give(name);
  CHECK(id <= 0xFF);
  if (fresh) state_->pending[id_key(kValuePrefix, id)] = text_row(name);
  return ValueId(id);
}

LayoutId Catalogue::layout(const SectionLayout& layout) {
  std::lock_guard lock(mutex_);
  const std::string bytes = encode_layout(layout);
  const auto [id, fresh] = state_->layouts.give(bytes);
  if (fresh) {
    state_->layout_entries.push_back(layout);
    std::string& row = state_->pending[id_key(kLayoutPrefix, id)];
    ByteWriter w(row);
    w.u8(kRowVersion);
    w.bytes(bytes);
  }
  return LayoutId(id);
}

std::optional<TenantId> Catalogue::find_tenant(std::string_view name) const {
  std::lock_guard lock(mutex_);
  auto id = state_->tenants.find(name);
  return id ? std::optional(TenantId(*id)) : std::nullopt;
}

std::optional<SelectorId> Catalogue::find_selector(const std::string& identity) const {
  std::lock_guard lock(mutex_);
  auto id = state_->selectors.find(identity);
  return id ? std::optional(SelectorId(*id)) : std::nullopt;
}

std::optional<PropertyId> Catalogue::find_property(const std::string& identity) const {
  std::lock_guard lock(mutex_);
  auto id = state_->properties.find(identity);
  return id ? std::optional(PropertyId(*id)) : std::nullopt;
}

std::optional<DimensionId> Catalogue::find_dimension(const std::string& identity) const {
  std::lock_guard lock(mutex_);
  auto id = state_->dimensions.find(identity);
  return id ? std::optional(DimensionId(*id)) : std::nullopt;
}

std::optional<ValueId> Catalogue::find_value(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto id = state_->values.find(name);
  return id ? std::optional(ValueId(*id)) : std::nullopt;
}

std::string Catalogue::tenant_name(TenantId id) const {
  std::lock_guard lock(mutex_);
  return state_->tenants.text(raw(id));
}

SelectorEntry Catalogue::selector_entry(SelectorId id) const {
  std::lock_guard lock(mutex_);
  return state_->selectors.holds(raw(id)) ? state_->selector_entries[raw(id) - 1] : SelectorEntry{};
}

std::string Catalogue::dimension_identity(DimensionId id) const {
  std::lock_guard lock(mutex_);
  return state_->dimensions.text(raw(id));
}

std::string Catalogue::property_identity(PropertyId id) const {
  std::lock_guard lock(mutex_);
  return state_->properties.text(raw(id));
}

std::string Catalogue::value_name(ValueId id) const {
  std::lock_guard lock(mutex_);
  return state_->values.text(id);
}

const SectionLayout* Catalogue::layout(LayoutId id) const {
  std::lock_guard lock(mutex_);
  return state_->layouts.holds(raw(id)) ? &state_->layout_entries[raw(id) - 1] : nullptr;
}

std::vector<std::pair<TenantId, std::string>> Catalogue::tenants() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<TenantId, std::string>> all;
  for (uint32_t id = 1; id < state_->tenants.next(); ++id)
    all.emplace_back(TenantId(id), state_->tenants.text(id));
  return all;
}

std::vector<std::pair<SelectorId, SelectorEntry>> Catalogue::selectors() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<SelectorId, SelectorEntry>> all;
  for (size_t i = 0; i < state_->selector_entries.size(); ++i) {
    all.emplace_back(SelectorId(uint32_t(i + 1)), state_->selector_entries[i]);
  }
  return all;
}

std::vector<PlanVersionEntry> Catalogue::plan_versions() const {
  std::lock_guard lock(mutex_);
  return state_->plans;
}

PlanVersion Catalogue::add_plan_version(PlanVersionEntry entry) {
  std::lock_guard lock(mutex_);
  const size_t version = state_->plans.size() + 1;
  CHECK(version <= 0xFFFF);
  std::string& row = state_->pending[id_key(kPlanPrefix, uint32_t(version))];
  ByteWriter w(row);
  w.u8(kRowVersion);
  w.varint(entry.from_checkpoint);
  w.svarint(entry.from_time_s);
  w.bytes(entry.plan);
  if (entry.reached_day > 0) {
    std::string& reached = state_->pending[id_key(kReachedPrefix, uint32_t(version))];
    ByteWriter of(reached);
    of.u8(kRowVersion);
    of.varint(entry.reached_day);
  }
  state_->plans.push_back(std::move(entry));
  return PlanVersion(version);
}

RulesVersion Catalogue::rules_versions() const {
  std::lock_guard lock(mutex_);
  return RulesVersion(state_->rules.size());
}

std::map<std::string, std::shared_ptr<const ZoneRules>> Catalogue::rules(
    RulesVersion version) const {
  std::lock_guard lock(mutex_);
  if (version < 1 || version > state_->rules.size()) return {};
  return state_->rules[version - 1];
}

RulesVersion Catalogue::add_rules_version(const std::vector<ZoneRules>& zones) {
  std::lock_guard lock(mutex_);
  const size_t version = state_->rules.size() + 1;
  CHECK(version <= 0xFFFF);
  std::map<std::string, std::shared_ptr<const ZoneRules>> by_name;
  std::string& row = state_->pending[id_key(kRulesPrefix, uint32_t(version))];
  ByteWriter w(row);
  w.u8(kRowVersion);
  w.varint(zones.size());
  for (const ZoneRules& zone : zones) {
    std::string bytes;
    encode_zone(zone, bytes);
    w.sized(bytes);
    CHECK(by_name.emplace(zone.name, state_->shared_zone(zone)).second);
  }
  state_->rules.push_back(std::move(by_name));
  return RulesVersion(version);
}

Result<std::optional<RulesVersion>> Catalogue::pin(Snapshot& snapshot, TenantId tenant,
                                                   MonthIndex month) const {
  const uint64_t number = pin_number(tenant, month);
  std::lock_guard lock(mutex_);
  if (auto known = state_->known_pin(number)) return *known;
  QUIPU_ASSIGN(auto bytes, snapshot.get_meta(pin_key(tenant, month)));
  std::optional<RulesVersion> version;
  if (!bytes.empty()) {
    ByteReader r(bytes);
    const uint8_t row_version = r.u8();
    version = r.le16();
    if (!r.ok() || !r.done() || row_version != kRowVersion || *version < 1 ||
        *version > state_->rules.size()) {
      return damaged("a pin of zone rules");
    }
  }
  state_->cache_pin(number, version);
  return version;
}

std::optional<std::optional<RulesVersion>> Catalogue::known_pin(TenantId tenant,
                                                                MonthIndex month) const {
  std::lock_guard lock(mutex_);
  return state_->known_pin(pin_number(tenant, month));
}

void Catalogue::add_pin(TenantId tenant, MonthIndex month, RulesVersion version) {
  std::lock_guard lock(mutex_);
  CHECK(version >= 1 && version <= state_->rules.size());
  const auto known = state_->known_pin(pin_number(tenant, month));
  if (known && *known) return;
  state_->pins[pin_number(tenant, month)] = version;
  std::string& row = state_->pending[pin_key(tenant, month)];
  ByteWriter w(row);
  w.u8(kRowVersion);
  w.le16(version);
}

std::optional<std::vector<Calendar>> Catalogue::fixed_calendars(TenantId tenant) const {
  std::lock_guard lock(mutex_);
  return state_->tenants.holds(raw(tenant)) ? state_->calendars[raw(tenant) - 1] : std::nullopt;
}

void Catalogue::fix_calendars(TenantId tenant, const std::vector<Calendar>& calendars) {
  std::lock_guard lock(mutex_);
  CHECK(state_->tenants.holds(raw(tenant)) && calendars.size() <= kMaxCalendars);
  auto& fixed = state_->calendars[raw(tenant) - 1];
  if (fixed) return;
  fixed = calendars;
  state_->pending[id_key(kTenantPrefix, raw(tenant))] =
      tenant_row(state_->tenants.text(raw(tenant)), fixed);
}

bool Catalogue::counted_in_several(TenantId tenant, SelectorId selector,
                                   DimensionId dimension) const {
  const std::string key = several_key(tenant, selector, dimension);
  std::lock_guard lock(mutex_);
  return state_->several.contains(key);
}

void Catalogue::add_several(const GroupByResult::Several& several) {
  std::string key = several_key(several.tenant, several.selector, several.dimension);
  std::lock_guard lock(mutex_);
  if (!state_->several.insert(key).second) return;
  state_->pending[std::move(key)] = std::string(1, char(kRowVersion));
}

std::vector<MetaPut> Catalogue::take_pending() {
  std::lock_guard lock(mutex_);
  std::vector<MetaPut> taken;
  taken.reserve(state_->pending.size());
  for (auto& [key, value] : state_->pending) taken.push_back({key, std::move(value)});
  state_->pending.clear();
  for (uint64_t number : state_->taken_pins) {
    state_->cache_pin(number, state_->pins.at(number));
    state_->pins.erase(number);
  }
  state_->taken_pins.clear();
  for (const auto& [number, version] : state_->pins) state_->taken_pins.push_back(number);
  return taken;
}

}  // namespace quipu
