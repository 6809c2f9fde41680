// The hub's RTSP server: rtsp://KEYID:SECRET@HUB:8554/{camera}/{stream}, live, and recorded with `Range: clock=` or
// `?from=&to=`. It admits API keys and feeds the protocol (rtsp::Server) from live channels and the archive. Owns its thread.
#pragma once

#include <memory>

#include "ccoc/api/api.h"
#include "ccoc/rtsp/server.h"

namespace ccoc::api {

class RtspDoor {
 public:
  /// Listens at once. `conflict` when the address is taken, `permission_denied` for a port below 1024 without the right to
  /// it. Everything in `services` outlives it.
  static Result<std::unique_ptr<RtspDoor>> start(Services services, const rtsp::ServerOptions& options);
  ~RtspDoor();
  RtspDoor(const RtspDoor&) = delete;
  RtspDoor& operator=(const RtspDoor&) = delete;

  /// Ends all connections. Channels may speak to the door until it is destroyed: end them before that.
  void stop();
  /// Of the plain and of the TLS listener; 0 where there is none.
  std::uint16_t port() const;
  std::uint16_t tls_port() const;
  const rtsp::ServerCounts& counts() const;

  class Impl;

 private:
  explicit RtspDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::api
