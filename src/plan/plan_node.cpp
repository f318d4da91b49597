#include "plan/plan_node.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/near_names.h"

namespace quipu {
namespace {

constexpr size_t kLongestShown = 80;

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

}  // namespace

Error plan_error(const std::string& file, Place place, const std::string& key,
                 const std::string& what) {
  const std::string column = place.column ? ":" + std::to_string(place.column) : "";
  return Error{file + ":" + std::to_string(place.line) + column + ": " +
               (key.empty() ? "" : key + ": ") + what};
}

std::string shown(std::string_view text) {
  const bool cut = text.size() > kLongestShown;
  if (cut) {
    text = text.substr(0, kLongestShown);
    while (!text.empty() && (uint8_t(text.back()) & 0xC0) == 0x80)
      text.remove_suffix(1);                                                   // a character's tail
    if (!text.empty() && uint8_t(text.back()) >= 0xC0) text.remove_suffix(1);  // and its head
  }
  std::string out;
  append_json_string(text, out);
  if (cut) out += "...";
  return out;
}

Error PlanNode::wrong_kind(const std::string& right) const {
  static const char* const kKinds[] = {"empty", "a text", "a list", "a map"};
  std::string is = kKinds[int(node_->kind)];
  if (is_text()) is += " (" + shown(node_->text) + ")";
  if (is_empty_list()) is = "an empty list";
  return error("is " + is + "; " + right);
}

const YamlNode* PlanNode::find(std::string_view key) const {
  for (const YamlNode& child : node_->children) {
    if (child.key == key) return &child;
  }
  return nullptr;
}

Status PlanNode::only_keys(std::initializer_list<const char*> known) const {
  std::string list;
  for (const char* k : known) list += (list.empty() ? "" : ", ") + std::string(k);
  if (!is_map()) return wrong_kind("write a map with the keys " + list);
  for (const YamlNode& child : node_->children) {
    if (std::find(known.begin(), known.end(), child.key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    return plan_error(*file_, {child.line, child.column},
                      key_.empty() ? shown(child.key) : key_ + "." + shown(child.key),
                      "unknown key" + did_you_mean(nearest_name(child.key, names)) +
                          " (known here: " + list + ")");
  }
  return {};
}

PlanNode PlanNode::at(std::string_view key) const {
  const YamlNode* child = find(key);
  CHECK(child);
  return PlanNode(*child, *file_, key_.empty() ? std::string(key) : key_ + "." + std::string(key));
}

std::vector<PlanNode> PlanNode::children() const {
  std::vector<PlanNode> out;
  out.reserve(node_->children.size());
  for (const YamlNode& child : node_->children) {
    if (is_map()) {
      const bool plain = child.key.size() <= kLongestShown &&
                         child.key.find_first_of("\n\r\t\"\\") == std::string::npos;
      const std::string name = plain ? child.key : shown(child.key);
      out.emplace_back(child, *file_, key_.empty() ? name : key_ + "." + name);
    } else {
      out.emplace_back(child, *file_, key_);
    }
  }
  return out;
}

Status PlanNode::list(const std::string& right, std::vector<PlanNode>& out) const {
  if (!is_list() || is_empty_list()) return wrong_kind(right);
  out = children();
  return {};
}

Status PlanNode::text(std::string& out) const {
  if (node_->kind == YamlNode::Kind::null) {
    return wrong_kind("write a text (the words null and ~ in quotes, the empty text as \"\")");
  }
  if (!is_text()) return wrong_kind("write a text");
  out = node_->text;
  return {};
}

Status PlanNode::name_text(std::string& out) const {
  QUIPU_TRY(text(out));
  if (out.empty()) return error("is an empty text; write a name");
  return {};
}

Status PlanNode::yes_no(bool& out) const {
  std::string word = node_->text;
  for (char& c : word) c = lower(c);
  const bool yes = word == "yes" || word == "true" || word == "on";
  if (!is_text() || (!yes && word != "no" && word != "false" && word != "off"))
    return wrong_kind("write yes or no");
  out = yes;
  return {};
}

Status PlanNode::number(int least, int most, int& out) const {
  const std::string& digits = node_->text;
  const bool good = is_text() && !digits.empty() && digits.size() <= 6 &&
                    digits.find_first_not_of("0123456789") == std::string::npos &&
                    (out = std::stoi(digits)) >= least && out <= most;
  if (good) return {};
  return wrong_kind("write a number from " + std::to_string(least) + " to " + std::to_string(most));
}

Status PlanNode::one_of(const std::vector<std::string>& words, int& out) const {
  const auto found = std::find(words.begin(), words.end(), node_->text);
  if (is_text() && found != words.end()) {
    out = int(found - words.begin());
    return {};
  }
  std::string list;
  for (size_t i = 0; i < words.size(); ++i)
    list += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  return wrong_kind("write " + list +
                    (is_text() ? did_you_mean(nearest_name(node_->text, words)) : ""));
}

}  // namespace quipu
