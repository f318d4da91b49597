// Random plans, written as YAML in many ways, against a model of maps and sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "plan/plan.h"

namespace quipu {
namespace {

using Names = std::vector<std::string>;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int n) { return int(engine_() % unsigned(n)); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  void shuffle(std::vector<T>& v) {
    for (size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[size_t(below(int(i)))]);
  }

 private:
  std::mt19937 engine_;
};

const Names kMetrics = {"a", "b", "95", "Opened Email"};
const Names kValues = {"revenue", "units"};

// A plan as a test thinks of it. Names of properties are apart from their definitions.
struct Model {
  struct Rule {
    bool all = false;
    std::set<std::string> metrics;
    std::string together;
    std::map<int, std::set<std::string>> when;  // property -> values
    std::vector<std::vector<int>> lists;        // of properties
    bool combinations = false;                  // of lists[0], up to 2
    bool unique = true, lifetime = false;
    std::set<int> sums;
  };
  Names names;                   // of properties
  std::vector<int> definitions;  // of properties: numbers; two names may have one
  std::vector<Rule> rules;

  std::vector<std::vector<int>> expanded(const Rule& rule) const {
    if (!rule.combinations) return rule.lists;
    std::vector<std::vector<int>> out;
    const std::vector<int>& of = rule.lists[0];
    for (int p : of) out.push_back({p});
    for (size_t i = 0; i < of.size(); ++i) {
      for (size_t k = i + 1; k < of.size(); ++k) out.push_back({of[i], of[k]});
    }
    return out;
  }

  // What a metric counts: selector -> dimension (when, definitions) -> flags. `with_names`: and how
  // it is shown.
  std::map<std::string, std::map<std::string, std::string>> counts(const std::string& metric,
                                                                   bool with_names) const {
    struct Flags {
      std::set<int> sums;
      bool unique = false, lifetime = false;
      std::string names;
    };
    std::map<std::string, std::map<std::string, Flags>> all;
    for (const Rule& rule : rules) {
      if (!rule.all && !rule.metrics.count(metric)) continue;
      std::string selector = "metric " + metric;
      if (!rule.together.empty()) {
        selector = "together " + rule.together + (rule.all ? " *" : "");
        for (const std::string& m : rule.metrics) selector += "|" + m;
      }
      for (const std::vector<int>& list : expanded(rule)) {
        std::map<int, std::set<std::string>> when;
        for (const auto& [p, values] : rule.when) when[definitions[size_t(p)]] = values;
        std::set<int> of;
        std::string key, shown;
        for (int p : list) of.insert(definitions[size_t(p)]), shown += names[size_t(p)] + ",";
        for (const auto& [d, values] : when) {
          key += "if" + std::to_string(d);
          for (const std::string& v : values) key += "=" + v;
        }
        for (int d : of) key += " by" + std::to_string(d);
        auto [place, fresh] = all[selector].try_emplace(key);
        Flags& flags = place->second;
        if (fresh) flags.names = shown;
        flags.sums.insert(rule.sums.begin(), rule.sums.end());
        flags.unique |= rule.unique;
        flags.lifetime |= rule.lifetime;
      }
    }
    std::map<std::string, std::map<std::string, std::string>> out;
    for (const auto& [selector, dimensions] : all) {
      for (const auto& [key, flags] : dimensions) {
        std::string text = std::string(flags.unique ? "u" : "") + (flags.lifetime ? "l" : "");
        for (int s : flags.sums) text += kValues[size_t(s)] + ";";
        out[selector][key] = text + (with_names ? flags.names : "");
      }
    }
    return out;
  }

