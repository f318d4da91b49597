#include "cli/field_names.h"

#include <algorithm>
#include <vector>

namespace quipu {
namespace {

constexpr const char* kTenants[] = {
    "tenant",         "tenantid",     "account",        "accountid", "workspace", "workspaceid",
    "shop",           "shopid",       "shopdomain",     "store",     "storeid",   "organization",
    "organizationid", "organisation", "organisationid", "orgid",     "org",       "site",
    "siteid",         "project",      "projectid",      "appid"};
constexpr const char* kMetrics[] = {"metric", "metricname", "event",    "eventname", "eventtype",
                                    "type",   "action",     "activity", "verb",      "kind",
                                    "topic",  "what",       "name"};
constexpr const char* kProfiles[] = {
    "profile",      "profileid",    "userid",       "user",        "customerid", "customer",
    "email",        "emailaddress", "personid",     "person",      "memberid",   "member",
    "subscriberid", "subscriber",   "contactid",    "contact",     "visitorid",  "visitor",
    "domainuserid", "distinctid",   "userpseudoid", "anonymousid", "entityid",   "username",
    "login",        "author",       "actorid",      "actor",       "phone",      "who",
    "deviceid",     "clientid",     "clientip",     "ip",          "ipaddress",  "remoteaddr"};
constexpr const char* kIds[] = {"uniqueid", "eventid", "messageid", "insertid", "dedupid",
                                "uuid",     "guid",    "id",        "recordid", "requestid"};
constexpr const char* kSureIds[] = {"uniqueid", "eventid", "messageid", "insertid", "dedupid"};

// Of a person, a place or a thing that many events may share.
constexpr const char* kSharedWords[] = {
    "user",     "customer",  "profile", "person", "member",  "subscriber", "contact",
    "visitor",  "anonymous", "session", "device", "client",  "account",    "tenant",
    "campaign", "product",   "item",    "group",  "company", "parent"};
constexpr const char* kAmountWords[] = {
    "amount",   "price",   "total",    "subtotal", "revenue", "value",    "cost",
    "sum",      "qty",     "quantity", "units",    "number",  "count",    "duration",
    "ms",       "seconds", "bytes",    "miles",    "km",      "distance", "tax",
    "discount", "fee",     "tip",      "score",    "points",  "weight",   "files",
    "dollar",   "dollars", "euros",    "cents",    "delay",   "latency",  "spend"};
constexpr const char* kPlaceWords[] = {"lat",       "lon",     "lng", "latitude",
                                       "longitude", "version", "geo"};

// The path's names, unescaped, without `*`.
std::vector<std::string> tokens_of(const std::string& path) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/')
      tokens.emplace_back();
    else if (path[i] == '~' && i + 1 < path.size())
      tokens.back() += path[++i] == '0' ? '~' : '/';
    else if (!tokens.empty())
      tokens.back() += path[i];
  }
  std::erase(tokens, "*");
  return tokens;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || uint8_t(c) >= 0x80;
}
bool is_number(char c) { return c >= '0' && c <= '9'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_capital(c) ? char(c - 'A' + 'a') : c; }

// "customerId", "customer_id" and "Customer ID" are customer, id.
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words;
  bool inside = false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_letter(c) && !is_number(c)) {
      inside = false;
      continue;
    }
    const bool hump = is_capital(c) && i > 0 &&
                      (!is_capital(name[i - 1]) ||
                       (i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z'));
    if (!inside || hump) words.emplace_back();
    inside = true;
    words.back() += lower(c);
  }
  return words;
}

std::vector<std::string> last_words(const std::string& path) {
  const std::vector<std::string> tokens = tokens_of(path);
  return tokens.empty() ? std::vector<std::string>() : words_of(tokens.back());
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += w;
  return out;
}

template <size_t N>
bool any_word_of(const std::vector<std::string>& words, const char* const (&list)[N]) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& w) {
    return std::find(std::begin(list), std::end(list), w) != std::end(list);
  });
}

// One character of UTF-8 at i (or one byte that is none); moves i behind it.
uint32_t next_character(std::string_view text, size_t& i) {
  const uint8_t first = uint8_t(text[i++]);
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  uint32_t c = more == 3 ? first & 7 : more == 2 ? first & 15 : more == 1 ? first & 31 : first;
  for (int k = 0; k < more && i < text.size(); ++k) c = c << 6 | (uint8_t(text[i++]) & 0x3f);
  return c;
}

