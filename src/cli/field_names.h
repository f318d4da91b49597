// What the names of fields say: "userId" and "customer/id" look like people, "total_price" like an
// amount. For `quipu init`. Names are compared in lower case, without separators. Pure functions,
// any thread.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace quipu {

using NameList = std::span<const char* const>;  // the likeliest first

extern const NameList kTenantNames, kMetricNames, kProfileNames, kIdNames;
extern const NameList kSureIdNames;  // which nothing but an event has

// Where the path's last name, or the last two together, stand in the list.
std::optional<size_t> name_rank(const std::string& path, NameList names);
size_t path_depth(const std::string& path);

double time_name_score(const std::string& path);  // 0: says nothing of a time; up to 1
bool ends_as_id(const std::string& path);
bool may_be_event_id(const std::string& path);  // not of a person, a session, a device, a thing
bool is_amount_name(const std::string& path);
bool is_place_name(const std::string& path);  // latitudes and longitudes are no amounts

// A text as a name that needs no quoting: letters, digits and _ (other scripts stay); may be empty.
std::string plain_name(std::string_view text);
// A name for what is at a path, different from those taken; takes it.
std::string name_for(const std::string& path, std::set<std::string>& taken);

// In double quotes, with escapes for what YAML does not print.
std::string quoted_yaml(std::string_view text);

}  // namespace quipu
