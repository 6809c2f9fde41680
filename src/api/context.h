// What route handlers share. One file per family of routes adds them to the router.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "ccoc/api/api.h"
#include "ccoc/archive/holds.h"
#include "gate.h"
#include "json.h"
#include "live_hls.h"

namespace ccoc::api {

struct Context {
  explicit Context(Services given)
      : services(std::move(given)),
        gate(services.access),
        hls(std::make_shared<LiveHlsStreams>(services.playback_reactor, services.live)) {}

  Services services;
  Gate gate;
  archive::Holds holds{services.database};
  OpenSockets sockets;
  const std::shared_ptr<LiveHlsStreams> hls;
  std::atomic<std::size_t> stream_connections{0};
  std::atomic<std::size_t> subscriptions{0};
  std::atomic<int> probes{0};
  std::atomic<int> negotiations{0};  ///< of WebRTC, under way
  UtcTime started_at = services.clock.utc_now();

  std::optional<vision::PictureStatus> picture_of(const std::string& camera) const {
    return services.picture ? services.picture(camera) : std::nullopt;
  }

  /// Notes an action in the audit trail; a trail that is away is logged and does not stop the work.
  void audit(const Request& request, std::string_view action, std::string_view object, const boost::json::object& details = {});
};

inline const std::string api_prefix = "/api/v1";

Response refuse(const Request& request, const Error& error);
Response refuse(const Request& request, const Problem& problem);
Response refuse(const Request& request, const registry::Refusal& refusal);

/// A token is good for one camera, and live or a range; a problem when it isn't for this. Nothing for others.
std::optional<Problem> check_token(const Request& request, const std::string& camera, std::optional<UtcTime> from,
                                   std::optional<UtcTime> to);

/// Says which time an answer about [from, to) covers: X-Covers-From, X-Covers-To, X-Footage (the first 50 spans) and
/// X-Missing-Seconds. `spans` as VirtualFile::spans().
void add_coverage(Response& out, const std::vector<archive::Span>& spans, UtcTime from, UtcTime to);

/// What a person means by a time that the API wrote: it cut the microseconds off.
constexpr UtcTime end_of_millisecond(UtcTime at) { return at + std::chrono::milliseconds{1} - Duration{1}; }

void add_session_routes(Router& router, Context& context);
void add_camera_routes(Router& router, Context& context);
void add_footage_routes(Router& router, Context& context);
void add_webrtc_routes(Router& router, Context& context);
void add_hls_routes(Router& router, Context& context);
void add_motion_routes(Router& router, Context& context);
void add_thumbnail_routes(Router& router, Context& context);
void add_status_routes(Router& router, Context& context);
void add_geography_routes(Router& router, Context& context);
void add_administration_routes(Router& router, Context& context);
void add_hold_routes(Router& router, Context& context);
void add_socket_routes(Router& router, Context& context);

/// Serves the files beneath `root`, index.html for unknown paths that look like pages. Never leaves `root`.
Handler make_static_files(const std::string& root);

/// docs/openapi.yaml as built into the program.
std::string_view embedded_openapi();

}  // namespace ccoc::api
