#include "query/view.h"

#include <algorithm>

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
  if (!goes_on) spans.push_back({versions[v].from_checkpoint, 0, versions[v].from_time_s, 0});
  spans.back().to_checkpoint = ended ? versions[v + 1].from_checkpoint : 0;
  spans.back().to_time_s = ended ? versions[v + 1].from_time_s : 0;
}

Error two_names(const std::string& property, const std::vector<std::string>& texts) {
  return Error{"two values of " + property + " share one hash in this store (\"" +
               printable(texts[0]) + "\" and \"" + printable(texts[1]) +
               "\"), so their counts cannot be told apart; count the inputs into a new store"};
}

}  // namespace

bool Counter::since_beginning() const {
  return since.size() == 1 && since[0].from_checkpoint <= 1 && since[0].to_checkpoint == 0;
}

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
                 " tenants; name one with --tenant (such as " + some + ")"};
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

Result<std::vector<Counter>> StoreView::counters(const std::string& name) const {
  std::vector<Counter> all;
  std::vector<std::string> known;
  bool found = false;
  for (const SelectorEntry& entry : selectors()) {
    known.push_back(entry.name);
    if (entry.name != name) continue;
    found = true;
    for (Counter& c : counters_of(entry.identity, entry.group, entry.name))
      all.push_back(std::move(c));
  }
  if (!found) {
    // Planned, but never met.
    for (const Plan& plan : plans_) {
      for (const Selector& s : plan.named_selectors()) {
        known.push_back(s.name);
        if (s.name == name && all.empty())
          all = counters_of(s.identity(), s.group, s.name), found = true;
      }
    }
  }
  if (!found) {
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return Error{"no metric \"" + name + "\" was counted" +
                 did_you_mean(near_names(name, known, kNamesOffered)) + " (quipu query lists all)"};
  }
  return all;
}

Result<const MonthTable*> StoreView::table(TenantId tenant, MonthIndex month) {
  return tables_.table(tenant, tables_.calendar_set(calendars(tenant)), month);
}

Status StoreView::check_one_name(TenantId tenant, PropertyId property, uint64_t element) {
  if (element == kEmptyElement) return {};
  auto texts = snapshot_.names(tenant, property, element);
  if (!texts.ok()) return texts.error();
  if (texts->size() > 1) return two_names(catalogue_.property_identity(property), *texts);
  return {};
}

Result<std::string> StoreView::name(TenantId tenant, PropertyId property, uint64_t element) {
  if (element == kEmptyElement) return std::string();
  const auto key = std::tuple(raw(tenant), raw(property), element);
  if (auto it = names_.find(key); it != names_.end()) return it->second;
  auto texts = snapshot_.names(tenant, property, element);
  if (!texts.ok()) return texts.error();
  if (texts->size() > 1) return two_names(catalogue_.property_identity(property), *texts);
  if (texts->empty())
    return Error{
        "a counted value has no name in the store: its files are damaged; restore a backup"};
  if (name_bytes_ >= kNameBytes) {
    names_.clear();
    name_bytes_ = 0;
  }
  name_bytes_ += kBytesOfName + (*texts)[0].size();
  return names_[key] = (*texts)[0];
}

}  // namespace quipu
