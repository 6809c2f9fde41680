// One stream's packets for its viewers: access units in, RTP out. The packets are made once and shared by all viewers, who
// see the same source, sequence numbers and times. One thread.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/media/packetizer.h"
#include "ccoc/rtsp/track.h"

namespace ccoc::rtsp {

class RelayViewer {
 public:
  virtual ~RelayViewer() = default;
  virtual void on_packets(TrackKind track, const media::PacketBatchPtr& packets) = 0;
  /// An RTCP compound: sender report, at the end with BYE.
  virtual void on_report(TrackKind track, const SharedBytes& rtcp) = 0;
};

/// Where a track begins (RTP-Info).
struct TrackStart {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
};

class Relay {
 public:
  enum class Timing {
    live,      ///< RTP time follows the wall clock; viewers begin at the cached key unit
    recorded,  ///< RTP time goes on at the speed of playing: gaps are closed; nothing is cached
  };
  /// `seed` makes sources and first numbers; `clock` outlives it.
  Relay(const Clock& clock, Timing timing, std::uint64_t seed);
  ~Relay();

  void on_unit(const media::AccessUnitPtr& unit);
  void on_audio(const media::AudioUnitPtr& unit);
  /// Nothing follows for a while: what is cached is no beginning any more.
  void on_interrupted();
  /// Recorded: what comes next continues right behind what was last, at this speed (not 0).
  void restart(double scale);
  /// Tells all viewers that nothing follows.
  void end();

  /// The viewer gets the cached packets at once, and is held until removed.
  void add(RelayViewer& viewer);
  void remove(RelayViewer& viewer);
  std::size_t viewers() const { return viewers_.size(); }

  /// Of the newest key unit, and of the newest sound; null before.
  const media::VideoFormatPtr& video() const { return video_; }
  const media::AudioFormatPtr& audio() const { return audio_; }
  /// A viewer that is added now begins here; nothing when that is not known yet.
  std::optional<TrackStart> start_of(TrackKind track) const;
  std::uint32_t ssrc(TrackKind track) const;
  /// H.264 and H.265 are; units of other codecs are left out.
  static bool can_send(const media::VideoFormat& format);

 private:
  struct Track;
  Track& track(TrackKind kind) { return *tracks_[kind == TrackKind::audio ? 1 : 0]; }
  std::int64_t place(Track& track, std::int64_t media_time, UtcTime capture, bool discontinuity, bool video);
  void send(TrackKind kind, const media::PacketBatchPtr& packets, UtcTime capture);
  void keep(const media::PacketBatchPtr& packets);
  SharedBytes report_of(TrackKind kind, bool bye);
  void report_all();
  void forget_cache();

  const Clock& clock_;
  const Timing timing_;
  std::array<std::unique_ptr<Track>, 2> tracks_;
  std::vector<RelayViewer*> viewers_;
  media::VideoFormatPtr video_;
  media::AudioFormatPtr audio_;
  std::deque<media::PacketBatchPtr> cached_;
  std::size_t cached_bytes_ = 0;
  MonoTime next_report_{};

  // Recorded: position = position_ + (time - origin_) / scale_, in 90 kHz ticks.
  double scale_ = 1;
  bool replace_ = true;
  std::int64_t origin_ = 0;
  std::int64_t position_ = 0;
  std::int64_t last_position_ = 0;
};

}  // namespace ccoc::rtsp
