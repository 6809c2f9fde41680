#include "ccoc/base/result.h"

#include <cerrno>
#include <system_error>

namespace ccoc {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::unauthenticated: return "unauthenticated";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::limit_exceeded: return "limit_exceeded";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::io: return "io";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

Error Error::within(std::string_view what) const {
  Error out = *this;
  out.message = std::string(what) + ": " + message;
  return out;
}

Error errno_error(int errno_value, std::string_view what) {
  const bool full = errno_value == ENOSPC || errno_value == EDQUOT;
  const ErrorCode code = full                       ? ErrorCode::no_space
                         : errno_value == ENOENT    ? ErrorCode::not_found
                         : errno_value == EEXIST    ? ErrorCode::conflict
                         : errno_value == ETIMEDOUT ? ErrorCode::timeout
                                                    : ErrorCode::io;
  return Error{code, std::string(what) + ": " + std::generic_category().message(errno_value), {}};
}

}  // namespace ccoc