  // Equal for plans that read, count and name alike.
  std::string meaning() const {
    std::map<std::string, int> defined;
    for (size_t p = 0; p < names.size(); ++p) defined[names[p]] = definitions[p];
    std::string out;
    for (const auto& [name, definition] : defined)
      out += name + ":" + std::to_string(definition) + "\n";
    Names metrics = kMetrics;
    metrics.push_back("some other");
    for (const std::string& metric : metrics) {
      out += metric + "\n";
      for (const auto& [selector, dimensions] : counts(metric, true)) {
        for (const auto& [key, flags] : dimensions)
          out += selector + " / " + key + " / " + flags + "\n";
      }
    }
    return out;
  }
};

std::string definition_yaml(int definition) {
  static const char* const kForms[] = {"/p%", "{at: /p%, missing: skip}", "{present: /p%}",
                                       "\"/items/*/p%\"", "{at: \"/p%\"}"};
  // Numbers 0..4 have different meanings but for 4, which is 0 written in another way.
  std::string text = kForms[definition % 5];
  return text.replace(text.find('%'), 1, std::to_string(definition / 5));
}

Model random_model(Random& random, bool twins) {
  Model m;
  const int count = 1 + random.below(5);
  std::set<int> taken;
  for (int p = 0; p < count; ++p) {
    m.names.push_back("p" + std::to_string(p) + (random.chance(20) ? " with blank" : ""));
    int definition = random.below(5) * 5 + random.below(4);
    while (!twins && taken.count(definition)) definition = random.below(5) * 5 + random.below(4);
    if (twins && p > 0 && random.chance(25)) definition = m.definitions[0];
    taken.insert(definition);
    m.definitions.push_back(definition);
  }
  // Lists of names whose definitions differ.
  auto draw_list = [&](int most) {
    std::vector<int> order(m.names.size()), list;
    for (size_t i = 0; i < order.size(); ++i) order[i] = int(i);
    random.shuffle(order);
    std::set<int> defs;
    for (int p : order) {
      if (int(list.size()) < most && defs.insert(m.definitions[size_t(p)]).second)
        list.push_back(p);
    }
    if (!twins) std::sort(list.begin(), list.end());
    return list;
  };
  for (int r = 1 + random.below(4); r > 0; --r) {
    Model::Rule rule;
    rule.all = random.chance(30);
    while (!rule.all && rule.metrics.empty()) {
      for (const std::string& metric : kMetrics) {
        if (random.chance(30)) rule.metrics.insert(metric);
      }
    }
    if (random.chance(25)) {
      rule.together = rule.all ? "Everything" : "Pair";
      if (!rule.all) rule.metrics = {"a", "95"};
    }
    if (random.chance(30)) {
      for (int p : draw_list(1 + random.below(2))) {
        const bool present = m.definitions[size_t(p)] % 5 == 2;
        for (int v = 1 + random.below(2); v > 0; --v)
          rule.when[p].insert(present             ? (v == 1 ? "true" : "false")
                              : random.chance(20) ? ""
                                                  : std::to_string(random.below(3)));
      }
    }
    if (random.chance(25)) {
      rule.combinations = true;
      rule.lists.push_back(draw_list(1 + random.below(4)));
    } else {
      for (int n = 1 + random.below(3); n > 0; --n)
        rule.lists.push_back(draw_list(random.below(4)));
    }
    rule.unique = random.chance(70);
    rule.lifetime = random.chance(30);
    for (int v = 0; v < int(kValues.size()); ++v) {
      if (random.chance(30)) rule.sums.insert(v);
    }
    m.rules.push_back(rule);
  }
  return m;
}

// ---- writing a model as YAML, in ways that do not matter ----

std::string text_yaml(Random& random, const std::string& text) {
  const bool plain = !text.empty() && text != "*";
  switch (random.below(plain ? 3 : 2)) {
    case 0:
      return "\"" + text + "\"";
    case 1:
      return "'" + text + "'";
    default:
      return text;
  }
}

std::string spelled(Random& random, const std::string& text) {
  if (text == "95") return Names{"95", "95.0", "'95.00'", "\"95\""}[size_t(random.below(4))];
  if (text == "1") return Names{"1", "1.0", "'1.00'"}[size_t(random.below(3))];
  return text_yaml(random, text);
}

std::string list_yaml(Random& random, const Names& items, const std::string& indent) {
  if (items.empty() || indent.empty() || random.chance(50)) {
    std::string out;
    for (const std::string& item : items)
      out += (out.empty() ? "" : random.chance(20) ? ",\n         " : ", ") + item;
    return "[" + out + (!items.empty() && random.chance(10) ? ",]" : "]");
  }
  std::string out;
  for (const std::string& item : items)
    out += "\n" + indent + "- " + item + (random.chance(10) ? " # why" : "");
  return out;
}

std::string map_yaml(Random& random, std::vector<std::pair<std::string, std::string>> items,
                     bool flow, const std::string& indent) {
  random.shuffle(items);
  std::string out;
  for (const auto& [key, value] : items) {
    if (flow)
      out += (out.empty() ? "" : ", ") + key + ": " + value;
    else
      out += "\n" + indent + key + ": " + value;
  }
  return flow ? "{" + out + "}" : out;
}

std::string property_names(Random& random, const Model& m, const std::vector<int>& list) {
  Names out;
  for (int p : list) out.push_back(text_yaml(random, m.names[size_t(p)]));
  return list_yaml(random, out, "");
}

std::string yaml_of(Random& random, const Model& m) {
  std::vector<std::pair<std::string, std::string>> root, properties;
  const bool deep = random.chance(50);
  root.emplace_back("quipu", "1");
  root.emplace_back(
      "event",
      map_yaml(random,
               {{"tenant", random.chance(50) ? "/t" : "{first: [/t]}"},
                {"metric", "/m"},
                {"time", random.chance(50)   ? "/at"
                         : random.chance(50) ? "{at: /at}"
                                             : "{first: [/at]}"},
                {"profile", "{first: [/u, /v], trim: yes}"},
                {"values", map_yaml(random, {{"revenue", "/r"}, {"units", "/n"}}, true, "")}},
               deep, "  "));
  for (size_t p = 0; p < m.names.size(); ++p) {
    const int definition = m.definitions[p];
    properties.emplace_back(
        text_yaml(random, m.names[p]),
        definition_yaml(definition % 5 == 0 && random.chance(50) ? definition + 4 : definition));
  }
  root.emplace_back("properties", map_yaml(random, properties, deep, "  "));
  if (random.chance(50)) root.emplace_back("calendars", "{default: [{zone: UTC}]}");
  if (random.chance(30)) root.emplace_back("input", "{format: json}");
  Names rules;
  for (const Model::Rule& rule : m.rules) {
    std::vector<std::pair<std::string, std::string>> keys;
    Names metrics, lists, sums;
    for (const std::string& metric : rule.metrics) metrics.push_back(spelled(random, metric));
    if (!metrics.empty() && random.chance(20)) metrics.push_back(metrics[0]);
    random.shuffle(metrics);
    keys.emplace_back("metrics",
                      rule.all ? text_yaml(random, "*") : list_yaml(random, metrics, ""));
    if (!rule.together.empty()) keys.emplace_back("together", text_yaml(random, rule.together));
    std::vector<std::pair<std::string, std::string>> when;
    for (const auto& [p, values] : rule.when) {
      Names texts;
      for (const std::string& v : values) texts.push_back(spelled(random, v));
      random.shuffle(texts);
      when.emplace_back(text_yaml(random, m.names[size_t(p)]), list_yaml(random, texts, ""));
    }
    if (!when.empty()) keys.emplace_back("when", map_yaml(random, when, true, ""));
    for (const std::vector<int>& list : rule.lists) {
      lists.push_back(list.size() == 1 && random.chance(50)
                          ? text_yaml(random, m.names[size_t(list[0])])
                          : property_names(random, m, list));
    }
    if (rule.combinations)
      keys.emplace_back(
          "combinations",
          map_yaml(random, {{"of", property_names(random, m, rule.lists[0])}, {"up_to", "2"}}, true,
                   ""));
    else
      keys.emplace_back("by", list_yaml(random, lists, ""));
    if (!rule.unique || random.chance(20))
      keys.emplace_back("unique",
                        rule.unique ? "yes" : Names{"no", "false", "Off"}[size_t(random.below(3))]);
    if (rule.lifetime || random.chance(20))
      keys.emplace_back("lifetime", rule.lifetime ? "true" : "no");
    for (int s : rule.sums) sums.push_back(text_yaml(random, kValues[size_t(s)]));
    random.shuffle(sums);
    if (!sums.empty()) keys.emplace_back("sum", list_yaml(random, sums, ""));
    rules.push_back(map_yaml(random, keys, true, ""));
  }
  root.emplace_back("count", list_yaml(random, rules, "  "));
  return (random.chance(30) ? "# a plan\n" : "") + map_yaml(random, root, false, "").substr(1) +
         "\n";
}

Plan parsed(const std::string& text) {
  auto plan = Plan::parse(text, "p.yaml", "");
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message) << "\n" << text;
  return plan.ok() ? *plan : Plan();
}

