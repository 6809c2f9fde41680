// A camera in the simulated world: speaks RTSP, sends H.264 over interleaved RTP, and misbehaves by its seed.
// Each picture carries the camera's number and a running picture number, so that what was sent can be compared
// with what was kept.
#pragma once

#include <optional>
#include <vector>

#include "ccoc/rtsp/message.h"
#include "sim/sim_world.h"

namespace ccoc::sim {

struct CameraTraits {
  int number = 1;
  std::string host = "cam01";
  int fps = 25;
  int gop_frames = 50;
  std::size_t frame_bytes = 1500;  ///< of an inter picture; key pictures are eight times as large
  double clock_ppm = 0;            ///< how much too fast its clock runs
  double faults_per_hour = 0;
};

/// What is read back from a picture.
struct PictureMark {
  int camera = 0;
  std::uint64_t picture = 0;
  friend auto operator<=>(const PictureMark&, const PictureMark&) = default;
};
/// The mark in length-prefixed access unit bytes; nullopt when there is none.
std::optional<PictureMark> find_mark(ByteView length_prefixed);

/// A coded picture (AccessUnit::data) with its mark in it: decodable by nobody, but cut into packets as any.
Bytes make_picture(bool key, int camera, std::uint64_t number, std::size_t size);
/// What describes these pictures: one H.264 track, payload type 96, control "trackID=0".
std::string_view picture_sdp();

class Camera {
 public:
  Camera(World& world, CameraTraits traits);
  ~Camera();

  const CameraTraits& traits() const { return traits_; }
  std::uint64_t pictures_sent() const { return next_picture_; }
  std::uint64_t faults_done() const { return faults_done_; }
  /// No more faults from now on.
  void behave() { misbehaving_ = false; }

 private:
  class Session;
  friend class Session;

  void schedule_fault();
  void misbehave();
  void reboot(Duration away);
  void next_frame();
  void listen();

  World& world_;
  CameraTraits traits_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::unique_ptr<Timer> frame_timer_;
  std::unique_ptr<Timer> fault_timer_;
  std::unique_ptr<Timer> power_timer_;
  MonoTime boot_{};
  std::uint64_t frames_since_boot_ = 0;
  std::uint64_t next_picture_ = 0;
  std::uint32_t rtp_base_ = 0;
  std::uint32_t ssrc_ = 0;
  MonoTime stalled_until_{};
  std::int64_t jump_ticks_ = 0;
  bool stray_next_ = false;
  bool misbehaving_ = true;
  bool powered_ = true;
  std::uint64_t faults_done_ = 0;
};

}  // namespace ccoc::sim
