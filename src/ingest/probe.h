// Tries one URL once, on a reactor's thread; private to ingest.
#pragma once

#include <functional>
#include <memory>

#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/source.h"

namespace ccoc::ingest {

class Probe final : private SourceListener {
 public:
  /// `done` is called once, on the reactor's thread, within `limit`.
  Probe(Reactor& reactor, const StreamConfig& config, const IngestOptions& options, Duration limit, std::function<void(ProbeResult)> done);
  ~Probe() override;
  void start();

 private:
  void on_set_up() override { set_up_ = true; }
  void on_picture(media::RawUnit&& picture) override;
  void on_sound(media::RawAudio&& sound) override;
  void on_source_ended(media::GapCause cause, const std::string& reason, Duration at_least) override;
  void finish();

  Reactor& reactor_;
  StreamConfig config_;
  IngestOptions options_;
  Duration limit_;
  std::function<void(ProbeResult)> done_;
  ProbeResult result_;
  std::unique_ptr<Source> source_;
  bool set_up_ = false;
  std::unique_ptr<Timer> limit_timer_;
  std::unique_ptr<Timer> measuring_;
  MonoTime first_unit_{};
  MonoTime last_unit_{};
  std::uint64_t units_ = 0;
  std::uint64_t bytes_before_ = 0;  ///< the first picture
};

}  // namespace ccoc::ingest
