// A stream taken by the hub's own RTSP client. What brought pictures is kept for the next attempt; what brought none is
// followed by another way of asking. Private to ingest.
#pragma once

#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/rtp_receiver.h"
#include "ccoc/ingest/source.h"
#include "ccoc/rtsp/client.h"

namespace ccoc::ingest {

class RtspSource final : public Source, private rtsp::ClientListener {
 public:
  RtspSource(Reactor& reactor, StreamConfig config, const IngestOptions& options, SourceListener& listener);
  ~RtspSource() override;

  void start() override;
  void stop(bool silent) override;
  void set_prompt(bool prompt) override;
  void tick() override;
  SourceReport report() const override;

 private:
  /// How a session is asked for.
  struct Way {
    rtsp::MediaTransport transport = rtsp::MediaTransport::tcp;
    bool audio = true;
    bool all_tracks = false;
    bool guessed = false;  ///< tried because another way was silent, not refused
  };
  /// One track's receiver and what it has counted; the counts of earlier sessions are kept in Totals.
  struct Totals {
    std::uint64_t lost = 0, reordered = 0;
  };

  void on_track(rtsp::TrackKind kind, const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) override;
  void on_playing() override {}
  void on_rtp(rtsp::TrackKind kind, ByteView packet) override;
  void on_rtcp(rtsp::TrackKind kind, ByteView packet) override;
  void on_ended(rtsp::EndReason reason, const Error& error) override;

  Way preferred() const;
  void choose_another_way();
  void end_session();
  void send_reports();
  Totals totals() const;

  Reactor& reactor_;
  StreamConfig config_;
  const IngestOptions options_;
  SourceListener& listener_;
  bool no_audio_ = false;  ///< the camera ends the session when it is asked for its sound
  Way way_;
  bool prompt_ = false;
  std::unique_ptr<rtsp::Client> client_;
  std::unique_ptr<RtpReceiver> video_;
  std::unique_ptr<RtpReceiver> audio_;
  Totals before_;
  std::uint64_t bytes_ = 0;
  std::string transport_;  ///< of the last session that brought pictures
  std::string certificate_;
  std::optional<std::int64_t> clock_offset_ms_;
  bool brought_pictures_ = false;  ///< this session
  int ticks_ = 0;
  std::unique_ptr<Timer> refusal_;  ///< of a URL that cannot be read
};

}  // namespace ccoc::ingest
