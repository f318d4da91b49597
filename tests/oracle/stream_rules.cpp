// The rules of a random plan, and how its text is put together.
#include <algorithm>
#include <cstdio>
#include <set>

#include "stream_parts.h"

namespace oracle {
namespace {

class RuleDrawer {
 public:
  RuleDrawer(Rng* rng, const StreamOptions& options, Layout* layout)
      : rng_(*rng), options_(options), layout_(*layout), properties_(layout->properties) {
    for (size_t i = 0; i < properties_.size(); ++i)
      if (!properties_[i].skip) whenable_.push_back(static_cast<int>(i));
  }

  void draw() {
    layout_.plan += "count:\n";
    int64_t rules = rng_.between(1, options_.tiny ? 2 : 5);
    for (int64_t r = 0; r <= rules; ++r) draw_rule(r == rules);
    if (layout_.wide) {  // several blocks of dimensions
      std::vector<std::string> all;
      for (const PropertyLayout& p : properties_) all.push_back(p.name);
      layout_.plan +=
          "  - {metrics: \"*\", combinations: {of: " + quoted_list(all) + ", up_to: 3}}\n";
      every_ = true;
    }
    part_metrics();
  }

 private:
  std::vector<std::string> draw_list(int64_t size) {  // in the order of the properties
    std::set<int> chosen;
    while (static_cast<int64_t>(chosen.size()) < std::min<int64_t>(size, properties_.size()))
      chosen.insert(static_cast<int>(rng_.below(properties_.size())));
    used_.insert(chosen.begin(), chosen.end());
    std::vector<std::string> names;
    for (int p : chosen) names.push_back(properties_[p].name);
    return names;
  }

  void add_metrics(Members* rule) {
    const std::vector<Choice>& metrics = layout_.metrics;
    if (rng_.chance(0.4)) {
      rule->emplace_back("metrics", "\"*\"");
      if (rng_.chance(0.25)) rule->emplace_back("together", "Everything");
      every_ = true;
    } else if (rng_.chance(0.3) && metrics.size() > 1) {
      rule->emplace_back("metrics", quoted_list({metrics[0].text, metrics[1].text}));
      rule->emplace_back("together", yaml_string("Two of them"));
      planned_.insert({metrics[0].text, metrics[1].text});
    } else {
      std::vector<std::string> list;
      for (const Choice& m : metrics)
        if (rng_.chance(0.5)) list.push_back(m.text);
      if (list.empty()) list.push_back(metrics[0].text);
      planned_.insert(list.begin(), list.end());
      rule->emplace_back("metrics", quoted_list(list));
    }
  }

  void add_when(Members* rule) {
    if (whenable_.empty() || !rng_.chance(0.3)) return;
    std::set<int> chosen = {rng_.of(whenable_)};
    if (rng_.chance(0.3)) chosen.insert(rng_.of(whenable_));
    std::string when;
    for (int p : chosen) {
      std::vector<std::string> alternatives;
      if (properties_[p].kind == PropertyLayout::kPresent)
        alternatives.push_back(rng_.chance(0.5) ? "true" : "false");
      else
        for (int64_t n = rng_.between(1, 4); n > 0; --n)
          alternatives.push_back(rng_.chance(0.15) ? "" : rng_.of(properties_[p].pool).text);
      when += (when.empty() ? "" : ", ") + yaml_string(properties_[p].name) + ": " +
              quoted_list(alternatives);
      used_.insert(p);
    }
    rule->emplace_back("when", "{" + when + "}");
  }

  void add_dimensions(Members* rule, bool last) {
    std::vector<std::string> by;
    if (last) {
      by.push_back("[]");
      for (size_t i = 0; i < properties_.size(); ++i)
        if (!used_.count(static_cast<int>(i))) by.push_back(yaml_string(properties_[i].name));
    } else {
      if (rng_.chance(0.6)) by.push_back("[]");
      for (int64_t n = rng_.between(1, options_.tiny ? 2 : 5); n > 0; --n)
        by.push_back(quoted_list(draw_list(rng_.between(1, rng_.chance(0.2) ? 4 : 2))));
      if (rng_.chance(0.3)) by.push_back(yaml_string(draw_list(1)[0]));
    }
    if (!last && rng_.chance(0.25) && properties_.size() > 1)
      rule->emplace_back("combinations", "{of: " + quoted_list(draw_list(rng_.between(2, 4))) +
                                             ", up_to: " + std::to_string(rng_.between(1, 3)) +
                                             "}");
    else
      rule->emplace_back("by", list_of(by));
  }

  // The last rule takes up the properties nobody used.
  void draw_rule(bool last) {
    Members rule;
    add_metrics(&rule);
    add_when(&rule);
    add_dimensions(&rule, last);
    if (rng_.chance(0.2)) rule.emplace_back("unique", "no");
    if (rng_.chance(0.25)) rule.emplace_back("lifetime", "yes");
    std::vector<std::string> sums;
    for (const std::string& v : layout_.value_names)
      if (rng_.chance(0.5)) sums.push_back(v);
    if (!sums.empty()) rule.emplace_back("sum", quoted_list(sums));
    if (rng_.chance(0.5)) {
      layout_.plan += "  -" + mapping(&rng_, "    ", rule);
      return;
    }
    std::string inner;
    for (const auto& [key, value] : rule)
      inner += (inner.empty() ? "" : ",\n     ") + key + ": " + value;
    layout_.plan += "  - {" + inner + "}\n";
  }

  // Metrics of no rule are unplanned.
  void part_metrics() {
    if (!every_) layout_.unplanned_metrics.push_back("Noise");
    std::vector<Choice> kept;
    for (const Choice& m : layout_.metrics) {
      if (every_ || planned_.count(m.text))
        kept.push_back(m);
      else
        layout_.unplanned_metrics.push_back(m.text);
    }
    layout_.metrics = kept;
  }

  Rng& rng_;
  const StreamOptions& options_;
  Layout& layout_;
  const std::vector<PropertyLayout>& properties_;
  std::vector<int> whenable_;
  std::set<int> used_;
  std::set<std::string> planned_;
  bool every_ = false;
};

}  // namespace

void draw_rules(Rng* rng, const StreamOptions& options, Layout* layout) {
  RuleDrawer(rng, options, layout).draw();
}

std::string yaml_string(const std::string& text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    char buffer[8];
    if (c == '"' || c == '\\')
      out += '\\', out += char(c);
    else if (c < 0x20 || c == 0x7f)
      std::snprintf(buffer, sizeof buffer, "\\x%02x", c), out += buffer;
    else
      out += char(c);
  }
  return out + '"';
}

std::string list_of(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return "[" + out + "]";
}

std::string quoted_list(std::vector<std::string> items) {
  for (std::string& item : items) item = yaml_string(item);
  return list_of(items);
}

std::string mapping(Rng* rng, const std::string& indent, const Members& items) {
  std::string out;
  if (rng->chance(0.5)) {
    for (const auto& [key, value] : items) out += (out.empty() ? "" : ", ") + key + ": " + value;
    return " {" + out + "}\n";
  }
  for (const auto& [key, value] : items)
    out += "\n" + indent + key + ": " + value + (rng->chance(0.1) ? "  # a remark" : "");
  return out + "\n";
}

}  // namespace oracle
