#include "faults/stage.h"

#include <algorithm>
#include <cmath>

#include "ccoc/base/log.h"
#include "ccoc/media/depacketizer.h"
#include "ccoc/media/packetizer.h"
#include "ccoc/media/rtp.h"
#include "sim/sim_camera.h"

namespace ccoc::faults {
namespace {

using rtsp::Message;

constexpr std::size_t max_payload = 1400;

Bytes framed(std::uint8_t channel, ByteView packet) {
  Bytes out{'$', channel, static_cast<std::uint8_t>(packet.size() >> 8), static_cast<std::uint8_t>(packet.size())};
  out.insert(out.end(), packet.begin(), packet.end());
  return out;
}

}  // namespace

class ScriptedCamera::Session final : public sim::Peer {
 public:
  Session(ScriptedCamera& camera, std::shared_ptr<sim::Wire> wire)
      : camera_(camera), wire_(std::move(wire)), auth_("ccoc camera", camera.script.user, camera.script.password) {
    wire_->attach(this);
    auth_.use_algorithms(camera_.script.algorithms);
  }
  ~Session() override { wire_->attach(nullptr); }

  bool dead() const { return dead_; }
  bool playing() const { return playing_ && !dead_ && (!camera_.script.needs_all_tracks || set_up_ >= tracks_in(camera_.script.sdp)); }
  bool by_udp() const { return udp_rtp_ != 0; }
  bool wants_sound() const { return playing() && set_up_ > 1; }
  std::uint16_t udp_port() const { return udp_rtp_; }

  void close() {
    if (dead_) return;
    dead_ = true;
    wire_->close_from_camera();
  }

  void send(ByteView bytes) {
    if (!dead_) wire_->send_to_hub(bytes);
  }

  void send_packets(const std::vector<Bytes>& packets) {
    if (by_udp()) {
      PeerAddress from = camera_.address();
      from.port = camera_.script.udp_port;
      for (const auto& packet : packets) send_datagram(from, udp_rtp_, packet);
    } else {
      Bytes all;
      for (const auto& packet : packets) {
        const auto one = framed(camera_.script.rtp_channel, packet);
        all.insert(all.end(), one.begin(), one.end());
      }
      if (camera_.script.wire) camera_.script.wire(all);
      send(all);
    }
  }

  void send_report(ByteView report) {
    if (by_udp()) {
      PeerAddress from = camera_.address();
      from.port = static_cast<std::uint16_t>(camera_.script.udp_port + 1);
      send_datagram(from, udp_rtcp_, report);
    } else {
      send(framed(static_cast<std::uint8_t>(camera_.script.rtp_channel + 1), report));
    }
  }

  void on_bytes(ByteView bytes) override {
    parser_.feed(bytes);
    while (auto item = parser_.next()) {
      if (std::holds_alternative<rtsp::InterleavedFrame>(*item)) ++camera_.reports_;
      const auto* message = std::get_if<Message>(&*item);
      if (message == nullptr || dead_) continue;
      if (message->request) answer(*message);
    }
  }

  void on_closed() override { dead_ = true; }

 private:
  static std::size_t tracks_in(const std::string& sdp) {
    std::size_t n = 0;
    for (auto at = sdp.find("m="); at != std::string::npos; at = sdp.find("\nm=", at + 1)) ++n;
    return std::max<std::size_t>(n, 1);
  }

  void send_datagram(const PeerAddress& from, std::uint16_t to, ByteView bytes) {
    const auto delay = camera_.script.network ? camera_.script.network() : std::optional<Duration>(1ms);
    if (delay) camera_.world_.send_datagram(from, to, bytes, *delay);
  }

  void answer(const Message& request) {
    camera_.requests_.push_back(request);
    if (!camera_.script.answers) return;
    if (camera_.script.raw) {
      if (const auto bytes = camera_.script.raw(request)) return send(as_bytes(*bytes));
    }
    Message reply = reply_to(request);
    if (camera_.script.edit) camera_.script.edit(request, reply);
    if (reply.status == 200 && request.method == "SETUP") accept_transport(request, reply);
    const auto text = rtsp::serialize(reply);
    send(as_bytes(text));
    if (request.method == "PLAY" && reply.status == 200) playing_ = true;
    if (request.method == "TEARDOWN") playing_ = false;
    if (camera_.script.close_after && camera_.script.close_after(request, reply)) close();
  }

