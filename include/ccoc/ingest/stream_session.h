// One stream of one camera for as long as it is configured: starts its source, stamps what comes, hands units to its
// sinks, notices silence, tries again with back-off. Lives on one reactor's thread.
#pragma once

#include <memory>
#include <mutex>
#include <random>

#include "ccoc/base/reactor.h"
#include "ccoc/ingest/capture_clock.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/source.h"

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

class StreamSession final : private SourceListener {
 public:
  /// `seed` makes the jitter of retries repeatable.
  StreamSession(Reactor& reactor, StreamConfig config, const IngestOptions& options, StateListener listener,
                std::shared_ptr<StatusCell> cell, std::uint32_t seed);
  ~StreamSession() override;

  void add_sinks(StreamSinks sinks) { sinks_ = std::move(sinks); }
  void start();
  /// True while someone watches: packets are then passed on one by one, and an on-demand stream is connected.
  void set_prompt(bool prompt);
  /// A sender pushes by WebRTC, known by `id` from then on. As Source::take_offer(); it does not wait for a retry that is due.
  void take_offer(const std::string& id, std::string offer, OfferAnswered answered);
  /// The sender says good-bye. False when it is not he who sends.
  bool end_push(const std::string& id);

 private:
  void on_set_up() override;
  void on_picture(media::RawUnit&& picture) override;
  void on_sound(media::RawAudio&& sound) override;
  void on_source_ended(media::GapCause cause, const std::string& reason, Duration at_least) override;

  void attempt();
  void connect_soon();
  void rest();
  void begin_live(const media::VideoFormat& format);
  void tick();
  void fail(media::GapCause cause, const std::string& reason, Duration at_least, bool silent = false);
  void enter(StreamState state);
  void measure(MonoTime now);
  void take_report();
  void note_waiting(const std::string& why);
  void publish();

  Reactor& reactor_;
  StreamConfig config_;
  const IngestOptions options_;
  StateListener listener_;
  std::shared_ptr<StatusCell> cell_;
  StreamSinks sinks_;
  std::minstd_rand random_;

  StreamStatus status_;
  std::unique_ptr<Source> source_;
  bool set_up_ = false;  ///< a session stands
  std::string push_id_;  ///< of the sender by WebRTC; empty: none
  CaptureClock capture_clock_;
  std::optional<CaptureClock> audio_clock_;
  std::uint32_t audio_clock_rate_ = 0;  ///< Hz, of audio_clock_
  std::unique_ptr<Timer> tick_timer_;
  std::unique_ptr<Timer> retry_timer_;
  std::unique_ptr<Timer> linger_timer_;
  bool resting_ = false;  ///< on demand, and nobody watches
  bool prompt_ = false;
  bool fresh_ = true;  ///< the next unit is the first of a session
  bool audio_fresh_ = true;
  Duration backoff_{0};
  MonoTime live_since_{};
  MonoTime last_unit_{};
  MonoTime measured_at_{};
  std::uint64_t measured_frames_ = 0;
  std::uint64_t measured_bytes_ = 0;
  std::uint32_t frames_since_key_ = 0;  ///< 0: no key frame came in this session
};

}  // namespace ccoc::ingest
