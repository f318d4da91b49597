// How a program of this folder ends when it cannot measure.
#pragma once

#include <string>

namespace quipu::bench {

// Ends the process with 1, the message on standard error.
[[noreturn]] void give_up(const std::string& message);

}  // namespace quipu::bench
