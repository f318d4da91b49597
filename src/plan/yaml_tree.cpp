#include "plan/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "base/json_text.h"
#include "plan/plan_node.h"

namespace quipu {
namespace {

// Thrown through the YAML parser, which reports everything by exceptions; caught in read_yaml.
struct Refused {
  Place place;
  std::string key;
  std::string what;
};

Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }
Place place_of(const YamlNode& node) { return {node.line, node.column}; }

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse_reference(place_of(mark));
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse_reference(place_of(mark));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node(YamlNode::Kind::null, mark, "?", anchor));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode text = node(YamlNode::Kind::text, mark, tag, anchor);
    if (!is_valid_utf8(value))
      throw Refused{place_of(text), "", "not UTF-8; save the file as UTF-8"};
    text.text = value;
    add(std::move(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(node(YamlNode::Kind::list, mark, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(node(YamlNode::Kind::map, mark, tag, anchor));
  }
  void OnMapEnd() override {
    refuse_repeated_keys(open_.back().node);
    close();
  }

 private:
  struct Open {
    YamlNode node;
    bool has_key = false;
    std::string key;
    Place key_place;
  };

  static void refuse_reference(Place place) {
    throw Refused{place, "",
                  "an anchor (&) or alias (*), which plans do not use; write the value out"};
  }

  static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor) {
    YamlNode n;
    n.kind = kind;
    n.line = mark.line + 1;
    n.column = mark.column + 1;
    if (anchor != YAML::NullAnchor) refuse_reference(place_of(n));
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{place_of(n), "", "a tag (!), which plans do not use; write the text in quotes"};
    }
    return n;
  }

  static void refuse_repeated_keys(const YamlNode& map) {
    std::vector<const YamlNode*> sorted;
    for (const YamlNode& child : map.children) sorted.push_back(&child);
    std::sort(sorted.begin(), sorted.end(), [](const YamlNode* a, const YamlNode* b) {
      return a->key != b->key ? a->key < b->key : a->line < b->line;
    });
    const YamlNode *first = nullptr, *again = nullptr;
    for (size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key || (again && again->line <= sorted[i]->line))
        continue;
      first = sorted[i - 1];
      again = sorted[i];
    }
    if (again) {
      throw Refused{
          place_of(*again), shown(again->key),
          "given twice (first in line " + std::to_string(first->line) + "); keep one of them"};
    }
  }

  void open(YamlNode n) {
    if (!open_.empty() && wants_key(open_.back())) refuse_key(place_of(n));
    if (open_.size() == kMaxPlanDepth) {
      throw Refused{place_of(n), "",
                    "nested deeper than " + std::to_string(kMaxPlanDepth) + " levels; no plan is"};
    }
    open_.push_back({std::move(n), false, "", {}});
  }

  void close() {
    YamlNode done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }

  void add(YamlNode n) {
    if (open_.empty()) {
      root_ = std::move(n);
      return;
    }
    Open& parent = open_.back();
    if (wants_key(parent)) {
      if (n.kind != YamlNode::Kind::text) refuse_key(place_of(n));
      parent.has_key = true;
      parent.key = std::move(n.text);
      parent.key_place = place_of(n);
      return;
    }
    if (parent.has_key) {
      n.key = std::move(parent.key);
      n.line = parent.key_place.line;
      n.column = parent.key_place.column;
      parent.has_key = false;
    }
    parent.node.children.push_back(std::move(n));
  }

  static bool wants_key(const Open& o) { return o.node.kind == YamlNode::Kind::map && !o.has_key; }
  [[noreturn]] static void refuse_key(Place place) {
    throw Refused{place, "",
                  "a key that is missing or no text; close all brackets and quotes, and write the "
                  "key as a text"};
  }

  YamlNode root_;
  std::vector<Open> open_;
};

}  // namespace

Result<YamlNode> read_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxPlanBytes) {
    return Error{file + ": the file has " + std::to_string(text.size()) +
                 " bytes; a plan has at most " + std::to_string(kMaxPlanBytes) +
                 " (long lists of tenants go to a tenants file)"};
  }
  if (!is_valid_utf8(text)) {
    size_t good = 0;
    int line = 1;
    for (size_t end; good < text.size(); good = end + 1, ++line) {
      end = std::min(text.find('\n', good), text.size());
      if (!is_valid_utf8(text.substr(good, end - good))) break;
    }
    return plan_error(file, {line, 0}, "", "not UTF-8; save the file as UTF-8");
  }
  if (size_t nul = text.find('\0'); nul != text.npos) {
    const int line = 1 + int(std::count(text.begin(), text.begin() + std::ptrdiff_t(nul), '\n'));
    return plan_error(file, {line, 0}, "",
                      "a NUL character; in a text in double quotes it is written \\0");
  }
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    YamlNode root = builder.take();
    if (TreeBuilder second; parser.HandleNextDocument(second)) {
      return plan_error(file, place_of(second.take()), "", "a second YAML document; a plan is one");
    }
    return root;
  } catch (const Refused& r) {
    return plan_error(file, r.place, r.key, r.what);
  } catch (const YAML::Exception& e) {
    const bool reference =
        e.msg.find("alias") != std::string::npos || e.msg.find("anchor") != std::string::npos;
    return plan_error(file, e.mark.line < 0 ? Place{1, 0} : place_of(e.mark), "",
                      "not YAML: " + e.msg + (reference ? "; a star stands in quotes: \"*\"" : ""));
  } catch (const std::exception& e) {
    return Error{file + ": not YAML that can be read: " + e.what()};
  }
}

}  // namespace quipu
