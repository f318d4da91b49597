#include "query/view.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/near_names.h"
#include "base/printable.h"

namespace quipu {
namespace {

// Adds version v's span to `spans`, joined to the one before it if it follows without a gap.
void add_span(std::vector<SinceSpan>& spans, const std::vector<PlanVersionEntry>& versions,
              size_t v) {
  const bool ended = v + 1 < versions.size();
  // Wall times may be equal, or go back; checkpoints do not.
  const bool goes_on = !spans.empty() && spans.back().to_checkpoint == versions[v].from_checkpoint;
  if (!goes_on) {
    spans.push_back({versions[v].from_checkpoint, 0, versions[v].from_time_s, 0,
                     int64_t(versions[v].reached_day) * 86400});
  }
  spans.back().to_checkpoint = ended ? versions[v + 1].from_checkpoint : 0;
  spans.back().to_time_s = ended ? versions[v + 1].from_time_s : 0;
}

Error two_names(const std::string& property, const std::vector<std::string>& texts) {
  return Error{"two values of " + property + " share one hash in this store (\"" +
               printable(texts[0]) + "\" and \"" + printable(texts[1]) +
               "\"), so their counts cannot be told apart; count the inputs into a new store"};
}

Error no_name() {
  return Error{"a counted value has no name in the store: its files are damaged; restore a backup"};
}

}  // namespace

Result<std::unique_ptr<StoreView>> StoreView::open(const Catalogue& catalogue, Snapshot& snapshot,
                                                   const Hasher& hasher) {
  std::unique_ptr<StoreView> view(new StoreView(catalogue, snapshot, hasher));
  view->versions_ = catalogue.plan_versions();
  // A plan version that no checkpoint has yet made part of the store is not part of this snapshot.
  while (view->versions_.size() > 1 &&
         view->versions_.back().from_checkpoint > snapshot.state().checkpoint)
    view->versions_.pop_back();
  if (view->versions_.empty() || snapshot.state().checkpoint == 0) {
    return Error{
        "nothing has been counted into this store yet; count something with: quipu run PLAN INPUT"};
  }
  for (const PlanVersionEntry& entry : view->versions_) {
    auto plan = Plan::deserialise(entry.plan);
    if (!plan.ok()) return Error{"the store's plan cannot be read: " + plan.error().message};
    view->plans_.push_back(std::move(*plan));
  }
  for (auto& [id, name] : catalogue.tenants()) {
    auto calendars = catalogue.fixed_calendars(id);
    if (!calendars) continue;
    view->tenants_.emplace_back(id, name);
    view->calendars_[id] = std::move(*calendars);
  }
  std::sort(view->tenants_.begin(), view->tenants_.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return view;
}

Result<TenantId> StoreView::tenant(const std::optional<std::string>& name) const {
  if (!name) {
    if (tenants_.size() == 1) return tenants_[0].first;
    if (tenants_.empty()) return Error{"no event has been counted in this store yet"};
    std::string some;
    for (size_t i = 0; i < tenants_.size() && i < 5; ++i)
      some += (i ? ", " : "") + printable(tenants_[i].second);
    return Error{"this store has " + std::to_string(tenants_.size()) +
                 " tenants; name one with --tenant (such as " + some +
                 "), or ask with --tenants for each of them"};
  }
  for (const auto& [id, tenant] : tenants_) {
    if (tenant == *name) return id;
  }
  std::vector<std::string> known;
  for (const auto& [id, tenant] : tenants_) known.push_back(tenant);
  return Error{"no tenant \"" + *name + "\" in this store" +
               did_you_mean(near_names(*name, known, kNamesOffered))};
}

const std::vector<Calendar>& StoreView::calendars(TenantId tenant) const {
  return calendars_.at(tenant);
}

Result<int> StoreView::calendar(TenantId tenant, const std::optional<std::string>& name) const {
  if (!name) return 0;
  const std::vector<Calendar>& all = calendars(tenant);
  for (size_t c = 0; c < all.size(); ++c) {
    if (all[c].name == *name) return int(c);
  }
  std::string known;
  for (const Calendar& c : all) known += (known.empty() ? "" : ", ") + c.name;
  return Error{"no calendar \"" + *name + "\"; this tenant has " + known};
}

std::vector<SelectorEntry> StoreView::selectors() const {
  std::vector<SelectorEntry> entries;
  for (auto& [id, entry] : catalogue_.selectors()) entries.push_back(std::move(entry));
  std::sort(entries.begin(), entries.end(), [](const SelectorEntry& a, const SelectorEntry& b) {
    return std::tie(a.group, a.name, a.identity) < std::tie(b.group, b.name, b.identity);
  });
  return entries;
}

std::vector<Counter> StoreView::counters_of(const std::string& selector_identity, bool group,
                                            const std::string& name) const {
  std::vector<Counter> counters;
  for (size_t v = 0; v < plans_.size(); ++v) {
    const Plan& plan = plans_[v];
    // A group's section is found through any of its members.
    std::string metric = name;
    if (group) {
      metric.clear();
      for (const Selector& s : plan.named_selectors()) {
        if (s.group && s.identity() == selector_identity)
          metric = s.all_metrics ? std::string("*") : s.members.front();
      }
      if (metric.empty()) continue;
    }
    for (const PlannedSection& section : plan.sections_of(metric)) {
      if (section.selector.identity() != selector_identity) continue;
      for (const PlannedDimension& dimension : section.dimensions) {
        auto counter = std::find_if(counters.begin(), counters.end(), [&](const Counter& c) {
          return c.planned.identity == dimension.identity;
        });
        if (counter == counters.end()) counter = counters.insert(counters.end(), Counter{});
        counter->selector_identity = selector_identity;
        counter->group = group;
        counter->selector_name = name;
        counter->selector = catalogue_.find_selector(selector_identity).value_or(SelectorId::none);
        counter->planned = dimension;
        counter->plan = &plan;
        counter->dimension =
            catalogue_.find_dimension(dimension.identity).value_or(DimensionId::none);
        counter->names.clear();
        for (uint16_t p : dimension.properties) counter->names.push_back(plan.properties[p].name);
        counter->retired = v + 1 < plans_.size();
        add_span(counter->since, versions_, v);
        if (dimension.unique) add_span(counter->unique_since, versions_, v);
        if (dimension.lifetime) add_span(counter->lifetime_since, versions_, v);
        for (size_t i = 0; i < plan.values.size(); ++i) {
          if (!(dimension.sums >> i & 1)) continue;
          auto sum = std::find_if(counter->sums_since.begin(), counter->sums_since.end(),
                                  [&](const auto& s) { return s.first == plan.values[i].name; });
          if (sum == counter->sums_since.end())
            sum = counter->sums_since.insert(counter->sums_since.end(), {plan.values[i].name, {}});
          add_span(sum->second, versions_, v);
        }
      }
    }
  }
  return counters;
}

std::vector<SelectorEntry> StoreView::known_selectors() const {
  std::vector<SelectorEntry> known = selectors();
  std::set<std::string> identities;
  for (const SelectorEntry& entry : known) identities.insert(entry.identity);
  for (const Plan& plan : plans_) {
    for (const Selector& s : plan.named_selectors()) {
      if (identities.insert(s.identity()).second) known.push_back({s.group, s.name, s.identity()});
    }
  }
  return known;
}

Result<std::vector<Counter>> StoreView::counters(const std::string& name, NameKind kind) const {
  std::vector<std::string> names;
  std::vector<SelectorEntry> meant[2];  // metrics, groups
  for (SelectorEntry& entry : known_selectors()) {
    if (kind != NameKind::either && entry.group != (kind == NameKind::group)) continue;
    names.push_back(entry.name);
    if (entry.name == name) meant[entry.group].push_back(std::move(entry));
  }
  if (!meant[0].empty() && !meant[1].empty()) {
    const std::vector<Selector> first = plans_.front().named_selectors();
    const bool group_from_the_first = std::any_of(
        first.begin(), first.end(), [&](const Selector& s) { return s.group && s.name == name; });
    if (!group_from_the_first) {
      return Error{"\"" + name +
                   "\" is a metric and the name of a `together` group: ask for one of " +
                   "them, --metric \"" + name + "\" or --group \"" + name + "\""};
    }
    meant[0].clear();
  }
  if (meant[0].empty() && meant[1].empty()) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return Error{std::string(kind == NameKind::group ? "no `together` group" : "no metric") +
                 " \"" + name + "\" was counted" +
                 did_you_mean(near_names(name, names, kNamesOffered)) + " (quipu query lists all)"};
  }
  std::vector<Counter> all;
  for (const auto& entries : meant) {
    for (const SelectorEntry& entry : entries) {
      for (Counter& c : counters_of(entry.identity, entry.group, entry.name))
        all.push_back(std::move(c));
    }
  }
  return all;
}

Result<std::shared_ptr<const MonthTable>> StoreView::table(TenantId tenant, MonthIndex month) {
  return tables_.table(tenant, set_of(tenant), month);
}

uint32_t StoreView::set_of(TenantId tenant) {
  auto [set, fresh] = sets_.try_emplace(tenant, 0);
  if (fresh) set->second = tables_.calendar_set(calendars(tenant));
  return set->second;
}

Result<std::shared_ptr<const ZoneRules>> StoreView::zone(TenantId tenant, int calendar,
                                                         MonthIndex month) {
  QUIPU_ASSIGN(auto version, tables_.rules_version(tenant, set_of(tenant), month));
  return tables_.zone(version, calendars(tenant)[size_t(calendar)].zone);
}

Status StoreView::check_one_name(TenantId tenant, PropertyId property, uint64_t element) {
  if (element == kEmptyElement) return {};
  QUIPU_ASSIGN(auto texts, snapshot_.names(tenant, property, element));
  if (texts.size() > 1) return two_names(catalogue_.property_identity(property), texts);
  return {};
}

Result<std::string> StoreView::name(TenantId tenant, PropertyId property, uint64_t element) {
  if (element == kEmptyElement) return std::string();
  const auto key = std::tuple(raw(tenant), raw(property), element);
  if (auto it = names_.find(key); it != names_.end()) return it->second;
  QUIPU_TRY(spend(0));
  QUIPU_ASSIGN(auto texts, snapshot_.names(tenant, property, element));
  if (texts.size() > 1) return two_names(catalogue_.property_identity(property), texts);
  if (texts.empty()) return no_name();
  remember(tenant, property, element, texts[0]);
  return texts[0];
}

void StoreView::remember(TenantId tenant, PropertyId property, uint64_t element,
                         const std::string& text) {
  if (name_bytes_ >= kNameBytes) {
    names_.clear();
    name_bytes_ = 0;
  }
  const auto [name, fresh] = names_.try_emplace({raw(tenant), raw(property), element}, text);
  if (fresh) name_bytes_ += kBytesOfName + text.size();
}

Result<std::vector<std::string>> StoreView::names(TenantId tenant, PropertyId property,
                                                  std::span<const uint64_t> elements) {
  std::vector<std::string> texts(elements.size());
  std::vector<std::pair<uint64_t, size_t>> asked;  // element, its place
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] == kEmptyElement) continue;
    const auto known = names_.find({raw(tenant), raw(property), elements[i]});
    if (known != names_.end())
      texts[i] = known->second;
    else
      asked.emplace_back(elements[i], i);
  }
  std::sort(asked.begin(), asked.end());
  std::vector<uint64_t> rising;
  for (const auto& [element, place] : asked) {
    if (rising.empty() || rising.back() != element) rising.push_back(element);
  }
  QUIPU_TRY(spend(0));
  std::vector<std::optional<std::string>> found(rising.size());
  Status status;
  QUIPU_TRY(snapshot_.names_of(tenant, property, rising, [&](size_t i, std::string_view text) {
    if (!found[i])
      found[i] = text;
    else if (*found[i] != text)
      status = two_names(catalogue_.property_identity(property), {*found[i], std::string(text)});
  }));
  QUIPU_TRY(status);
  for (size_t i = 0; i < rising.size(); ++i) {
    if (!found[i]) return no_name();
    if (rising.size() <= kManyNames) remember(tenant, property, rising[i], *found[i]);
  }
  for (size_t a = 0, i = 0; a < asked.size(); ++a) {
    while (rising[i] != asked[a].first) ++i;
    texts[asked[a].second] = *found[i];
  }
  return texts;
}

Status StoreView::name_ahead(TenantId tenant, PropertyId property, std::vector<uint64_t> elements) {
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  QUIPU_ASSIGN(const auto texts, names(tenant, property, elements));
  for (size_t i = 0; i < elements.size() && elements.size() > kManyNames; ++i) {
    if (elements[i] != kEmptyElement) remember(tenant, property, elements[i], texts[i]);
  }
  return {};
}

Status StoreView::check_one_names(TenantId tenant, PropertyId property,
                                  std::span<const uint64_t> elements) {
  std::vector<uint64_t> first(elements.size());  // hashes of the texts met first
  std::optional<uint64_t> twice;
  QUIPU_TRY(spend(0));
  QUIPU_TRY(snapshot_.names_of(tenant, property, elements, [&](size_t i, std::string_view text) {
    const uint64_t hash = std::hash<std::string_view>()(text) | 1;
    if (first[i] == 0) first[i] = hash;
    if (first[i] != hash) twice = elements[i];
  }));
  return twice ? check_one_name(tenant, property, *twice) : Status();
}

}  // namespace quipu
