// Where the pictures and the sound of one stream come from: the hub's own RTSP client, or a GStreamer pipeline in a
// process of its own. Kept for the stream's life, started anew for every attempt. Lives on one reactor's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/media/depacketizer.h"
#include "ccoc/media/frame_sink.h"

namespace ccoc::ingest {

struct StreamConfig;
struct IngestOptions;

/// What a source can tell of itself. Counts go on from attempt to attempt.
struct SourceReport {
  std::string transport;    ///< "tcp", "udp", "srt", "rtmp", "hls", "http", "file", "whip"; empty before anything came
  std::string certificate;  ///< SHA-256 of what the camera showed, hex
  std::uint64_t bytes = 0;  ///< received
  std::uint64_t lost_packets = 0;
  std::uint64_t reordered_packets = 0;
  std::optional<double> jitter_ms;              ///< RFC 3550 §6.4.1
  std::optional<std::int64_t> clock_offset_ms;  ///< camera's clock minus the hub's
  bool sound = false;   ///< the session has sound that is known, whether any has come or not; false: perhaps not known before it comes
  std::string waiting;  ///< a sentence while nothing is due, because a listener waits for its sender; else empty
};

/// Called on the reactor's thread, never inside a call to the source. The source may be stopped or destroyed inside
/// any of these calls.
class SourceListener {
 public:
  virtual ~SourceListener() = default;
  /// A session stands: pictures are due from now on.
  virtual void on_set_up() = 0;
  /// `rtp_timestamp`: of the presentation, 90 kHz, modulo 2^32; any beginning. Units come in decode order.
  virtual void on_picture(media::RawUnit&& picture) = 0;
  virtual void on_sound(media::RawAudio&& sound) = 0;
  /// Once per start(), and not after stop(). `reason`: a sentence for people; `at_least`: to wait before the next try.
  virtual void on_source_ended(media::GapCause cause, const std::string& reason, Duration at_least) = 0;
};

/// What a sender who pushes by WebRTC is told: the session description that answers his, or why there is none.
using OfferAnswered = std::function<void(Result<std::string>)>;

class Source {
 public:
  virtual ~Source() = default;
  /// A new attempt; the one before has ended or was stopped.
  virtual void start() = 0;
  /// `silent`: it is stopped because nothing came. Another way may be tried at the next start, where there is one.
  virtual void stop(bool silent) = 0;
  /// True while someone watches: what comes is then passed on at once.
  virtual void set_prompt(bool prompt) = 0;
  /// About every second while started.
  virtual void tick() = 0;
  virtual SourceReport report() const = 0;
  /// Only while started. `answered` is called once, perhaps inside the call; `conflict` when someone sends already, or when
  /// this source takes no offers; `invalid_argument` when the offer cannot be answered.
  virtual void take_offer(std::string offer, OfferAnswered answered);
};

/// By the scheme of the URL, and by what is asked for. `unsupported` or `invalid_argument` when there is none.
Result<std::unique_ptr<Source>> make_source(Reactor& reactor, const StreamConfig& config, const IngestOptions& options,
                                            SourceListener& listener);

}  // namespace ccoc::ingest
