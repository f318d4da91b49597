// CHECK ends the process on a bug, in every build, with the place and the condition; CHECK_EQ and
// its like print both values, too. Never for bad input or operating errors: those are data and
// Results. Any thread. The comparing ones evaluate each side once.
#pragma once

#include <string>
#include <type_traits>

namespace quipu {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& left, const std::string& right);

// How a value is shown beside the failed condition: numbers and enums as numbers, else by a word.
template <typename T>
std::string shown_by_check(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::to_string(std::underlying_type_t<T>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    return "(no number)";
  }
}

}  // namespace quipu

#define CHECK(condition)                        \
  (__builtin_expect(!!(condition), 1) ? void(0) \
                                      : ::quipu::check_failed(__FILE__, __LINE__, #condition))

#define QUIPU_CHECK_THAT(left, op, right)                                 \
  do {                                                                    \
    const auto& check_left = (left);                                      \
    const auto& check_right = (right);                                    \
    if (__builtin_expect(!(check_left op check_right), 0))                \
      ::quipu::check_failed(__FILE__, __LINE__, #left " " #op " " #right, \
                            ::quipu::shown_by_check(check_left),          \
                            ::quipu::shown_by_check(check_right));        \
  } while (0)
#define CHECK_EQ(left, right) QUIPU_CHECK_THAT(left, ==, right)
#define CHECK_NE(left, right) QUIPU_CHECK_THAT(left, !=, right)
#define CHECK_LT(left, right) QUIPU_CHECK_THAT(left, <, right)
#define CHECK_LE(left, right) QUIPU_CHECK_THAT(left, <=, right)
#define CHECK_GT(left, right) QUIPU_CHECK_THAT(left, >, right)
#define CHECK_GE(left, right) QUIPU_CHECK_THAT(left, >=, right)
