// A viewer: one WebSocket to /api/v1/stream, as the contract describes it.
#pragma once

#include <functional>
#include <string>

#include "net.h"

namespace ccoc::bench {

/// A binary message of the hub.
struct Picture {
  std::uint8_t flags = 0;
  std::uint16_t id = 0;
  std::uint32_t sequence = 0;
  UtcTime capture;
  ByteView data;  ///< Annex B; valid until the next call
  UtcTime received;
  bool key() const { return (flags & 1) != 0; }
  bool skipped() const { return (flags & 8) != 0; }
  bool hidden() const { return (flags & 32) != 0; }  ///< decode but do not show
};

class Viewer {
 public:
  static Result<Viewer> open(const HttpClient& http);
  /// `position` "live" or an instant.
  Status subscribe(int id, const std::string& camera, const std::string& stream, const std::string& position = "live");
  Status seek(int id, UtcTime position);
  Status unsubscribe(int id);
  /// The next picture that `wanted` takes; an error message of the hub is an error.
  Result<Picture> next_picture(std::chrono::steady_clock::time_point deadline, const std::function<bool(const Picture&)>& wanted);
  std::uint64_t bytes_received() const { return socket_.bytes_received(); }

 private:
  explicit Viewer(WebSocket socket) : socket_(std::move(socket)) {}
  WebSocket socket_;
};

}  // namespace ccoc::bench
