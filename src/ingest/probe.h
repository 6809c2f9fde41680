// Tries one URL once, on a reactor's thread; private to ingest.
#pragma once

#include <functional>
#include <memory>

#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/rtp_receiver.h"
#include "ccoc/rtsp/client.h"

namespace ccoc::ingest {

class Probe final : public rtsp::ClientListener {
 public:
  /// `done` is called once, on the reactor's thread, within `limit`.
  Probe(Reactor& reactor, const StreamConfig& config, const IngestOptions& options, Duration limit,
        std::function<void(ProbeResult)> done);
  ~Probe() override;
  void start();

 private:
  void on_track(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) override;
  void on_playing() override {}
  void on_rtp(ByteView packet) override;
  void on_rtcp(ByteView) override {}
  void on_ended(rtsp::EndReason reason, const Error& error) override;
  void finish();

  Reactor& reactor_;
  StreamConfig config_;
  IngestOptions options_;
  Duration limit_;
  std::function<void(ProbeResult)> done_;
  ProbeResult result_;
  std::unique_ptr<rtsp::Client> client_;
  std::unique_ptr<RtpReceiver> receiver_;
  std::unique_ptr<Timer> limit_timer_;
  std::unique_ptr<Timer> measuring_;
  MonoTime first_unit_{};
  MonoTime last_unit_{};
  std::uint64_t units_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace ccoc::ingest
