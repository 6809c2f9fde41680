// What a camera must satisfy, besides being well formed; from the configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ccoc/registry/camera.h"

namespace ccoc::registry {

/// A rectangle, degrees, bounds included.
struct Bounds {
  double min_lat = -90;
  double max_lat = 90;
  double min_lon = -180;
  double max_lon = 180;
  bool contains(double lat, double lon) const { return lat >= min_lat && lat <= max_lat && lon >= min_lon && lon <= max_lon; }
};

struct Rules {
  /// Cameras outside are refused; unset: anywhere.
  std::optional<Bounds> site{};
  /// `ingest.allow_loopback`: addresses of this machine and of the link are taken.
  bool allow_loopback = false;
  /// `ingest.files`: the folder that file: URLs may name; empty: none.
  std::string files{};
};

/// The parts of a camera's URL, credentials taken out and percent-decoded.
struct CameraUrl {
  std::string url{};   ///< without credentials
  std::string host{};  ///< empty: waits for a sender, or a file
  std::optional<std::string> username{};
  std::optional<std::string> password{};
};

/// Reads a camera's URL: rtsp, rtsps, srt, rtmp, rtmps, http, https, file. `srt://:9000?mode=listener` and
/// `rtmp://:1935/app/key?mode=listener` wait for a sender: they have no host. A `@` or `#` in the password is understood. The
/// message names what is wrong (scheme, host, port, a local address that is not allowed) and never repeats the credentials.
std::expected<CameraUrl, std::string> parse_camera_url(std::string_view text, const Rules& rules);

/// True for localhost and literal loopback, link-local, unspecified and multicast addresses, IPv4 in any spelling the
/// resolver takes (127.1, 0x7f000001), IPv6, and IPv4 mapped into IPv6.
bool is_local_host(std::string_view host);

}  // namespace ccoc::registry
