// CHECK ends the process on a bug, in every build, with the place and the condition. Never for bad
// input or operating errors: those are data and Results.
#pragma once

namespace quipu {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}

#define CHECK(condition)                        \
  (__builtin_expect(!!(condition), 1) ? void(0) \
                                      : ::quipu::check_failed(__FILE__, __LINE__, #condition))
