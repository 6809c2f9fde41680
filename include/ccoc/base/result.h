// Expected failures are values: Result<T> carries either a T or an Error that a person can act on.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ccoc {

/// What kind of failure it is. Stable: HTTP status and exit codes are derived from it.
enum class ErrorCode {
  invalid_argument,   ///< the input is wrong; `Error::field` says which part
  unauthenticated,    ///< who are you
  permission_denied,  ///< you may not
  not_found,
  conflict,
  limit_exceeded,  ///< too many, too large, too often
  unavailable,     ///< a peer or service is away; trying again may help
  timeout,
  io,           ///< the disk or the kernel said no
  no_space,     ///< no room on disk or quota used up
  corrupt,      ///< bytes are not what their format says
  unsupported,  ///< understood, but not done
  cancelled,
  internal,
};

/// Stable lower-case name, as used in logs and problem types ("not_found").
std::string_view to_string(ErrorCode code);

/// A failure: a stable code, a sentence for a person, and the input field it concerns (may be empty).
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string field;

  /// The same error with "what: " put before its message.
  [[nodiscard]] Error within(std::string_view what) const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// `return fail(ErrorCode::not_found, "no camera has the id x");`
inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}

/// An Error for the errno value of a failed system call; ENOSPC and EDQUOT become `no_space`.
Error errno_error(int errno_value, std::string_view what);

}  // namespace ccoc
