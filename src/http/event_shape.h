// The one shape into which the vendors' doors turn events, so that one plan reads them all
// (docs/clients.md). It goes into the journal under `event`. Plain values; pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quipu {

// Each field is JSON; an empty one is left out.
struct EventShape {
  std::string metric, id, time, value, currency;
  std::string properties, traits, context;
  struct Profile {
    std::string email, phone, external_id, id, anonymous_id, kx;
    bool nobody() const;
  } profile;
  std::vector<std::pair<std::string_view, std::string>> more;  // names that stay
};
std::string to_json(const EventShape& event);

// An address is one person in any case and with blanks around it.
std::string normal_email(std::string_view json);
// The instant, to the second, as JSON.
std::string time_json(int64_t ms);

}  // namespace quipu
