#include "end_reason.h"

namespace ccoc::rtsp {

EndReason reason_of_close(const Error& error, bool was_connected) {
  if (was_connected) return error.code == ErrorCode::timeout ? EndReason::timeout : EndReason::closed;
  switch (error.code) {
    case ErrorCode::not_found: return EndReason::name_unknown;
    case ErrorCode::permission_denied: return EndReason::address_refused;
    case ErrorCode::conflict: return EndReason::certificate_changed;
    case ErrorCode::unsupported: return EndReason::tls_failed;
    default: return EndReason::connect_failed;
  }
}

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::name_unknown: return "name_unknown";
    case EndReason::address_refused: return "address_refused";
    case EndReason::connect_failed: return "connect_failed";
    case EndReason::timeout: return "timeout";
    case EndReason::closed: return "closed";
    case EndReason::wrong_password: return "wrong_password";
    case EndReason::auth_refused: return "auth_refused";
    case EndReason::not_found: return "not_found";
    case EndReason::busy: return "busy";
    case EndReason::no_transport: return "no_transport";
    case EndReason::not_rtsp: return "not_rtsp";
    case EndReason::no_video: return "no_video";
    case EndReason::tls_failed: return "tls_failed";
    case EndReason::certificate_changed: return "certificate_changed";
    case EndReason::redirected: return "redirected";
    case EndReason::server_error: return "server_error";
  }
  return "server_error";
}

std::string_view to_string(MediaTransport transport) { return transport == MediaTransport::udp ? "udp" : "tcp"; }

}  // namespace ccoc::rtsp
