#include "stream_bad.h"

#include "parts.h"

namespace oracle {

std::string BadLines::planned_path() {
  std::vector<std::string> paths = {layout_.time_path};
  if (!layout_.tenant_constant) paths.push_back(layout_.tenant_path);
  if (!layout_.metric_constant) paths.push_back(layout_.metric_path);
  if (layout_.profile_planned)
    paths.insert(paths.end(), layout_.profile_paths.begin(), layout_.profile_paths.end());
  if (layout_.id != Layout::kNoId)
    paths.insert(paths.end(), layout_.id_paths.begin(), layout_.id_paths.end());
  paths.insert(paths.end(), layout_.value_paths.begin(), layout_.value_paths.end());
  for (const PropertyLayout& p : layout_.properties)
    if (p.kind == PropertyLayout::kScalar || p.kind == PropertyLayout::kArray ||
        p.kind == PropertyLayout::kPresent)
      paths.push_back(p.path);
  return rng_.of(paths);
}

std::string BadLines::too_early_or_late() {
  std::string token = one_of({"\"1969-12-31T23:59:59.999Z\"", "\"2200-01-01\"",
                              "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59-18:00\""});
  if (layout_.time == Layout::kUnit)
    token = one_of({"-1", "-0.5", "1e300", "72581184000000000000000", token});
  return token;
}

void BadLines::put_key_twice(Node* root) {
  std::vector<std::string> tokens = Path::parse(planned_path()).tokens;
  Node* at = root;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) at = &at->member(tokens[i]);
  Node copy = at->member(tokens.back());
  if (copy.raw.empty() && copy.members.empty()) at->member(tokens.back()).raw = copy.raw = "null";
  at->members.emplace_back(tokens.back(), copy);
}

void BadLines::spoil(Node* root) {
  switch (rng_.below(12)) {
    case 0:
      root->set("/deep", std::string(80, '[') + std::string(80, ']'));
      break;
    case 1:
      if (!layout_.tenant_constant)
        root->at(layout_.tenant_path) = Node{one_of({"null", "\" \"", "[]", "{}", "[\"t1\"]"}), {}};
      break;
    case 2:
      if (!layout_.tenant_constant) root->at(layout_.tenant_path) = Node{"\"nobody knows me\"", {}};
      break;
    case 3:
      if (!layout_.metric_constant)
        root->at(layout_.metric_path) = Node{one_of({"null", "\"\"", "[1]", "{}"}), {}};
      break;
    case 4:
      if (!layout_.metric_constant && !layout_.unplanned_metrics.empty())
        root->at(layout_.metric_path) = Node{json_string(rng_.of(layout_.unplanned_metrics)), {}};
      break;
    case 5:
      root->at(layout_.time_path) = Node{one_of({"null", "\"\""}), {}};
      break;
    case 6:
      root->at(layout_.time_path) =
          Node{one_of({"\"yesterday\"", "\"2026-02-30\"", "\"2026-13-01T00:00:00Z\"",
                       "\"2026-03-01T25:00:00Z\"", "\"2026-03-01T10:00:00+19:00\"", "true", "{}",
                       "[]", "\"2026-03-01T10:00:00.Z\"", "\"2026-3-1\"",
                       "\"2100-02-29T00:00:00Z\"", "\"2026-03-01T10:00:61Z\""}),
               {}};
      break;
    case 7:
      root->at(layout_.time_path) = Node{too_early_or_late(), {}};
      break;
    case 8:
      if (!layout_.value_paths.empty())
        root->at(rng_.of(layout_.value_paths)) = Node{
            one_of({"\"abc\"", "true", "[1]", "{}", "\"0x10\"", "\"+5\"", "\"1,5\"", "\"NaN\"",
                    "1e21", "100000000000000000000.1", "-100000000000000000001", "1e999999999"}),
            {}};
      break;
    case 9: {  // too many rows
      std::string array;
      for (int i = 0; i < 1001; ++i)
        array += (i ? ",{\"sku\":\"s" : "{\"sku\":\"s") + std::to_string(i) + "\"}";
      root->set(layout_.lines_path, "[" + array + "]");
      break;
    }
    case 10:
      put_key_twice(root);
      break;
    default:
      root->at(planned_path()) =
          Node{one_of({"\"\xff\"", "\"a\\ud800b\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"",
                       "\"\\udc00\\ud800\"", "\"\xe2\x82\""}),
               {}};
  }
}

std::string BadLines::break_off(const std::string& line) {
  switch (rng_.below(7)) {
    case 0:
      return line.substr(0, line.size() - 1 - rng_.below(line.size() / 2));
    case 1:
      return line + "}";
    case 2:
      return "[" + line + "]";
    case 3:
      return one_of({"null", "42", "\"text\"", "not json at all", "{'a':1}", "{\"a\":1,}",
                     "{\"a\":01}", "{\"a\":NaN}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\" 1}",
                     "{\"a\":\"\\x\"}", "{\"a\":tru}"});
    case 4:
      return line + " " + line;
    case 5:
      return "{\"a\":\"\x01\"," + line.substr(1);
    default:
      return "{\"a\":1. ," + line.substr(1);
  }
}

std::string BadLines::draw(const std::vector<Event>& recent) {
  if (rng_.chance(0.1)) return one_of({"", "   ", "\t", "\r"});
  if (options_.long_lines && rng_.chance(0.05))
    return "{\"long\":\"" + std::string((1 << 20) + 1, 'x') + "\"}";
  Event e = recent.empty() || rng_.chance(0.5) ? events_.draw_anew()
                                               : rng_.of(recent);  // also under an id that counts
  Node root = lines_.build(e);
  if (rng_.chance(0.8)) {
    spoil(&root);
    if (rng_.chance(0.2)) spoil(&root);
    return root.write(&rng_);
  }
  return break_off(root.write(&rng_));
}

}  // namespace oracle
