// JSON taken apart without being changed: the members of an object as slices of its text, so that
// numbers keep every digit and what is passed on is what came. Inside a slice only brackets and
// strings are looked at: whether it is JSON shows when a line that holds it is checked. Slices live
// as long as the text. Pure functions and values, any thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu {

inline constexpr size_t kMaxMembers = 10'000;  // of an object that is taken apart

struct JsonMember {
  std::string key;
  std::string_view value;
};

class JsonObject {
 public:
  // An error in words if it is no object, does not end properly, or has a key twice.
  static Result<JsonObject> read(std::string_view text);
  // The member's text; empty if it is not there, or null.
  std::string_view get(std::string_view name) const;
  const std::vector<JsonMember>& members() const { return members_; }

 private:
  std::vector<JsonMember> members_;
};

// The object that the text is; one without members if it is none.
JsonObject object_or_none(std::string_view text);
// The first of these members that is an id and no empty text; empty if none is.
std::string first_id(const JsonObject& object, std::initializer_list<const char*> names);

bool is_utf8(std::string_view text);
bool is_json_object(std::string_view value);
bool is_json_string(std::string_view value);
// A string or a number: what an id may be.
bool is_json_id(std::string_view value);
// The text of a JSON string; nothing if it is none.
std::optional<std::string> text_of(std::string_view value);
// Whether it is a number, or a string that holds nothing else.
bool is_numeric(std::string_view value);

// JSON in which integers beyond 2^53 either way are strings: other readers would round them. For
// counting the two are one value.
std::string large_integers_as_text(std::string_view json);

}  // namespace quipu
