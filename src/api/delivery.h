// The last stretch of a subscription: from access units to messages in the outbox. Announces formats and
// states, sets flags, counts. Thread-safe; live units come on a media thread, recorded ones on the playback reactor.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ccoc/api/problem.h"
#include "ccoc/api/web_socket.h"
#include "ccoc/media/access_unit.h"
#include "fmp4.h"

namespace ccoc::api {

enum class StreamFormat { annexb, fmp4 };

/// What a state message tells besides the state.
struct StateDetail {
  std::string_view cause;
  std::optional<UtcTime> from;
  std::optional<UtcTime> to;
  std::string_view reason;
};

class Delivery {
 public:
  Delivery(std::uint16_t id, StreamFormat format, std::shared_ptr<Outbox> outbox);

  /// `annexb` is called only where that form is wanted. `normal_state` ("live", "playing") is announced when it
  /// isn't the last one.
  void unit(const media::AccessUnitPtr& unit, const std::function<SharedBytes()>& annexb, std::uint8_t flags,
            std::string_view normal_state);
  /// Raw frames of sound in either format; the format is announced before the first.
  void audio(const media::AudioUnitPtr& unit);
  /// A state other than the last one is announced; one with a span always.
  void state(std::string_view state, const StateDetail& detail = {});
  void error(const Problem& problem);
  /// Whether what is given from now on is made for this viewer.
  void set_transcoded(bool transcoded);
  /// Forgets what waits to be sent, as a seek does; the next unit is a discontinuity.
  void restart();
  /// Nothing more will be sent.
  void close();

  /// Capture time of the newest unit that was to be shown.
  std::optional<UtcTime> last_shown() const;

 private:
  void put(OutUnit unit, std::string_view normal_state);
  void announce(const media::VideoFormat& format);
  void announce(const media::AudioFormat& format);
  void say_state(std::string_view state, const StateDetail& detail);

  const std::uint16_t id_;
  const StreamFormat format_;
  const std::shared_ptr<Outbox> outbox_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  bool restarted_ = true;
  bool transcoded_ = false;
  media::VideoFormatPtr announced_;
  media::AudioFormatPtr announced_audio_;
  std::string last_state_;
  FragmentMaker fragments_;
  std::optional<UtcTime> last_shown_;
};

std::string stream_error(std::optional<std::uint16_t> id, const Problem& problem);

}  // namespace ccoc::api