  Message reply_to(const Message& request) {
    if (!camera_.script.user.empty() && request.method != "OPTIONS") {
      const auto verdict = auth_.check(request);
      if (verdict != rtsp::AuthServer::Answer::ok) {
        Message refusal = Message::make_response(401, "Unauthorized", request.cseq());
        auth_.challenge(refusal, verdict == rtsp::AuthServer::Answer::stale);
        return refusal;
      }
    }
    Message reply = Message::make_response(200, "OK", request.cseq());
    if (request.method == "DESCRIBE") {
      reply.add("Content-Type", "application/sdp");
      reply.add("Content-Base", request.uri + "/");
      reply.body = camera_.script.sdp.empty() ? std::string(sim::picture_sdp()) : camera_.script.sdp;
    } else if (request.method == "SETUP") {
      const auto offers = rtsp::parse_transports(request.header("Transport"));
      auto transport = offers.empty() ? rtsp::Transport{} : offers.front();
      if (!transport.tcp) {
        transport.server_port = {camera_.script.udp_port, static_cast<std::uint16_t>(camera_.script.udp_port + 1)};
      }
      reply.add("Transport", rtsp::to_string(transport));
      reply.add("Session", "s1;timeout=60");
    } else if (request.method != "OPTIONS") {
      reply.add("Session", "s1");
    }
    return reply;
  }

  void accept_transport(const Message& request, const Message& reply) {
    ++set_up_;
    const auto agreed = rtsp::parse_transports(reply.header("Transport"));
    const auto asked = rtsp::parse_transports(request.header("Transport"));
    if ((!agreed.empty() && agreed[0].interleaved) || asked.empty() || !asked[0].client_port || set_up_ > 1) return;
    std::tie(udp_rtp_, udp_rtcp_) = *asked[0].client_port;
    PeerAddress reports = camera_.address();
    reports.port = static_cast<std::uint16_t>(camera_.script.udp_port + 1);
    camera_.world_.receive_datagrams(reports, [this](ByteView, std::uint16_t) { ++camera_.reports_; });
  }

  ScriptedCamera& camera_;
  std::shared_ptr<sim::Wire> wire_;
  rtsp::StreamParser parser_;
  rtsp::AuthServer auth_;
  std::size_t set_up_ = 0;
  std::uint16_t udp_rtp_ = 0, udp_rtcp_ = 0;
  bool playing_ = false;
  bool dead_ = false;
};

ScriptedCamera::ScriptedCamera(sim::World& world, std::string host) : world_(world), host_(std::move(host)) {
  boot_ = world_.clock().now();
  world_.listen(host_, [this](std::shared_ptr<sim::Wire> wire) {
    ++connections_;
    if (!script.accepts) return false;
    sessions_.push_back(std::make_unique<Session>(*this, std::move(wire)));
    return true;
  });
  next_frame();
}

ScriptedCamera::~ScriptedCamera() { world_.unlisten(host_); }

std::size_t ScriptedCamera::count(std::string_view method) const {
  return static_cast<std::size_t>(std::ranges::count(requests_, method, &Message::method));
}

std::size_t ScriptedCamera::open_connections() const {
  return static_cast<std::size_t>(std::ranges::count_if(sessions_, [](const auto& s) { return !s->dead(); }));
}

PeerAddress ScriptedCamera::address() const { return sim::World::address_of(host_, 554); }

void ScriptedCamera::send_all(ByteView bytes) {
  for (const auto& session : sessions_) session->send(bytes);
}

void ScriptedCamera::close_all() {
  for (const auto& session : sessions_) session->close();
}

void ScriptedCamera::restart() {
  boot_ = world_.clock().now();
  frames_since_boot_ = 0;
  ssrc_ ^= 0x777;
  sequence_ = 0;
  rtp_base_ = 0;
  next_frame();
}

void ScriptedCamera::send_datagram_from(const PeerAddress& from, ByteView bytes) {
  for (const auto& session : sessions_) {
    if (session->by_udp()) world_.send_datagram(from, session->udp_port(), bytes, 1ms);
  }
}

void ScriptedCamera::next_frame() {
  const double interval_us = 1e6 / script.fps / (1 + script.clock_ppm / 1e6);
  const MonoTime due = boot_ + Duration{static_cast<std::int64_t>(static_cast<double>(frames_since_boot_ + 1) * interval_us)};
  frame_timer_ = world_.call_after(due - world_.clock().now(), [this] {
    std::erase_if(sessions_, [](const auto& session) { return session->dead(); });
    if (script.sends) {
      const bool key = frames_since_boot_ % static_cast<std::uint64_t>(script.gop_frames) == 0;
      send_picture(next_picture_++, key);
    }
    if (script.sound) send_sound();
    ++frames_since_boot_;
    next_frame();
  });
}

void ScriptedCamera::send_picture(std::uint64_t number, bool key) {
  const Bytes unit =
      script.picture ? script.picture(number, key) : sim::make_picture(key, 1, number, key ? script.frame_bytes * 4 : script.frame_bytes);
  const double ticks = static_cast<double>(frames_since_boot_) * 90000.0 / script.fps * script.rtp_scale;
  std::uint32_t timestamp = rtp_base_ + static_cast<std::uint32_t>(std::llround(ticks));
  if (script.timestamp) timestamp = script.timestamp(number, timestamp);
  std::vector<Bytes> packets;
  media::packetize(media::Codec::h264, unit, max_payload, [&](ByteView payload, bool last) {
    Bytes packet{0x80, static_cast<std::uint8_t>(script.payload_type | (last ? 0x80 : 0)), static_cast<std::uint8_t>(sequence_ >> 8),
                 static_cast<std::uint8_t>(sequence_)};
    ++sequence_;
    for (const auto word : {timestamp, ssrc_}) {
      for (int shift = 24; shift >= 0; shift -= 8) packet.push_back(static_cast<std::uint8_t>(word >> shift));
    }
    packet.insert(packet.end(), payload.begin(), payload.end());
    packets.push_back(std::move(packet));
  });
  if (script.packets) script.packets(packets);
  const auto per_report = static_cast<std::uint64_t>(script.report_interval.count() * script.fps / 1'000'000);
  for (const auto& session : sessions_) {
    if (!session->playing()) continue;
    session->send_packets(packets);
    if (per_report > 0 && number % per_report == 0) {
      media::SenderReport report;
      report.ssrc = ssrc_;
      const auto running = static_cast<double>((world_.clock().now() - boot_).count());
      const Duration gained{static_cast<std::int64_t>(running * script.clock_ppm / 1e6)};
      report.ntp = media::utc_to_ntp(world_.clock().utc_now() + script.clock_offset + gained);
      report.rtp_timestamp = timestamp;
      session->send_report(media::make_sender_report(report));
    }
  }
}

void ScriptedCamera::send_sound() {
  const double samples = static_cast<double>(frames_since_boot_) * 8000.0 / script.fps * (1 + script.sound_ppm / 1e6);
  const auto timestamp = static_cast<std::uint32_t>(std::llround(samples));
  Bytes packet{0x80, 0, static_cast<std::uint8_t>(sound_sequence_ >> 8), static_cast<std::uint8_t>(sound_sequence_)};
  ++sound_sequence_;
  for (const auto word : {timestamp, ssrc_ + 1}) {
    for (int shift = 24; shift >= 0; shift -= 8) packet.push_back(static_cast<std::uint8_t>(word >> shift));
  }
  packet.insert(packet.end(), static_cast<std::size_t>(8000 / script.fps), 0x55);
  for (const auto& session : sessions_) {
    if (session->wants_sound() && !session->by_udp()) session->send(framed(script.sound_channel, packet));
  }
}

class Stage::Sink final : public media::FrameSink {
 public:
  explicit Sink(Stage& stage) : stage_(stage) {}
  void on_unit(const media::AccessUnitPtr& unit) override {
    stage_.units_.push_back(unit);
    stage_.arrivals_.push_back(stage_.world.clock().utc_now());
  }
  void on_audio(const media::AudioUnitPtr& unit) override { stage_.sound_.push_back(unit); }
  void on_quiet() override { ++stage_.quiet_seconds_; }
  void on_interrupted(media::GapCause cause, std::string_view reason) override {
    stage_.interruptions_.push_back({cause, std::string(reason)});
  }

