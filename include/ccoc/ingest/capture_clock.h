// RTP time to wall-clock time for one stream: the hub's clock rules, the camera's clock only spaces frames.
// The smallest transport delay seen lately is taken as none; drift is followed by slewing, never by stepping
// back; timestamps at another pace than real time (faults.md 5) are rescaled. Pure: the caller says what time it is.
#pragma once

#include <cstdint>
#include <optional>

#include "ccoc/base/time.h"
#include "ccoc/ingest/decode_order.h"

namespace ccoc::ingest {

struct CaptureStamp {
  UtcTime capture_time;
  std::int64_t media_time = 0;          ///< decode time, 90 kHz, continuous within a run
  std::int32_t composition_offset = 0;  ///< presentation minus decode time, 90 kHz
  bool new_run = false;                 ///< time was based anew: something before is missing
};

class CaptureClock {
 public:
  /// `rtp_rate` in Hz.
  explicit CaptureClock(std::uint32_t rtp_rate = 90000) : rtp_rate_(rtp_rate) {}

  /// The stamp of a unit that arrived (was read) at `arrival`. A single timestamp more than 3 s off is
  /// re-timed behind its predecessor; two in a row that agree start a new run (faults.md 4). Capture times rise by at
  /// least 1 ms from call to call, across runs and restarts too.
  CaptureStamp stamp(std::uint32_t rtp_timestamp, UtcTime arrival);

  /// What the stream says of itself: pictures that may come before one shown earlier, and its rate (0: not said).
  void expect_reordering(unsigned pictures, double fps);

  /// The next unit comes from a new session: its timestamps have nothing to do with the ones before.
  void restart();

 private:
  CaptureStamp start_run(std::uint32_t rtp_timestamp, UtcTime arrival);
  CaptureStamp give(UtcTime capture, bool new_run, double composition_us = 0);
  void follow(Duration late, Duration elapsed, UtcTime arrival);
  void end_window(UtcTime arrival);

  std::uint32_t rtp_rate_;
  bool running_ = false;
  std::uint32_t last_rtp_ = 0;
  double position_us_ = 0;  ///< when the last good unit is presented, since the run began
  DecodeOrder order_;
  double last_decode_us_ = 0;
  double pace_ = 1;        ///< real time per RTP time
  double pace_error_ = 0;  ///< as the window before saw it
  UtcTime anchor_;         ///< wall-clock time of position 0
  UtcTime last_arrival_;
  std::optional<UtcTime> last_capture_;
  std::int64_t media_time_ = 0;
  Duration nominal_ = std::chrono::milliseconds{40};
  std::optional<std::uint32_t> stray_;
  UtcTime stray_arrival_;
  UtcTime window_start_;
  std::optional<Duration> window_min_;      ///< smallest lateness
  std::optional<Duration> window_min_raw_;  ///< the same, as if the base had never been moved
  std::optional<Duration> last_min_raw_;    ///< of the window before
  Duration moved_{0};                       ///< of the base, since the run began
  Duration correction_{0};                  ///< still to be slewed
};

}  // namespace ccoc::ingest
