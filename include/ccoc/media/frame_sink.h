// Who takes the access units of one stream: the recorder and the live channel.
#pragma once

#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Why nothing comes (timeline, gap ledger).
enum class GapCause { camera, network, hub, disk, disabled };
std::string_view to_string(GapCause cause);

/// Called on the stream's media thread, in capture order. Must not block.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void on_unit(const AccessUnitPtr& unit) = 0;
  /// Sound that belongs to the pictures; who does not want it does nothing.
  virtual void on_audio(const AudioUnitPtr&) {}
  /// No unit came for a second, and more may: what was kept back until it tells how long the one before lasts need not wait
  /// longer. Told again while nothing comes.
  virtual void on_quiet() {}
  /// The stream stopped after the last unit, with its cause; units may follow later (as a discontinuity).
  virtual void on_interrupted(GapCause cause, std::string_view reason) = 0;
};

}  // namespace ccoc::media
