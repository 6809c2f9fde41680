// RTSP URLs (RFC 2326 §3.2) as people and cameras write them, and control URLs (RFC 2326 §C.1.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ccoc/base/result.h"

namespace ccoc::rtsp {

struct Message;

struct Url {
  std::string scheme;  ///< "rtsp" or "rtsps"
  std::string user;    ///< percent-decoded; empty when absent
  std::string password;
  std::string host;  ///< name or address, without brackets
  std::uint16_t port = 554;
  std::string path;  ///< with query; empty or starting with '/' or '?'; bytes outside ASCII percent-encoded

  bool tls() const { return scheme == "rtsps"; }
  /// What goes into a request line: never user or password; the port only when it is not the default one.
  std::string request_uri() const;
};

/// Default port 554 (rtsp) or 322 (rtsps). User and password may be percent-encoded, or written raw: the last '@'
/// before the path ends them, and `/ ? #` in them are understood unless what stands before reads as host and port.
/// `invalid_argument` says what is wrong and never repeats the password.
Result<Url> parse_url(std::string_view text);

/// The URL controls are resolved against: Content-Base, else Content-Location, else the URL of the request; without
/// credentials.
std::string base_url(const Message& describe_reply, std::string_view request_url);

/// Absolute controls are taken as they are (without credentials); "*" and an empty one mean the base; anything else is put
/// behind the base with one '/' between, even when the base ends in a query: what live555 and ffmpeg do, and
/// therefore what cameras understand.
std::string resolve_control(std::string_view base, std::string_view control);

std::string percent_decode(std::string_view text);  ///< a broken escape stays as it is

}  // namespace ccoc::rtsp
