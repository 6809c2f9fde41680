#include "sim/sim_camera.h"

#include <algorithm>
#include <cstring>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/packetizer.h"

namespace ccoc::sim {
namespace {

using rtsp::Message;

// 640×360, Constrained Baseline, made by x264.
constexpr std::string_view sdp_body =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=sim\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\n"
    "a=control:trackID=0\r\n";
constexpr std::string_view magic = "ccocmark";
constexpr std::size_t max_payload = 1400;

}  // namespace

Bytes make_picture(bool key, int camera, std::uint64_t number, std::size_t size) {
  Bytes nal;
  nal.push_back(key ? 0x65 : 0x41);
  nal.push_back(0x88);  // first_mb_in_slice = 0
  nal.insert(nal.end(), magic.begin(), magic.end());
  for (int i = 0; i < 4; ++i) nal.push_back(static_cast<std::uint8_t>(0x80 | ((camera >> (7 * i)) & 0x7f)));
  for (int i = 0; i < 8; ++i) nal.push_back(static_cast<std::uint8_t>(0x80 | ((number >> (7 * i)) & 0x7f)));
  while (nal.size() < size) nal.push_back(0xaa);
  Bytes out;
  out.reserve(4 + nal.size());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
  out.insert(out.end(), nal.begin(), nal.end());
  return out;
}

std::string_view picture_sdp() { return sdp_body; }

std::optional<PictureMark> find_mark(ByteView bytes) {
  const auto found = std::search(bytes.begin(), bytes.end(), magic.begin(), magic.end());
  if (bytes.end() - found < static_cast<std::ptrdiff_t>(magic.size() + 12)) return std::nullopt;
  auto at = found + static_cast<std::ptrdiff_t>(magic.size());
  PictureMark mark;
  for (int i = 0; i < 4; ++i) mark.camera |= (*at++ & 0x7f) << (7 * i);
  for (int i = 0; i < 8; ++i) mark.picture |= static_cast<std::uint64_t>(*at++ & 0x7f) << (7 * i);
  return mark;
}

/// One client's session.
class Camera::Session final : public Peer {
 public:
  Session(Camera& camera, std::shared_ptr<Wire> wire) : camera_(camera), wire_(std::move(wire)) {
    wire_->attach(this);
    sequence_ = static_cast<std::uint16_t>(camera_.world_.uniform(0, 65535));
  }
  ~Session() override { wire_->attach(nullptr); }

  bool dead() const { return dead_; }
  bool playing() const { return playing_ && !dead_; }

  void cut() {
    dead_ = true;
    wire_->close_from_camera();
  }

  void send_picture(ByteView unit, std::uint32_t rtp_time, bool tear) {
    if (unit.size() > 4 && (unit[4] & 0x1f) == 5) waiting_for_key_ = false;
    if (waiting_for_key_) return;
    Bytes out;
    media::packetize(media::Codec::h264, unit, max_payload, [&](ByteView payload, bool last) {
      const std::size_t size = payload.size() + 12;
      const std::uint8_t head[16] = {'$',
                                     0,
                                     static_cast<std::uint8_t>(size >> 8),
                                     static_cast<std::uint8_t>(size),
                                     0x80,
                                     static_cast<std::uint8_t>(96 | (last ? 0x80 : 0)),
                                     static_cast<std::uint8_t>(sequence_ >> 8),
                                     static_cast<std::uint8_t>(sequence_),
                                     static_cast<std::uint8_t>(rtp_time >> 24),
                                     static_cast<std::uint8_t>(rtp_time >> 16),
                                     static_cast<std::uint8_t>(rtp_time >> 8),
                                     static_cast<std::uint8_t>(rtp_time),
                                     static_cast<std::uint8_t>(camera_.ssrc_ >> 24),
                                     static_cast<std::uint8_t>(camera_.ssrc_ >> 16),
                                     static_cast<std::uint8_t>(camera_.ssrc_ >> 8),
                                     static_cast<std::uint8_t>(camera_.ssrc_)};
      ++sequence_;
      out.insert(out.end(), head, head + sizeof head);
      out.insert(out.end(), payload.begin(), payload.end());
    });
    if (tear) {
      out.resize(static_cast<std::size_t>(camera_.world_.uniform(1, static_cast<std::int64_t>(out.size()) - 1)));
      wire_->send_to_hub(out);
      cut();
    } else {
      wire_->send_to_hub(out);
    }
  }

  void on_bytes(ByteView bytes) override {
    parser_.feed(bytes);
    while (auto item = parser_.next()) {
      if (const auto* message = std::get_if<Message>(&*item); message != nullptr && message->request) answer(*message);
    }
  }

  void on_closed() override { dead_ = true; }

