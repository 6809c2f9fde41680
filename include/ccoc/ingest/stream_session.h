// One stream of one camera for as long as it is configured: connects, receives, stamps, hands units to its
// sinks, notices silence, reconnects with back-off. Lives on one reactor's thread.
#pragma once

#include <memory>
#include <mutex>
#include <random>

#include "ccoc/base/reactor.h"
#include "ccoc/ingest/capture_clock.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/rtp_receiver.h"
#include "ccoc/rtsp/client.h"

namespace ccoc::ingest {

/// A status written by the session and read by anyone.
class StatusCell {
 public:
  StreamStatus get() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  void set(const StreamStatus& status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }

 private:
  mutable std::mutex mutex_;
  StreamStatus status_;
};

class StreamSession final : public rtsp::ClientListener {
 public:
  /// `seed` makes the jitter of retries repeatable.
  StreamSession(Reactor& reactor, StreamConfig config, const IngestOptions& options, StateListener listener,
                std::shared_ptr<StatusCell> cell, std::uint32_t seed);
  ~StreamSession() override;

  void add_sinks(StreamSinks sinks) { sinks_ = std::move(sinks); }
  void start();
  /// True while someone watches: packets are then passed on one by one, and an on-demand stream is connected.
  void set_prompt(bool prompt);

 private:
  void on_track(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) override;
  void on_playing() override {}
  void on_rtp(ByteView packet) override;
  void on_rtcp(ByteView packet) override;
  void on_ended(rtsp::EndReason reason, const Error& error) override;

  void attempt();
  void choose_another_way();
  void connect_soon();
  void rest();
  void on_unit(media::RawUnit&& raw);
  void tick();
  void fail(media::GapCause cause, const std::string& reason, Duration at_least);
  void enter(StreamState state);
  void measure(MonoTime now);
  void publish();

  Reactor& reactor_;
  StreamConfig config_;
  const IngestOptions options_;
  StateListener listener_;
  std::shared_ptr<StatusCell> cell_;
  StreamSinks sinks_;
  std::minstd_rand random_;

  StreamStatus status_;
  std::unique_ptr<rtsp::Client> client_;
  std::unique_ptr<RtpReceiver> receiver_;
  CaptureClock capture_clock_;
  std::unique_ptr<Timer> tick_timer_;
  std::unique_ptr<Timer> retry_timer_;
  std::unique_ptr<Timer> linger_timer_;
  bool resting_ = false;  ///< on demand, and nobody watches
  bool prompt_ = false;
  /// How the session is asked for. What brought pictures is kept; what brought none is followed by another way.
  rtsp::MediaTransport transport_;
  bool all_tracks_ = false;
  bool guessed_ = false;  ///< transport_ was tried because the other one was silent, not refused
  bool fresh_ = true;  ///< the next unit is the first of a session
  Duration backoff_{0};
  MonoTime attempt_started_{};
  MonoTime live_since_{};
  MonoTime last_unit_{};
  MonoTime measured_at_{};
  std::uint64_t measured_frames_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t measured_bytes_ = 0;
  std::uint32_t frames_since_key_ = 0;  ///< 0: no key frame came in this session
  std::uint64_t lost_before_ = 0;
  std::uint64_t reordered_before_ = 0;
  int ticks_ = 0;
};

}  // namespace ccoc::ingest
