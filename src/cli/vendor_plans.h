// The plans that `init --for` prints. `http` reads what POST /v1/events takes, as it came. Those of
// vendors read the one shape (http/event_shape.h) with the same `event`, so that one store can take
// what several vendors' clients send. examples/ holds them all. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quipu {

// Nothing: there is none for this vendor.
std::optional<std::string> vendor_plan(std::string_view vendor);

}  // namespace quipu
