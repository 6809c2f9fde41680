// A stream that ccoc-bridge receives: GStreamer in a process of its own, because it parses what strangers send. One process
// for each attempt, killed with it. Private to ingest.
#pragma once

#include <memory>

#include "ccoc/ingest/bridge_process.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/source.h"
#include "ccoc/media/picture_assembler.h"

namespace ccoc::ingest {

class BridgeSource final : public Source, private ConnectionHandler {
 public:
  BridgeSource(Reactor& reactor, StreamConfig config, const IngestOptions& options, SourceListener& listener);
  ~BridgeSource() override;

  void start() override;
  void stop(bool silent) override;
  void set_prompt(bool prompt) override;
  void tick() override {}
  SourceReport report() const override { return report_; }
  void take_offer(std::string offer, OfferAnswered answered) override;
  /// Of the running process; 0 while there is none.
  int pid() const { return process_ ? process_->pid() : 0; }

 private:
  void on_connected() override {}
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;

  bool awaits_offer() const { return config_.url == "whip:"; }
  Status start_process(std::string offer);
  bridge::Start order() const;
  void take(const bridge::Start&);
  void take(const bridge::Waiting& message) { report_.waiting = message.why; }
  void take(const bridge::SetUp& message);
  void take(const bridge::Configuration& message);
  void take(const bridge::Picture& message);
  void take(const bridge::Sound& message);
  void take(const bridge::Ended& message);
  void take(const bridge::Answer& message);
  void take(const bridge::Silent&) {}  // it sends to nobody
  media::PictureAssembler& assembler_for(media::Codec codec);
  void deliver_pictures();
  void end(media::GapCause cause, const std::string& reason, Duration at_least);
  void end_process();
  void answer(Result<std::string> with);

  Reactor& reactor_;
  const StreamConfig config_;
  const IngestOptions options_;
  SourceListener& listener_;
  SourceReport report_;
  bool prompt_ = false;
  rtsp::MediaTransport rtsp_transport_;  ///< asked for, of RTSP

  // One attempt.
  std::shared_ptr<const int> attempt_;  ///< gone when it ends: what is under way then must not touch this object
  std::unique_ptr<BridgeProcess> process_;
  bridge::MessageReader reader_;
  media::Codec codec_ = media::Codec::h264;
  std::unique_ptr<media::PictureAssembler> assembler_;
  std::vector<media::RawUnit> pictures_;  ///< whole, to be handed on
  media::AudioFormatPtr sound_format_;
  OfferAnswered answered_;  ///< whom the answer is due to
  std::unique_ptr<Timer> answer_limit_;
  std::unique_ptr<Timer> refusal_;  ///< of an attempt that could not even start
};

/// For every scheme that the bridge knows. The URL is judged by the bridge.
std::unique_ptr<Source> make_bridge_source(Reactor& reactor, const StreamConfig& config, const IngestOptions& options,
                                           SourceListener& listener);

}  // namespace ccoc::ingest