 private:
  void answer(const Message& request) {
    Message reply = Message::make_response(200, "OK", request.cseq());
    if (request.method == "DESCRIBE") {
      reply.add("Content-Type", "application/sdp");
      reply.add("Content-Base", request.uri + "/");
      reply.body = sdp_body;
    } else if (request.method == "SETUP") {
      reply.add("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
      reply.add("Session", "s1;timeout=60");
    } else if (request.method == "PLAY") {
      playing_ = true;
    } else if (request.method == "TEARDOWN") {
      playing_ = false;
    }
    const auto text = rtsp::serialize(reply);
    wire_->send_to_hub(as_bytes(text));
  }

  Camera& camera_;
  std::shared_ptr<Wire> wire_;
  rtsp::StreamParser parser_;
  std::uint16_t sequence_ = 0;
  bool playing_ = false;
  bool waiting_for_key_ = true;
  bool dead_ = false;
};

Camera::Camera(World& world, CameraTraits traits) : world_(world), traits_(std::move(traits)) {
  boot_ = world_.clock().now();
  rtp_base_ = static_cast<std::uint32_t>(world_.uniform(0, 0xffffffffll));
  ssrc_ = static_cast<std::uint32_t>(world_.uniform(1, 0xffffffffll));
  listen();
  next_frame();
  schedule_fault();
}

Camera::~Camera() { world_.unlisten(traits_.host); }

void Camera::listen() {
  world_.listen(traits_.host, [this](std::shared_ptr<Wire> wire) {
    if (!powered_) return false;
    sessions_.push_back(std::make_unique<Session>(*this, std::move(wire)));
    return true;
  });
}

void Camera::next_frame() {
  // Frames are due by the camera's own clock, which may run fast or slow.
  const double interval_us = 1e6 / traits_.fps / (1 + traits_.clock_ppm / 1e6);
  const MonoTime due = boot_ + Duration{static_cast<std::int64_t>(static_cast<double>(frames_since_boot_ + 1) * interval_us)};
  frame_timer_ = world_.call_after(due - world_.clock().now(), [this] {
    std::erase_if(sessions_, [](const auto& session) { return session->dead(); });
    const bool key = frames_since_boot_ % static_cast<std::uint64_t>(traits_.gop_frames) == 0;
    if (powered_ && world_.clock().now() >= stalled_until_) {
      const std::uint64_t number = next_picture_++;
      const auto unit = make_picture(key, traits_.number, number, key ? traits_.frame_bytes * 8 : traits_.frame_bytes);
      auto rtp = static_cast<std::uint32_t>(rtp_base_ + frames_since_boot_ * 90000u / static_cast<unsigned>(traits_.fps) +
                                            static_cast<std::uint64_t>(jump_ticks_));
      if (stray_next_) rtp += 90000u * 7200u;
      stray_next_ = false;
      for (const auto& session : sessions_) {
        if (session->playing()) session->send_picture(unit, rtp, false);
      }
    }
    ++frames_since_boot_;
    next_frame();
  });
}

void Camera::schedule_fault() {
  if (traits_.faults_per_hour <= 0) return;
  const double mean_us = 3600e6 / traits_.faults_per_hour;
  const Duration wait{static_cast<std::int64_t>(std::exponential_distribution<double>{1.0 / mean_us}(world_.random()))};
  fault_timer_ = world_.call_after(wait, [this] {
    if (misbehaving_) misbehave();
    schedule_fault();
  });
}

void Camera::reboot(Duration away) {
  powered_ = false;
  for (const auto& session : sessions_) session->cut();
  power_timer_ = world_.call_after(away, [this] {
    powered_ = true;
    boot_ = world_.clock().now();
    frames_since_boot_ = 0;
    rtp_base_ = 0;
    jump_ticks_ = 0;
    ssrc_ = static_cast<std::uint32_t>(world_.uniform(1, 0xffffffffll));
    next_frame();
  });
}

void Camera::misbehave() {
  ++faults_done_;
  switch (world_.uniform(0, 6)) {
    case 0:
      for (const auto& session : sessions_) session->cut();
      break;
    case 1: {  // closed in mid-frame
      const auto unit = make_picture(true, traits_.number, next_picture_, traits_.frame_bytes * 8);
      for (const auto& session : sessions_) {
        if (session->playing()) session->send_picture(unit, rtp_base_, true);
      }
      break;
    }
    case 2: stalled_until_ = world_.clock().now() + Duration{world_.uniform(1'000'000, 20'000'000)}; break;
    case 3: reboot(Duration{world_.uniform(500'000, 15'000'000)}); break;
    case 4: jump_ticks_ += 90000 * world_.uniform(-7200, 7200); break;
    case 5: stray_next_ = true; break;
    case 6: world_.step_utc(Duration{world_.uniform(-2'000'000, 2'000'000)}); break;
    default: break;
  }
}

}  // namespace ccoc::sim