// ---- what the plan says, in the model's words ----

std::map<std::string, std::map<std::string, std::string>> counts(const Model& m, const Plan& plan,
                                                                 const std::string& metric) {
  std::map<uint16_t, int> definition_of;  // by column
  for (const Property& p : plan.properties) {
    const auto at = std::find(m.names.begin(), m.names.end(), p.name);
    if (at == m.names.end()) {
      ADD_FAILURE() << "a property that was not written: " << p.name;
      continue;
    }
    definition_of[p.column] = m.definitions[size_t(at - m.names.begin())];
  }
  std::map<std::string, std::map<std::string, std::string>> out;
  for (const PlannedSection& section : plan.sections_of(metric)) {
    const Selector& s = section.selector;
    std::string selector =
        s.group ? "together " + s.name + (s.all_metrics ? " *" : "") : "metric " + s.name;
    for (const std::string& member : s.members) selector += "|" + member;
    for (const PlannedDimension& d : section.dimensions) {
      std::string key, text = std::string(d.unique ? "u" : "") + (d.lifetime ? "l" : "");
      std::map<int, std::string> when;
      if (d.when) {
        for (const auto& [column, values] : plan.columns[*d.when].when) {
          for (const std::string& v : values) when[definition_of.at(column)] += "=" + v;
        }
      }
      for (const auto& [definition, values] : when)
        key += "if" + std::to_string(definition) + values;
      std::set<int> of;
      for (uint16_t column : d.columns) of.insert(definition_of.at(column));
      for (int definition : of) key += " by" + std::to_string(definition);
      std::set<std::string> sums;
      for (size_t v = 0; v < plan.values.size(); ++v) {
        if (d.sums >> v & 1) sums.insert(plan.values[v].name);
      }
      for (const std::string& v : sums) text += v + ";";
      for (uint16_t p : d.properties) text += plan.properties[p].name + ",";
      EXPECT_TRUE(out[selector].emplace(key, text).second) << "twice: " << key;
    }
  }
  return out;
}