bool is_printed(uint32_t c) {
  return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029 && c != 0xfeff &&
         c != 0xfffe && c != 0xffff;
}

}  // namespace

const NameList kTenantNames = kTenants, kMetricNames = kMetrics, kProfileNames = kProfiles,
               kIdNames = kIds, kSureIdNames = kSureIds;

std::optional<size_t> name_rank(const std::string& path, NameList names) {
  const std::vector<std::string> tokens = tokens_of(path);
  if (tokens.empty()) return std::nullopt;
  const std::string last = joined(words_of(tokens.back()));
  const std::string two =
      tokens.size() > 1 ? joined(words_of(tokens[tokens.size() - 2])) + last : last;
  for (size_t i = 0; i < names.size(); ++i) {
    // A bare word deep inside ("/line/type") is another thing's.
    if (names[i] == two || (names[i] == last && (tokens.size() == 1 || last.size() >= 5))) return i;
  }
  return std::nullopt;
}

size_t path_depth(const std::string& path) {
  return size_t(std::count(path.begin(), path.end(), '/'));
}

double time_name_score(const std::string& path) {
  const std::vector<std::string> words = last_words(path);
  const std::string name = joined(words);
  static constexpr const char* kBest[] = {"time",       "timestamp",  "eventtime", "eventtimestamp",
                                          "occurredat", "happenedat", "ts",        "datetime",
                                          "date",       "createdat"};
  for (size_t i = 0; i < std::size(kBest); ++i) {
    if (name == kBest[i]) return 1 - 0.05 * double(i);
  }
  static constexpr const char* kMoments[] = {"created",  "occurred",   "happened", "received",
                                             "sent",     "logged",     "recorded", "when",
                                             "modified", "eventepoch", "epoch"};
  for (const char* moment : kMoments) {
    if (name == moment) return 0.35;
  }
  for (const std::string& w : words) {
    if (w == "time" || w == "timestamp" || w == "tstamp" || w == "date" || w == "day" || w == "ts")
      return 0.4;
  }
  return !words.empty() && (words.back() == "at" || words.back() == "on") ? 0.3 : 0;
}

bool ends_as_id(const std::string& path) {
  const std::vector<std::string> words = last_words(path);
  if (words.empty()) return false;
  const std::string& last = words.back();
  return last == "id" || last == "uuid" || last == "guid" || last == "sha" ||
         (words.size() == 1 && last.size() > 4 && last.ends_with("id"));
}

bool may_be_event_id(const std::string& path) {
  const std::vector<std::string> tokens = tokens_of(path);
  for (size_t i = tokens.size() > 1 ? tokens.size() - 2 : 0; i < tokens.size(); ++i) {
    if (any_word_of(words_of(tokens[i]), kSharedWords)) return false;
  }
  return !tokens.empty();
}

bool is_amount_name(const std::string& path) {
  return any_word_of(last_words(path), kAmountWords) && !ends_as_id(path);
}
bool is_place_name(const std::string& path) { return any_word_of(last_words(path), kPlaceWords); }

std::string plain_name(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const uint32_t c = next_character(text, i);
    const bool keep = c < 0x80 ? is_letter(char(c)) || is_number(char(c)) : is_printed(c);
    if (keep)
      out.append(text.substr(begin, i - begin));
    else if (!out.empty() && out.back() != '_')
      out += '_';
    if (out.size() > 60) break;
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

std::string name_for(const std::string& path, std::set<std::string>& taken) {
  const std::vector<std::string> tokens = tokens_of(path);
  std::string name = tokens.empty() ? "" : plain_name(tokens.back());
  if (name.empty()) name = "field";
  if (name.find_first_not_of("0123456789") == std::string::npos) name = "column_" + name;
  if (taken.count(name) && tokens.size() > 1) {
    const std::string parent = plain_name(tokens[tokens.size() - 2]);
    if (!parent.empty()) name = parent + "_" + name;
  }
  std::string distinct = name;
  for (int n = 2; !taken.insert(distinct).second; ++n) distinct = name + "_" + std::to_string(n);
  return distinct;
}

std::string quoted_yaml(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const uint32_t c = next_character(text, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += char(c);
    } else if (is_printed(c)) {
      out.append(text.substr(begin, i - begin));
    } else {
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += kHex[c >> shift & 15];
    }
  }
  return out + "\"";
}

}  // namespace quipu
