#include "query/choose.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/near_names.h"
#include "plan/normalise.h"
#include "query/label.h"
#include "query/whole.h"

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
    const std::set<std::string> wanted(values.begin(), values.end());
    auto same = std::find_if(left.begin(), left.end(), [&](const Filter& f) {
      return f.kind == Filter::Kind::any_of && properties.at(f.property) == identity &&
             canonical_set(f.values) == wanted;
    });
    if (same == left.end()) return false;
    left.erase(same);
  }
  return true;
}

// A name or value as a plan would have it.
std::string plan_text(const std::string& text) {
  return text.empty() ? "\"\"" : label_of(text, ",:#[]{}&*!'%@`?\"");
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text = "[";
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + plan_text(names[i]);
  return text + "]";
}

// All properties that the question names, each once.
std::vector<std::string> asked_names(const Question& q) {
  std::vector<std::string> names = q.by;
  for (const Filter& f : q.where) {
    if (std::find(names.begin(), names.end(), f.property) == names.end())
      names.push_back(f.property);
  }
  return names;
}

std::string when_advice(const std::vector<Counter>& counters) {
  for (const Counter& c : counters) {
    if (!c.planned.when) continue;
    std::string text;
    for (const auto& [column, values] : c.plan->columns[*c.planned.when].when) {
      const Property& property = c.plan->properties[c.plan->columns[column].property];
      text += " --where " + property.name + "=";
      for (size_t i = 0; i < values.size(); ++i)
        text += (i ? "|" : "") + (values[i].empty() ? "" : label_of(values[i]));
    }
    return " (this plan counts some of it only under a condition: ask with" + text + ")";
  }
  return "";
}

// What would answer a question whose properties are all there, but whose groups do not add up.
std::string rule_advice(const Question& q) {
  std::string when;
  std::vector<std::string> by = q.by;
  for (const Filter& f : q.where) {
    if (f.kind != Filter::Kind::any_of) {
      return ": an event with several values of " + plan_text(f.property) +
             " is in the rows of all of them, so none of them tells what it has besides; ask --by "
             "for the rows, or --where " +
             plan_text(f.property) + "=VALUE for one";
    }
    if (f.values.size() > 1) {
      when += (when.empty() ? "" : ", ") + plan_text(f.property) + ": " + list_text(f.values);
    } else if (std::find(by.begin(), by.end(), f.property) == by.end()) {
      by.push_back(f.property);
    }
  }
  return "; a rule with `when: {" + when + "}` and `by: [" +
         (by.size() == 1 ? plan_text(by[0]) : list_text(by)) + "]` would count it";
}

// Whether the newest plan counts by just these properties, under no condition.
bool is_planned(const std::vector<Counter>& counters, const Properties& properties,
                const std::vector<std::string>& names) {
  std::set<std::string> asked;
  for (const std::string& name : names) asked.insert(properties.at(name));
  return std::any_of(counters.begin(), counters.end(), [&](const Counter& c) {
    std::set<std::string> has;
    for (uint16_t column : c.planned.columns) has.insert(c.plan->columns[column].identity);
    return !c.retired && !c.planned.when && has == asked;
  });
}

Error no_counter(const Question& question, const std::vector<Counter>& counters,
                 const Properties& properties, const std::string& refusal) {
  const std::vector<std::string> names = asked_names(question);
  const std::string text = "no counter of \"" + question.metric + "\" answers that exactly" +
                           (refusal.empty() ? "" : " (" + refusal + ")");
  if (is_planned(counters, properties, names)) return Error{text + rule_advice(question)};
  return Error{text + "; add " + list_text(names) + " to `by:` of its rule in the plan" +
               when_advice(counters)};
}

// The counter's elements that a question groups by and filters; none if it lacks some property.
std::optional<Choice> match_properties(StoreView& view, const Counter& counter,
                                       const Properties& properties, const Question& question,
                                       const std::vector<Filter>& where) {
  Choice choice;
  choice.counter = counter;
  for (const std::string& name : question.by) {
    auto position = position_of(counter, properties.at(name));
    if (!position) return std::nullopt;
    choice.group_positions.push_back(*position);
  }
  for (const Filter& f : where) {
    auto position = position_of(counter, properties.at(f.property));
    if (!position) return std::nullopt;
    Choice::ElementFilter filter{*position, f.kind, {}, {}};
    std::string scratch;
    if (f.kind == Filter::Kind::prefix) filter.prefixes = f.values;
    for (size_t i = 0; f.kind != Filter::Kind::prefix && i < f.values.size(); ++i)
      filter.elements.push_back(view.hasher().element(canonical_text(f.values[i], scratch)));
    choice.filters.push_back(std::move(filter));
  }
  return choice;
}