unsigned new_seed() { return std::random_device()(); }

TEST(RandomPlans, CountWhatTheModelCounts) {
  const unsigned seed = new_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 300 && !::testing::Test::HasFailure(); ++round) {
    const Model m = random_model(random, true);
    const std::string text = yaml_of(random, m);
    const Plan plan = parsed(text);
    for (const std::string& metric : {std::string("a"), std::string("b"), std::string("95"),
                                      std::string("Opened Email"), std::string("some other")}) {
      EXPECT_EQ(counts(m, plan, metric), m.counts(metric, true)) << metric << "\n" << text;
    }
  }
}

TEST(RandomPlans, OfOneMeaningHaveOneFingerprintHoweverTheyAreWritten) {
  const unsigned seed = new_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 300 && !::testing::Test::HasFailure(); ++round) {
    Model m = random_model(random, false);
    const std::string first = yaml_of(random, m);
    random.shuffle(m.rules);
    for (Model::Rule& rule : m.rules) {
      if (!rule.combinations) random.shuffle(rule.lists);
    }
    if (random.chance(50)) m.rules.push_back(m.rules[0]);
    const std::string second = yaml_of(random, m);
    const Plan a = parsed(first), b = parsed(second);
    EXPECT_EQ(a.fingerprint(), b.fingerprint()) << first << "\n" << second;
    // Stored rows are read by the columns of the plan with this fingerprint, so they must agree in
    // order too.
    ASSERT_EQ(a.columns.size(), b.columns.size());
    for (size_t c = 0; c < a.columns.size(); ++c)
      EXPECT_EQ(a.columns[c].identity, b.columns[c].identity);
    auto stored = Plan::deserialise(a.serialise());
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->fingerprint(), a.fingerprint());
  }
}

