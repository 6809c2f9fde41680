// The ingest of all cameras: a few media threads, each stream on one of them for its life.
// It knows nothing of the archive or of viewers: whole units go to the sinks it is given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/reactor.h"
#include "ccoc/ingest/status.h"
#include "ccoc/media/frame_sink.h"
#include "ccoc/rtsp/client.h"

namespace ccoc::ingest {

struct StreamConfig {
  std::string camera;  ///< id
  std::string role;    ///< "main", "sub"
  std::string url;     ///< without user and password
  std::string username, password;
  /// Asked for first; unset: TCP, and whatever the camera sends pictures by is kept.
  std::optional<rtsp::MediaTransport> transport{};
  std::string certificate{};      ///< rtsps: the only one that is accepted (SHA-256, hex); empty: the first to come
  std::string client = "native";  ///< of RTSP: "native", "gstreamer"
  bool audio = true;              ///< the sound, too, where there is some
  bool enabled = true;
  bool record = true;      ///< not used by ingest itself: a change of it makes the stream anew, with other sinks
  bool on_demand = false;  ///< connected only while someone watches
  friend bool operator==(const StreamConfig&, const StreamConfig&) = default;
};

struct IngestOptions {
  bool refuse_local = true;       ///< refuse loopback and link-local addresses
  bool allow_basic_auth = true;   ///< else passwords never leave in clear
  bool follow_redirects = false;  ///< to other hosts, too
  Duration no_frame_timeout = std::chrono::seconds{5};
  Duration connect_timeout = std::chrono::seconds{5};
  Duration backoff_min = std::chrono::milliseconds{500};
  Duration backoff_max = std::chrono::seconds{30};
  std::string bridge{};                        ///< path of the program ccoc-bridge; empty: only what the native RTSP client takes
  std::string bridge_cache{};                  ///< file in which GStreamer remembers its plug-ins; empty: it looks for them each time
  std::string files{};                         ///< folder that file: URLs may name; empty: none
  Duration linger = std::chrono::seconds{15};  ///< an on-demand stream stays so long after its last viewer
};

/// A sender by WebRTC (WHIP) that was let in.
struct Push {
  std::string id;   ///< 32 hexadecimal digits that nobody can guess
  std::string sdp;  ///< the answer to his session description
};

/// What a stream's units are handed to, on the stream's media thread.
struct StreamSinks {
  std::vector<std::shared_ptr<media::FrameSink>> sinks;
};

/// Told of every change of state, on a media thread; must not block.
using StateListener = std::function<void(const StreamStatus&)>;
/// Makes the sinks of a new stream; `reactor` is the stream's thread. `set_prompt` may be kept and called on
/// that thread: true while someone watches.
using SinkFactory = std::function<StreamSinks(const StreamConfig&, Reactor& reactor, std::function<void(bool)> set_prompt)>;
/// Called when a stream is taken away, after its last unit.
using SinkRetired = std::function<void(const StreamConfig&)>;

class Ingest {
 public:
  /// `reactors` outlive the Ingest and run already.
  Ingest(std::vector<Reactor*> reactors, IngestOptions options, SinkFactory make_sinks, SinkRetired retired, StateListener listener);
  ~Ingest();

  /// Makes the streams of one camera what `streams` says: new ones start, changed ones restart, missing ones
  /// stop; unchanged ones are not touched (faults.md C12). Any thread.
  void apply(const std::string& camera, std::vector<StreamConfig> streams);
  void remove(const std::string& camera);
  /// Ends all sessions; returns when no sink will be called any more. Bounded by 1 s.
  void stop();

  /// Any thread.
  std::vector<StreamStatus> statuses() const;
  std::vector<StreamStatus> statuses_of(const std::string& camera) const;

  /// Someone pushes to a stream by WebRTC. Blocks the calling (pool) thread for at most 10 s. `not_found`: there is no such
  /// stream; `conflict`: someone sends already, or the stream waits for nobody; `invalid_argument`: the offer cannot be
  /// answered; `unavailable`, `timeout`.
  Result<Push> accept_push(const std::string& camera, const std::string& role, std::string offer);
  /// Ends what accept_push() began. `not_found` when it has ended, or another has come in its place.
  Status end_push(const std::string& camera, const std::string& id);

  /// Tries a URL now, blocking the calling (pool) thread for at most `limit`. RTSP that the hub's own client cannot take is tried
  /// with GStreamer, too.
  ProbeResult probe(const StreamConfig& config, Duration limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::ingest
