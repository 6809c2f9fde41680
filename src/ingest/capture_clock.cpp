#include "ccoc/ingest/capture_clock.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace ccoc::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration jump_tolerance = seconds{3};
constexpr Duration reorder_tolerance = seconds{1};  // B-frames are presented before what came before them
constexpr Duration window_length = seconds{5};
constexpr Duration smallest_step = milliseconds{1};
constexpr std::int64_t slew_divisor = 25;  // at most 4 % of the time that passed: more than wrong_pace
constexpr std::int64_t early_divisor = 20;
constexpr std::int64_t fast_early_divisor = 8;
constexpr Duration quite_early = milliseconds{100};
constexpr Duration far_early = seconds{1};
/// A pace off by this much in two windows in a row is no jitter.
constexpr double wrong_pace = 0.03;
constexpr double slowest_pace = 0.25;
constexpr double fastest_pace = 4;

}  // namespace

void CaptureClock::restart() {
  running_ = false;
  stray_.reset();
}

void CaptureClock::expect_reordering(unsigned pictures, double fps) {
  order_.expect(pictures, fps > 0.1 && fps < 1000 ? 1e6 / fps : static_cast<double>(nominal_.count()));
}

CaptureStamp CaptureClock::give(UtcTime capture, bool new_run, double composition_us) {
  if (last_capture_) {
    capture = std::max(capture, *last_capture_ + smallest_step);
    if (new_run) {
      media_time_ = 0;
    } else {
      media_time_ += to_ticks(capture - *last_capture_, video_timescale);
    }
  }
  last_capture_ = capture;
  const auto offset = to_ticks(Duration{static_cast<std::int64_t>(std::llround(composition_us))}, video_timescale);
  return {capture, media_time_, static_cast<std::int32_t>(offset), new_run};
}

CaptureStamp CaptureClock::start_run(std::uint32_t rtp_timestamp, UtcTime arrival) {
  running_ = true;
  stray_.reset();
  last_rtp_ = rtp_timestamp;
  position_us_ = 0;
  pace_ = 1;
  pace_error_ = 0;
  order_.reset();
  const double decode_us = order_.next(0);
  last_decode_us_ = decode_us;
  anchor_ = arrival - Duration{static_cast<std::int64_t>(decode_us)};
  last_arrival_ = arrival;
  window_start_ = arrival;
  window_min_.reset();
  window_min_raw_.reset();
  last_min_raw_.reset();
  moved_ = Duration{0};
  correction_ = Duration{0};
  return give(arrival, true, -decode_us);
}

CaptureStamp CaptureClock::stamp(std::uint32_t rtp_timestamp, UtcTime arrival) {
  if (!running_) return start_run(rtp_timestamp, arrival);

  const auto delta = static_cast<std::int64_t>(static_cast<std::int32_t>(rtp_timestamp - last_rtp_));
  const Duration step = from_ticks(delta, rtp_rate_);
  const Duration elapsed = std::max(arrival - last_arrival_, Duration{0});
  if (step < -reorder_tolerance || step > elapsed + jump_tolerance) {
    const bool agrees = stray_ && std::chrono::abs(from_ticks(static_cast<std::int32_t>(rtp_timestamp - *stray_), rtp_rate_) -
                                                   (arrival - stray_arrival_)) < jump_tolerance;
    if (agrees) return start_run(rtp_timestamp, arrival);
    stray_ = rtp_timestamp;
    stray_arrival_ = arrival;
    return give(*last_capture_ + nominal_, false);
  }
  stray_.reset();
  if (step > Duration{0} && step < seconds{2}) nominal_ = step / static_cast<std::int64_t>(order_.depth() + 1);
  last_rtp_ = rtp_timestamp;
  last_arrival_ = arrival;
  position_us_ += static_cast<double>(delta) * 1e6 / rtp_rate_ * pace_;
  const double decode_us = order_.next(position_us_);
  const UtcTime capture = anchor_ + Duration{static_cast<std::int64_t>(decode_us)};
  const Duration late = arrival - capture;
  // Stamps that stand still while time passes, or a hub clock that stepped: base the time anew.
  if (std::chrono::abs(late) > 2 * jump_tolerance && elapsed < jump_tolerance && step < jump_tolerance) {
    const bool hub_stepped = window_min_ && std::chrono::abs(late - *window_min_) > jump_tolerance;
    if (hub_stepped || std::chrono::abs(late) > 10 * jump_tolerance) return start_run(rtp_timestamp, arrival);
  }
  follow(late, Duration{static_cast<std::int64_t>(decode_us - last_decode_us_)}, arrival);
  last_decode_us_ = decode_us;
  return give(capture, false, position_us_ - decode_us);
}

void CaptureClock::follow(Duration late, Duration elapsed, UtcTime arrival) {
  window_min_raw_ = window_min_raw_ ? std::min(*window_min_raw_, late + moved_) : late + moved_;
  // A unit cannot be read before it was captured: what comes early shows that the base is too late.
  if (late < Duration{0}) {
    const Duration early = -late;
    // B-frames lose their places when decode times are pushed together: there it takes longer.
    const bool at_once = early > (order_.depth() == 0 ? quite_early : far_early);
    const Duration step = at_once ? early : std::min(early, elapsed / (early > quite_early ? fast_early_divisor : early_divisor));
    anchor_ -= step;
    moved_ -= step;
    correction_ = Duration{0};
    late = Duration{0};
  }
  window_min_ = window_min_ ? std::min(*window_min_, late) : late;
  if (arrival - window_start_ >= window_length || arrival < window_start_) end_window(arrival);
  if (correction_ > Duration{0}) {
    const Duration slew = std::min(correction_, elapsed / slew_divisor);
    anchor_ += slew;
    moved_ += slew;
    correction_ -= slew;
  }
}

void CaptureClock::end_window(UtcTime arrival) {
  const Duration length = arrival - window_start_;
  if (length >= window_length && last_min_raw_) {
    const double error = static_cast<double>((*window_min_raw_ - *last_min_raw_).count()) / static_cast<double>(length.count());
    if (std::abs(error) > wrong_pace && std::abs(pace_error_) > wrong_pace && error * pace_error_ > 0) {
      // Positions advanced by 1 - error for each second.
      pace_ = std::clamp(pace_ / std::max(1 - (error + pace_error_) / 2, 0.1), slowest_pace, fastest_pace);
      pace_error_ = 0;
    } else {
      pace_error_ = error;
    }
  }
  last_min_raw_ = length >= window_length ? window_min_raw_ : std::nullopt;
  correction_ = *window_min_;
  window_start_ = arrival;
  window_min_.reset();
  window_min_raw_.reset();
}

}  // namespace ccoc::ingest
