// How the events of a random stream are written: each time in other spellings. Internal to
// stream*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "parts.h"
#include "stream_event.h"
#include "stream_parts.h"

namespace oracle {

// A JSON object under construction; members are shuffled and keys sometimes escaped when it is
// written.
struct Node {
  std::string raw;  // a finished token, or an object where it is ""
  std::vector<std::pair<std::string, Node>> members;

  Node& member(const std::string& name) {
    for (auto& [key, node] : members)
      if (key == name) return node;
    members.emplace_back(name, Node());
    return members.back().second;
  }
  Node& at(const std::string& path) {
    Node* node = this;
    for (const std::string& token : Path::parse(path).tokens) node = &node->member(token);
    return *node;
  }
  void set(const std::string& path, const std::string& token) {
    if (!token.empty()) at(path) = Node{token, {}};  // "": the member is missing
  }
  std::string write(Rng* rng) {
    if (!raw.empty()) return raw;
    rng->shuffle(&members);
    std::string out;
    for (auto& [key, node] : members) {
      std::string name = rng->chance(0.02) ? text_choice(key).spellings.back() : json_string(key);
      out += (out.empty()        ? ""
              : rng->chance(0.1) ? " , "
                                 : ",") +
             name + (rng->chance(0.1) ? " : " : ":") + node.write(rng);
    }
    return "{" + out + "}";
  }
};

class LineWriter {
 public:
  LineWriter(Rng* rng, const Layout& layout) : rng_(*rng), layout_(layout) {}
  std::string one_of(const std::vector<std::string>& spellings);
  Node build(const Event& e);
  std::string write(const Event& e);

 private:
  struct Clock {
    int64_t year;
    int month, day, hour, minute, second, ms;
  };
  // A token that says there is nothing, "" for a missing member.
  std::string absent();
  std::string text_or_number(const std::string& text, bool number);
  std::string digits(int64_t n, int width);
  Clock clock(int64_t ms);
  std::string date(const Clock& c);
  std::string rfc3339(int64_t ms, bool offset_needed, bool offset_allowed);
  std::string formatted(int64_t ms);
  std::string in_unit(int64_t ms);
  std::string time_token(const Event& e);
  std::string number_token(const std::string& number);
  std::string element_token(const PropertyLayout& p, int choice);
  std::string property_token(const PropertyLayout& p, const std::vector<int>& choices);
  std::string lines_token(const Event& e);
  void set_first_present(Node* root, const std::vector<std::string>& paths,
                         const std::string& token);
  std::string profile_token(const Event& e);

  Rng& rng_;
  const Layout& layout_;
};

}  // namespace oracle