 private:
  Stage& stage_;
};

Stage::Stage(std::uint64_t seed) : world(seed, UtcTime{std::chrono::seconds{1'795'000'000}}), camera(world, "cam") {
  log::set_level(log::Level::error);
  config.camera = "cam01";
  config.role = "main";
  config.url = "rtsp://cam/main";
}

Stage::~Stage() {
  session_.reset();
  log::set_level(log::Level::info);
}

void Stage::run(Duration span) {
  if (!session_) {
    session_ = std::make_unique<ingest::StreamSession>(world, config, options, nullptr, cell_, 7);
    session_->add_sinks({{std::make_shared<Sink>(*this)}});
    session_->start();
  }
  world.run_for(span);
}

void Stage::expect_live_after(Duration span) {
  run(span);
  EXPECT_TRUE(live()) << status().last_error;
  EXPECT_FALSE(units_.empty());
  expect_sane_times();
}

void Stage::stop() {
  session_.reset();
  world.run_for(1s);
}

std::vector<std::uint64_t> Stage::pictures() const {
  std::vector<std::uint64_t> out;
  for (const auto& unit : units_) {
    if (const auto mark = sim::find_mark(*unit->data)) out.push_back(mark->picture);
  }
  return out;
}

std::size_t Stage::damaged() const {
  return static_cast<std::size_t>(std::ranges::count_if(units_, [](const auto& unit) { return unit->damaged; }));
}

void Stage::expect_sane_times() const {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const auto age = arrivals_[i] - units_[i]->capture_time;
    ASSERT_GE(age, -200ms) << "picture " << i << " lies in the future";
    ASSERT_LE(age, 5s) << "picture " << i << " lies in the past";
    if (i == 0) continue;
    ASSERT_GT(units_[i]->capture_time, units_[i - 1]->capture_time) << "time runs backwards at picture " << i;
    if (units_[i]->discontinuity) continue;
    const auto step = from_ticks(units_[i]->media_time - units_[i - 1]->media_time, video_timescale);
    ASSERT_GT(step, Duration{0}) << "picture " << i;
    ASSERT_LT(step, 10s) << "picture " << i << " lasts too long";
  }
}

}  // namespace ccoc::faults