TEST(RandomPlans, HaveOneFingerprintExactlyIfTheyMeanTheSame) {
  const unsigned seed = new_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  int same = 0, different = 0;
  for (int round = 0; round < 1500 && !::testing::Test::HasFailure(); ++round) {
    const Model a = random_model(random, true);
    Model b = a;
    Model::Rule& rule = b.rules[size_t(random.below(int(b.rules.size())))];
    switch (random.below(9)) {
      case 0:
        rule.unique = !rule.unique;
        break;
      case 1:
        rule.lifetime = !rule.lifetime;
        break;
      case 2:
        if (!rule.sums.insert(0).second) rule.sums.erase(0);
        break;
      case 3:
        if (rule.lists.size() > 1) rule.lists.pop_back();
        break;
      case 4:
        if (!rule.combinations) rule.lists.push_back({random.below(int(b.names.size()))});
        break;
      case 5:
        if (rule.together.empty() && !rule.all)
          rule.metrics.insert(kMetrics[size_t(random.below(4))]);
        break;
      case 6:
        if (b.rules.size() > 1) b.rules.pop_back();
        break;
      case 7:
        rule.when.clear();
        break;
      case 8:
        std::reverse(rule.lists.back().begin(), rule.lists.back().end());
        break;
    }
    const std::string first = yaml_of(random, a), second = yaml_of(random, b);
    const Plan one = parsed(first), two = parsed(second);
    const bool alike = a.meaning() == b.meaning();
    EXPECT_EQ(one.fingerprint() == two.fingerprint(), alike) << first << "\n"
                                                             << second << "\n"
                                                             << one.fingerprint() << "\n"
                                                             << two.fingerprint();
    EXPECT_EQ(one.mapping_fingerprint(), two.mapping_fingerprint());
    ++(alike ? same : different);
  }
  EXPECT_GT(same, 50);
  EXPECT_GT(different, 500);
}

TEST(RandomPlans, RenamedPropertiesKeepTheirIdentities) {
  const unsigned seed = new_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 200 && !::testing::Test::HasFailure(); ++round) {
    Model m = random_model(random, true);
    const Plan before = parsed(yaml_of(random, m));
    for (std::string& name : m.names) name = "q" + name;
    const Plan after = parsed(yaml_of(random, m));
    EXPECT_NE(before.fingerprint(), after.fingerprint());
    EXPECT_EQ(before.mapping_fingerprint(), after.mapping_fingerprint());
    for (const std::string& metric : kMetrics) {
      auto x = before.sections_of(metric), y = after.sections_of(metric);
      ASSERT_EQ(x.size(), y.size());
      for (size_t s = 0; s < x.size(); ++s) {
        EXPECT_EQ(x[s].selector.identity(), y[s].selector.identity());
        ASSERT_EQ(x[s].dimensions.size(), y[s].dimensions.size());
        for (size_t d = 0; d < x[s].dimensions.size(); ++d) {
          EXPECT_EQ(x[s].dimensions[d].identity, y[s].dimensions[d].identity);
          EXPECT_EQ(x[s].dimensions[d].columns, y[s].dimensions[d].columns);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quipu
