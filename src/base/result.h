#pragma once

// The error channel of Tarn's own code: functions that can fail return Result<T>. Exceptions
// stay enabled for the libraries below us and are caught where they enter.

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace tarn {

// Kinds say what the caller can do, not what went wrong: see http/message.h for the one place
// that maps them to HTTP status codes.
enum class ErrorKind {
  kInvalidArgument,  // The request is wrong; sending it again does not help.
  kNotFound,         // What it names is not there.
  kConflict,         // It does not fit what is there: read again, then decide.
  kPrecondition,     // The caller's own condition does not hold: somebody else changed it first.
  kTooLarge,         // Over a limit that a setting names.
  kForbidden,        // The rights of the caller do not suffice.
  kCancelled,        // Somebody asked for this to stop.
  kTimeout,          // The deadline passed.
  kStale,            // What it was reading has changed meanwhile: read again.
  kUnavailable,      // Try again later; nothing was done.
  kOutOfMemory,      // It needs more memory than there is now.
  kInternal,         // Our own failure: the log has more. The last one, see IsErrorKind.
};

// Whether a number that came from another process is one of them.
constexpr bool IsErrorKind(int64_t number) {
  return number >= 0 && number <= static_cast<int64_t>(ErrorKind::kInternal);
}

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;

  // "context: message", of the same kind. Added while an error goes up.
  Error Wrap(std::string_view context) const {
    return {kind, std::string(context) + ": " + message};
  }
};

inline Error InvalidArgument(std::string message) {
  return {ErrorKind::kInvalidArgument, std::move(message)};
}
inline Error NotFound(std::string message) { return {ErrorKind::kNotFound, std::move(message)}; }
inline Error Unavailable(std::string message) {
  return {ErrorKind::kUnavailable, std::move(message)};
}
inline Error Internal(std::string message) { return {ErrorKind::kInternal, std::move(message)}; }

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return this->has_value(); }
};

// Statements, never expressions: inside a coroutine GCC 12 miscompiles statement expressions.
#define TARN_CONCAT_INNER(a, b) a##b
#define TARN_CONCAT(a, b) TARN_CONCAT_INNER(a, b)

// TARN_TRY(Thing thing, MakeThing());  declares `thing` or returns the error.
#define TARN_TRY(declaration, expression) \
  TARN_TRY_IMPL(TARN_CONCAT(tarn_result_, __LINE__), declaration, expression)
#define TARN_TRY_IMPL(result, declaration, expression)    \
  auto result = (expression);                             \
  if (!(result).ok()) return std::move((result).error()); \
  declaration = std::move(*(result))

// TARN_CHECK_OK(DoThing());  returns the error, if there is one.
#define TARN_CHECK_OK(expression) \
  if (auto tarn_status = (expression); !tarn_status.ok()) return std::move(tarn_status.error())

}  // namespace tarn
