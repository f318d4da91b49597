#include "reading.h"

#include <map>

namespace oracle {

namespace {

std::optional<std::string> transformed(const FieldSpec& f, std::string text,
                                       bool is_number = false) {
  if (is_number) return canonical_number(text);
  if (f.trim) text = trimmed(text);
  if (f.lowercase)
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return canonical(text);
}

std::string property_text(const Json* value) {
  if (!value || !value->scalar()) return "";
  if (value->bad_text) throw Fault{"invalid_utf8"};
  return value->kind == Json::kNumber ? canonical_number(value->text) : canonical(value->text);
}

}  // namespace

bool present(const Json* value) { return value && value->scalar() && !blank(value->text); }

std::optional<std::string> read_field(const FieldSpec& f, const Json& record) {
  if (f.constant) return blank(*f.constant) ? std::nullopt : transformed(f, *f.constant);
  std::vector<const Json*> found;
  for (const Path& path : f.paths) found.push_back(read_at(record, path));
  for (const Json* value : found)
    if (present(value)) return transformed(f, value->text, value->kind == Json::kNumber);
  return std::nullopt;
}

std::optional<Fixed> read_value(const FieldSpec& f, const Json& record, bool* rounded) {
  const Json* chosen = nullptr;
  Json constant;
  if (f.constant) {
    constant.kind = Json::kString;
    constant.text = *f.constant;
    chosen = &constant;
  }
  for (const Path& path : f.paths) {
    const Json* value = read_at(record, path);
    if (!chosen && (!f.alternatives || present(value))) chosen = value;
  }
  if (!chosen || chosen->kind == Json::kNull) return std::nullopt;
  std::string text = trimmed(chosen->text);
  if (chosen->kind == Json::kString && text.empty()) return std::nullopt;
  std::optional<Decimal> d;
  if (chosen->kind == Json::kString || chosen->kind == Json::kNumber) d = read_decimal(text);
  if (!d) throw Fault{"value_not_a_number"};
  Fixed fixed;
  bool was_rounded;
  if (to_fixed(*d, &fixed, &was_rounded) != FixedFault::kNone) throw Fault{"value_too_large"};
  *rounded |= was_rounded;
  return fixed;
}

Texts read_texts(const std::vector<PropertySpec>& properties, const Json& record) {
  Texts out;
  std::map<std::string, size_t> walks;
  for (const PropertySpec& p : properties) {
    std::vector<std::string> texts;
    size_t prefix = p.star >= 0 ? p.star : p.path.tokens.size(), end = p.path.tokens.size();
    const Json* at = walk(&record, p.path.tokens, 0, prefix);
    if (p.present) {
      if (at && at->bad_text) throw Fault{"invalid_utf8"};
      bool nothing = !at || at->kind == Json::kNull ||
                     (at->kind == Json::kString && blank(at->text)) ||
                     (at->kind == Json::kArray && at->items.empty());
      texts.push_back(nothing ? "false" : "true");
    } else if (at && at->kind == Json::kArray) {
      for (const Json& item : at->items)
        texts.push_back(
            property_text(p.star >= 0 ? walk(&item, p.path.tokens, prefix + 1, end) : &item));
    } else if (p.star < 0 || prefix + 1 == end) {
      texts.push_back(property_text(at));
    }
    if (texts.empty()) texts.push_back("");
    auto [walk, fresh] = walks.try_emplace(p.walk, walks.size());
    if (fresh) out.size.push_back(texts.size());
    out.list.push_back(walk->second);
    out.of.push_back(texts);
  }
  return out;
}

std::set<size_t> lists_of(const Entry& entry, const Texts& texts) {
  std::set<size_t> lists;
  for (int p : entry.by) lists.insert(texts.list[p]);
  for (const auto& [p, alternatives] : entry.when) lists.insert(texts.list[p]);
  return lists;
}

std::vector<Places> combinations(const std::set<size_t>& lists, const Texts& texts) {
  uint64_t product = 1;
  std::vector<Places> rows(1, Places(texts.size.size(), 0));
  for (size_t list : lists) {
    product *= texts.size[list];
    if (product > kMostRows) throw Fault{"too_many_rows"};
    std::vector<Places> longer;
    for (const Places& row : rows)
      for (size_t element = 0; element < texts.size[list]; ++element) {
        longer.push_back(row);
        longer.back()[list] = element;
      }
    rows = longer;
  }
  return rows;
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& v : values) out += std::to_string(v.size()) + ":" + v;
  return out;
}

}  // namespace oracle