// Whether filters leave one value of the part at that position of stored values.
bool is_of_one_value(const Choice& choice, size_t position) {
  return std::any_of(
      choice.filters.begin(), choice.filters.end(), [&](const Choice::ElementFilter& f) {
        const std::set<uint64_t> distinct(f.elements.begin(), f.elements.end());
        return f.position == position && f.kind == Filter::Kind::any_of && distinct.size() == 1;
      });
}

// Whether one counter was planned whenever the other was.
bool covers(const Spans& spans, const Spans& others) {
  return std::all_of(others.begin(), others.end(), [&](const SinceSpan& other) {
    return std::any_of(spans.begin(), spans.end(), [&](const SinceSpan& s) {
      return s.from_checkpoint <= other.from_checkpoint &&
             (s.to_checkpoint == 0 ||
              (other.to_checkpoint != 0 && other.to_checkpoint <= s.to_checkpoint));
    });
  });
}

using Identities = std::set<std::string>;
Identities identities_of(const Counter& counter) {
  Identities identities;
  for (const uint16_t column : counter.planned.columns)
    identities.insert(counter.plan->columns[column].identity);
  return identities;
}
std::optional<std::string> when_of(const Counter& counter) {
  if (!counter.planned.when) return std::nullopt;
  return counter.plan->columns[*counter.planned.when].identity;
}

// Whether an event may have counted in several of the values that the filters leave. It has not
// where the parts of which they leave several values are those of another counter, which has all
// these events, and none of them in several values: then it is other parts that are lists.
bool counts_in_several(const StoreView& view, TenantId tenant, const std::vector<Counter>& counters,
                       const Choice& choice) {
  const Counter& asked = choice.counter;
  const auto several = [&](const Counter& c) {
    return view.catalogue().counted_in_several(tenant, c.selector, c.dimension);
  };
  if (asked.selector == SelectorId::none || !several(asked)) return false;
  const Identities all = identities_of(asked);
  Identities left;
  for (size_t i = 0; i < asked.planned.columns.size(); ++i) {
    if (!is_of_one_value(choice, i))
      left.insert(asked.plan->columns[asked.planned.columns[i]].identity);
  }
  if (left.empty()) return false;
  return std::none_of(counters.begin(), counters.end(), [&](const Counter& other) {
    const Identities own = identities_of(other);
    return other.selector_identity == asked.selector_identity &&
           other.dimension != DimensionId::none && when_of(other) == when_of(asked) &&
           std::includes(own.begin(), own.end(), left.begin(), left.end()) &&
           std::includes(all.begin(), all.end(), own.begin(), own.end()) &&
           covers(other.since, asked.since) && !several(other);
  });
}

// Whether the values that fall into one group add up; else why not. Filters name every part that is
// not grouped by: adding picks out values, which is exact for counts if no event counted in two of
// them. A part that is not named at all is summed away: none may be skipped.
std::string why_not_added(Choice& choice) {
  const Counter& counter = choice.counter;
  bool summed_away = false, skips = false;
  for (size_t i = 0; i < counter.planned.columns.size(); ++i) {
    const auto& grouped = choice.group_positions;
    if (std::find(grouped.begin(), grouped.end(), i) != grouped.end()) continue;
    if (is_of_one_value(choice, i)) continue;
    choice.adds_groups = true;
    summed_away = summed_away ||
                  std::none_of(choice.filters.begin(), choice.filters.end(),
                               [&](const Choice::ElementFilter& f) { return f.position == i; });
    const Column& column = counter.plan->columns[counter.planned.columns[i]];
    skips = skips || counter.plan->properties[column.property].skip_missing;
  }
  if (!choice.adds_groups) return "";
  if (choice.several)
    return "some events counted in several values of it, so its groups do not add up";
  if (summed_away && skips)
    return "a part of it skips events without the property, so its groups do not add up";
  return "";
}

