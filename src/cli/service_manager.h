// What a service manager is told (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET
// names. Without one, nothing is done. Any thread.
#pragma once

#include <string_view>

namespace quipu {

// "READY=1", "STOPPING=1"
void tell_service_manager(std::string_view state);

}  // namespace quipu
