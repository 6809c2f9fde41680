// Who watches by WebRTC (WHEP): one ccoc-bridge for each viewer, given the live channel's pictures as they are, or made into H.264,
// and its sound.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/live/directory.h"
#include "ccoc/vision/transcoder.h"

namespace ccoc::webrtc {

struct ViewerOptions {
  std::string bridge;        ///< path of ccoc-bridge; empty: `unavailable`
  std::string bridge_cache;  ///< file in which GStreamer remembers its plug-ins
  bool refuse_local = true;  ///< no connection to loopback and link-local addresses
  std::size_t max_viewers = 16;
  Duration check_interval = std::chrono::seconds{5};  ///< of rights
};

struct Admitted {
  std::string id;   ///< 32 hexadecimal digits that nobody can guess
  std::string sdp;  ///< the answer to the viewer's session description
};

/// Asked on a pool thread while he watches; false ends it.
using StillAllowed = std::function<bool()>;

class Viewers {
 public:
  /// All of them outlive this object. `reactor` runs; what sends to viewers lives on it. `pool`: for rights.
  /// `transcoder`: for pictures that are not H.264, or reordered.
  Viewers(Reactor& reactor, WorkQueue& pool, const live::Directory& channels, vision::Transcoder& transcoder, ViewerOptions options);
  /// stop().
  ~Viewers();
  /// Ends all; who is being let in is refused. Returns when nothing of it is left on the reactor, and no right is asked for.
  void stop();

  /// Answers an offer; blocks the calling (pool) thread for at most 17 s. `expects_sound`: it is waited for a little where none has
  /// come yet; who comes before the sound hears none. `not_found`: no such stream; `unsupported`: its
  /// pictures are not H.264, or reordered, and are not converted; `invalid_argument`: the offer cannot be answered;
  /// `limit_exceeded`: as many watch, or are converted for, as may; `unavailable`: no picture has come yet, or ccoc-bridge fails;
  /// `timeout`.
  Result<Admitted> admit(const std::string& camera, const std::string& stream, std::string offer, bool expects_sound,
                         StillAllowed still_allowed);
  /// `not_found` when nobody watches that camera under that name, any more.
  Status end(const std::string& camera, const std::string& id);
  std::size_t count() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ccoc::webrtc
