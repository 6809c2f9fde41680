// One stream of one camera: its clip, its endless time line, and who watches it. Farm thread only, but for the counters.
#pragma once

#include <atomic>
#include <optional>
#include <random>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/simulator/farm.h"

namespace ccoc::simulator {

class Session;

class Stream {
 public:
  /// `phase` shifts its frames against the other cameras'.
  Stream(unsigned camera, std::string role, ClipPtr clip, MonoTime start, Duration phase, std::uint32_t seed);

  unsigned camera() const { return camera_; }
  const std::string& role() const { return role_; }
  const Clip& clip() const { return *clip_; }
  std::uint32_t ssrc() const { return ssrc_; }

  /// Before the first viewer of an idle stream: the next frame is a key frame. Later viewers wait for the next.
  void align_for_viewer(MonoTime now);
  void add_viewer(Session& session);
  void remove_viewer(Session& session);
  bool watched() const { return !viewers_.empty(); }

  struct Start {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
  };
  /// Where a viewer added now begins (RTP-Info).
  Start next_key() const;
  MonoTime due() const { return due_of(next_frame_); }
  /// Sends the frame that is due. What is over a second late is skipped, as a camera without time would.
  void send_due(const Clock& clock);
  /// RTP time of an instant, for sender reports.
  std::uint32_t timestamp_at(MonoTime t) const;

  void reboot(MonoTime now);
  void jump(Duration by) { timestamp_offset_ += static_cast<std::uint32_t>(to_ticks(by, video_timescale)); }
  void stray(Duration by) { stray_ = static_cast<std::uint32_t>(to_ticks(by, video_timescale)); }
  /// From now on the camera's clock is too fast by so much.
  void set_pace(double ppm);
  /// Until show_again(): sends the last key frame again and again.
  void freeze();
  /// Until show_again(): sends a black picture again and again. Nothing changes where the clip is not H.264.
  void blacken();
  void show_again();
  void stall_until(MonoTime until) { stalled_until_ = until; }

  /// Whether the farm's agenda holds it.
  bool scheduled = false;

  StreamCounts counts() const;
  void count_dropped() { dropped_.fetch_add(1, std::memory_order_relaxed); }

 private:
  MonoTime due_of(std::int64_t frame) const;
  std::uint32_t timestamp_of(std::int64_t frame) const;
  const Clip::Frame& picture_of(std::int64_t frame) const;
  void align_to_key(std::int64_t first_frame);
  void begin_identity(bool from_zero);

  unsigned camera_;
  std::string role_;
  ClipPtr clip_;
  MonoTime epoch_;  ///< when frame 0 is due, or would have been at today's pace
  double pace_ = 1;
  std::minstd_rand random_;
  std::uint32_t ssrc_ = 0;
  std::uint16_t sequence_ = 0;
  std::uint32_t timestamp_base_ = 0;
  std::uint32_t timestamp_offset_ = 0;
  std::optional<std::uint32_t> stray_;
  std::int64_t next_frame_ = 0;
  std::int64_t picture_shift_ = 0;     ///< picture = (frame + shift) mod pictures of the clip
  std::optional<std::size_t> frozen_;  ///< picture of the clip
  ClipPtr black_;
  MonoTime stalled_until_{};
  bool resumes_ = false;  ///< frames were left out: goes on with a key frame
  std::vector<Session*> viewers_;

  std::atomic<std::uint64_t> sent_{0}, dropped_{0}, bytes_{0}, plays_{0}, last_frame_{0};
};

}  // namespace ccoc::simulator
