// Operating errors as values. A Result<T> holds a T or an Error whose message tells the reader what
// to do about it. A bug is not an Error: it is a failed CHECK (check.h). Value types; no threads.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace quipu {

struct Error {
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(runtime/explicit)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(runtime/explicit)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & {
    CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const {
    CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

// Success or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT(runtime/explicit)
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    CHECK(failed_);
    return error_;
  }

 private:
  bool failed_ = false;
  Error error_;
};

}  // namespace quipu

// Declares what a Result holds, or returns its error from the enclosing function:
//   QUIPU_ASSIGN(auto store, Store::open(folder, options));
#define QUIPU_ASSIGN(declaration, expr) \
  QUIPU_ASSIGN_AS(QUIPU_JOIN(quipu_result_, __LINE__), declaration, expr)
#define QUIPU_ASSIGN_AS(result, declaration, expr) \
  auto result = (expr);                            \
  if (!result.ok()) return result.error();         \
  declaration = std::move(result).value()
#define QUIPU_JOIN(a, b) QUIPU_JOIN_NOW(a, b)
#define QUIPU_JOIN_NOW(a, b) a##b

// Returns the error of a Status or Result from the enclosing function.
#define QUIPU_TRY(expr)                              \
  do {                                               \
    const auto& quipu_try_ = (expr);                 \
    if (!quipu_try_.ok()) return quipu_try_.error(); \
  } while (0)
