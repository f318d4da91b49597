#include "query/choose.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/near_names.h"
#include "plan/normalise.h"

namespace quipu {
namespace {

// Names of properties -> their columns' identities, as the newest plan that has the name means it.
using Properties = std::map<std::string, std::string>;
Properties properties_of(const StoreView& view) {
  Properties known;
  for (const Plan& plan : view.plans()) {
    for (const Property& p : plan.properties) known[p.name] = plan.columns[p.column].identity;
  }
  return known;
}

// Position of a property's element in the counter's stored values.
std::optional<size_t> position_of(const Counter& counter, const std::string& identity) {
  for (size_t i = 0; i < counter.planned.columns.size(); ++i) {
    if (counter.plan->columns[counter.planned.columns[i]].identity == identity) return i;
  }
  return std::nullopt;
}

std::set<std::string> canonical_set(const std::vector<std::string>& texts) {
  std::set<std::string> set;
  std::string scratch;
  for (const std::string& t : texts) set.insert(std::string(canonical_text(t, scratch)));
  return set;
}

// Whether the counter's `when` says exactly what some of the question's filters say. Those filters
// are then answered by it; `left` gets the others.
bool match_when(const Counter& counter, const Properties& properties,
                const std::vector<Filter>& where, std::vector<Filter>& left) {
  left = where;
  if (!counter.planned.when) return true;
  for (const auto& [column, values] : counter.plan->columns[*counter.planned.when].when) {
    const std::string& identity = counter.plan->columns[column].identity;
    auto same = std::find_if(left.begin(), left.end(), [&](const Filter& f) {
      return f.kind == Filter::Kind::any_of && properties.at(f.property) == identity &&
             canonical_set(f.values) == std::set<std::string>(values.begin(), values.end());
    });
    if (same == left.end()) return false;
    left.erase(same);
  }
  return true;
}

std::string counter_text(const Question& q) {
  std::vector<std::string> names = q.by;
  for (const Filter& f : q.where) {
    if (std::find(names.begin(), names.end(), f.property) == names.end())
      names.push_back(f.property);
  }
  std::string text = "[";
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i];
  return text + "]";
}

std::string when_advice(const std::vector<Counter>& counters) {
  for (const Counter& c : counters) {
    if (!c.planned.when) continue;
    std::string text;
    for (const auto& [column, values] : c.plan->columns[*c.planned.when].when) {
      const Property& property = c.plan->properties[c.plan->columns[column].property];
      text += " --where " + property.name + "=";
      for (size_t i = 0; i < values.size(); ++i) text += (i ? "|" : "") + values[i];
    }
    return " (this plan counts some of it only under a condition: ask with" + text + ")";
  }
  return "";
}

}  // namespace

Result<Choice> choose_counter(StoreView& view, TenantId tenant, const Question& question) {
  auto counters = view.counters(question.metric);
  if (!counters.ok()) return counters.error();
  const Properties properties = properties_of(view);
  std::vector<std::string> asked = question.by;
  for (const Filter& f : question.where) asked.push_back(f.property);
  for (const std::string& name : asked) {
    if (properties.count(name)) continue;
    std::vector<std::string> known;
    for (const auto& [property, identity] : properties) known.push_back(property);
    return Error{"the plan has no property \"" + name + "\"" +
                 did_you_mean(near_names(name, known, kNamesOffered))};
  }

  std::optional<Choice> best;
  std::string refusal;
  for (const Counter& counter : *counters) {
    std::vector<Filter> left;
    if (!match_when(counter, properties, question.where, left)) continue;
    Choice choice;
    choice.counter = counter;
    std::set<size_t> grouped, filtered_to_one;
    bool fits = true;
    for (const std::string& name : question.by) {
      auto position = position_of(counter, properties.at(name));
      fits = fits && position;
      if (position) choice.group_positions.push_back(*position), grouped.insert(*position);
    }
    for (const Filter& f : left) {
      auto position = position_of(counter, properties.at(f.property));
      fits = fits && position;
      if (!position) continue;
      Choice::ElementFilter filter{*position, f.kind, {}};
      std::string scratch;
      for (const std::string& value : f.values)
        filter.elements.push_back(view.hasher().element(canonical_text(value, scratch)));
      if (f.kind == Filter::Kind::any_of && canonical_set(f.values).size() == 1)
        filtered_to_one.insert(*position);
      choice.filters.push_back(std::move(filter));
    }
    if (!fits) continue;
    bool skips = false;
    for (size_t i = 0; i < counter.planned.columns.size(); ++i) {
      if (grouped.count(i) || filtered_to_one.count(i)) continue;
      choice.adds_groups = true;
      skips = skips ||
              counter.plan->properties[counter.plan->columns[counter.planned.columns[i]].property]
                  .skip_missing;
    }
    if (choice.adds_groups) {
      // Filters name every part that is not grouped by: adding picks out values, which is exact for
      // counts if no event counted in two of them. A part that is not named at all is summed away:
      // none may be skipped.
      bool summed_away = false;
      for (size_t i = 0; i < counter.planned.columns.size(); ++i) {
        const bool named =
            grouped.count(i) || std::any_of(choice.filters.begin(), choice.filters.end(),
                                            [&](const auto& f) { return f.position == i; });
        summed_away = summed_away || !named;
      }
      if (counter.selector != SelectorId::none &&
          view.catalogue().counted_in_several(tenant, counter.selector, counter.dimension)) {
        refusal = "some events counted in several values of it, so its groups do not add up";
        continue;
      }
      if (summed_away && skips) {
        refusal = "a part of it skips events without the property, so its groups do not add up";
        continue;
      }
    }
    // A retired counter has no answer for today: it is asked only if no other is left.
    const auto worth = [](const Choice& c) {
      return std::tuple(!c.counter.retired, !c.adds_groups, c.counter.planned.unique,
                        -int(c.counter.planned.columns.size()));
    };
    if (!best || worth(choice) > worth(*best)) best = std::move(choice);
  }
  if (best) return *best;
  return Error{"no counter of \"" + question.metric + "\" answers that exactly" +
               (refusal.empty() ? "" : " (" + refusal + ")") + "; add " + counter_text(question) +
               " to `by:` of its rule in the plan" + when_advice(*counters)};
}

}  // namespace quipu