// "a, b, c and 7 more"
std::string names_listed(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < names.size() && i < kNamesListed; ++i)
    text += (i ? ", " : "") + label_of(names[i], ",");
  if (names.size() > kNamesListed)
    text += " and " + std::to_string(names.size() - kNamesListed) + " more";
  return text;
}

Status check_names(const Question& question, const Properties& properties) {
  std::vector<std::string> asked = question.by;
  for (const Filter& f : question.where) asked.push_back(f.property);
  for (const std::string& name : asked) {
    if (properties.count(name)) continue;
    std::vector<std::string> known;
    for (const auto& [property, identity] : properties) known.push_back(property);
    return Error{"the plan has no property \"" + name + "\"" +
                 did_you_mean(near_names(name, known, kNamesOffered)) + "; it has " +
                 names_listed(known)};
  }
  const std::set<std::string> distinct(question.by.begin(), question.by.end());
  if (distinct.size() < question.by.size()) return Error{"--by names a property twice"};
  return {};
}

// A text that was read as something else may be a value that was copied from an answer.
Status check_written(StoreView& view, TenantId tenant, const Properties& properties,
                     const Filter& f) {
  if (!f.written || f.kind == Filter::Kind::prefix) return {};
  auto property = view.catalogue().find_property(properties.at(f.property));
  if (!property) return {};
  std::string scratch;
  const uint64_t element = view.hasher().element(canonical_text(*f.written, scratch));
  QUIPU_ASSIGN(auto texts, view.snapshot().names(tenant, *property, element));
  if (texts.empty()) return {};
  const std::string sign = f.property + (f.kind == Filter::Kind::none_of ? "!=" : "=");
  std::string other;
  for (const std::string& value : f.values)
    other += (other.empty() ? "" : "|") + quoted_label(value);
  return Error{"--where " + sign + *f.written +
               " has two meanings here: for the one value that was counted write " + sign +
               quoted_label(*f.written) + ", for what it is otherwise " + sign + other};
}

}  // namespace

Result<std::vector<Choice>> fitting_counters(StoreView& view, TenantId tenant,
                                             const Question& question) {
  QUIPU_ASSIGN(auto counters, view.counters(question.metric, question.named));
  const Properties properties = properties_of(view);
  QUIPU_TRY(check_names(question, properties));
  for (const Filter& f : question.where) QUIPU_TRY(check_written(view, tenant, properties, f));

  std::vector<Choice> fitting;
  std::string refusal;
  for (const Counter& counter : counters) {
    std::vector<Filter> left;
    if (!match_when(counter, properties, question.where, left)) continue;
    auto choice = match_properties(view, counter, properties, question, left);
    if (!choice) continue;
    choice->several = counts_in_several(view, tenant, counters, *choice);
    if (std::string why = why_not_added(*choice); !why.empty()) {
      refusal = std::move(why);
    } else {
      fitting.push_back(std::move(*choice));
    }
  }
  if (fitting.empty()) return no_counter(question, counters, properties, refusal);
  const auto worth = [](const Choice& c) {
    return std::tuple(!c.counter.retired, !c.adds_groups, c.counter.planned.unique,
                      -int(c.counter.planned.columns.size()));
  };
  std::stable_sort(fitting.begin(), fitting.end(),
                   [&](const Choice& a, const Choice& b) { return worth(a) > worth(b); });
  return fitting;
}

Result<std::vector<std::string>> property_names(const StoreView& view,
                                                const std::vector<std::string>& texts) {
  const Properties properties = properties_of(view);
  std::vector<std::string> names;
  for (const std::string& text : texts) {
    std::vector<std::string> parts(1);
    for (size_t i = 0; i < text.size(); ++i) {
      const bool escape =
          text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\');
      if (text[i] == ',') {
        parts.emplace_back();
      } else {
        parts.back() += escape ? text[++i] : text[i];
      }
    }
    const bool is_name = properties.count(text);
    const bool are_names = std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return properties.count(part);
    });
    if (is_name && are_names && parts != std::vector<std::string>{text}) {
      std::string one;
      for (char c : text) one += (c == ',' || c == '\\' ? "\\" : "") + std::string(1, c);
      std::string several;
      for (const std::string& part : parts) several += " --by " + part;
      return Error{"--by " + text + " has two meanings here: write --by '" + one +
                   "' for the one property, or" + several};
    }
    if (is_name) parts = {text};
    names.insert(names.end(), parts.begin(), parts.end());
  }
  return names;
}

}  // namespace quipu
