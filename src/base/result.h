#pragma once

// Error handling of Tarn's own code: functions that can fail return Result<T>. Exceptions of
// libraries are caught at the call.

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace tarn {

// The kind tells the caller how to react. http/message.h maps kinds to HTTP status codes.
enum class ErrorKind {
  kInvalidArgument,  // The request is invalid; repeating it does not help.
  kNotFound,         // The requested object does not exist.
  kConflict,         // The request conflicts with the current state: read it again.
  kPrecondition,     // The caller's condition does not hold (concurrent change).
  kTooLarge,         // Over a limit that a setting defines.
  kForbidden,        // The caller has no right to do this.
  kCancelled,        // Cancelled on request.
  kTimeout,          // The deadline passed.
  kStale,            // The data changed while it was read: read it again.
  kUnavailable,      // Temporary; nothing was done. Retry later.
  kOutOfMemory,      // Not enough memory at present.
  kInternal,         // A failure of Tarn itself. Must be last: see IsErrorKind.
};

// True if a number from another process is an ErrorKind.
constexpr bool IsErrorKind(int64_t number) {
  return number >= 0 && number <= static_cast<int64_t>(ErrorKind::kInternal);
}

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;

  // Adds context while an error is passed up: "context: message", of the same kind.
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

// Statements and not expressions: GCC 12 miscompiles statement expressions in coroutines.
#define TARN_CONCAT_INNER(a, b) a##b
#define TARN_CONCAT(a, b) TARN_CONCAT_INNER(a, b)

// TARN_TRY(Thing thing, MakeThing());  declares `thing` or returns the error.
#define TARN_TRY(declaration, expression) \
  TARN_TRY_IMPL(TARN_CONCAT(tarn_result_, __LINE__), declaration, expression)
#define TARN_TRY_IMPL(result, declaration, expression)    \
  auto result = (expression);                             \
  if (!(result).ok()) return std::move((result).error()); \
  declaration = std::move(*(result))

// TARN_CHECK_OK(DoThing());  returns the error, if any.
#define TARN_CHECK_OK(expression) \
  if (auto tarn_status = (expression); !tarn_status.ok()) return std::move(tarn_status.error())

}  // namespace tarn
