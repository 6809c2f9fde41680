// A camera that does what the test says, and one real stream session of the hub that has to live with it. Both are in
// the seeded world: a minute passes in a moment, and one seed replays one course exactly.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/ingest/stream_session.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"
#include "sim/sim_world.h"

namespace ccoc::faults {

using namespace std::chrono_literals;

/// How the camera behaves; read at every request and picture, so it can be changed while it runs.
struct Script {
  std::string user, password;  ///< empty: no authentication
  std::vector<rtsp::DigestAlgorithm> algorithms{rtsp::DigestAlgorithm::md5};
  std::string sdp;  ///< empty: one H.264 track
  int fps = 25;
  int gop_frames = 25;
  std::size_t frame_bytes = 3000;
  std::uint8_t payload_type = 96;
  std::uint8_t rtp_channel = 0;   ///< of the frames it sends
  std::uint16_t udp_port = 6970;  ///< where it sends from; reports from the next one
  bool sound = false;             ///< 40 ms of G.711 with each picture, by TCP, where a second track was set up
  std::uint8_t sound_channel = 2;
  double sound_ppm = 0;           ///< its clock is too fast by so much against the pictures'
  bool needs_all_tracks = false;  ///< sends nothing before each track of the SDP was set up
  bool sends = true;              ///< pictures
  bool answers = true;
  bool accepts = true;            ///< connections
  Duration report_interval = 5s;  ///< of sender reports; 0: none
  Duration clock_offset{0};       ///< of the camera's clock against true time
  double clock_ppm = 0;           ///< too fast by so much
  double rtp_scale = 1;           ///< RTP time per true time
  /// Changes an answer before it goes out.
  std::function<void(const rtsp::Message& request, rtsp::Message& reply)> edit;
  /// Bytes instead of the answer; an empty string: no answer.
  std::function<std::optional<std::string>(const rtsp::Message& request)> raw;
  /// Closes the connection after this answer.
  std::function<bool(const rtsp::Message& request, const rtsp::Message& reply)> close_after;
  /// Changes the packets of a picture: fewer, more, other ones, another order.
  std::function<void(std::vector<Bytes>& packets)> packets;
  /// Changes the bytes of a picture on a TCP connection.
  std::function<void(Bytes& wire)> wire;
  /// The RTP timestamp of a picture; given the one it would have.
  std::function<std::uint32_t(std::uint64_t picture, std::uint32_t timestamp)> timestamp;
  /// The coded picture (length-prefixed), instead of the usual one.
  std::function<Bytes(std::uint64_t picture, bool key)> picture;
  /// By UDP: how long a packet takes; nothing: it is lost.
  std::function<std::optional<Duration>()> network;
};

class ScriptedCamera {
 public:
  ScriptedCamera(sim::World& world, std::string host);
  ~ScriptedCamera();

  Script script;

  const std::vector<rtsp::Message>& requests() const { return requests_; }
  std::size_t count(std::string_view method) const;
  void forget_requests() { std::vector<rtsp::Message>().swap(requests_); }
  int connections() const { return connections_; }
  std::size_t open_connections() const;
  std::uint64_t pictures_sent() const { return next_picture_; }
  /// Receiver reports that came in, over either transport.
  int reports_received() const { return reports_; }
  /// Bytes to everyone connected, between pictures.
  void send_all(ByteView bytes);
  void close_all();
  /// From now on: another SSRC, sequence and timestamps from zero. Connections stay unless closed.
  void restart();
  /// A datagram from anywhere, to where the hub listens for pictures; nothing before PLAY by UDP.
  void send_datagram_from(const PeerAddress& from, ByteView bytes);
  PeerAddress address() const;

 private:
  class Session;

  void next_frame();
  void send_picture(std::uint64_t number, bool key);
  void send_sound();

  sim::World& world_;
  std::string host_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<rtsp::Message> requests_;
  int connections_ = 0;
  int reports_ = 0;
  std::unique_ptr<Timer> frame_timer_;
  MonoTime boot_{};
  std::uint64_t frames_since_boot_ = 0;
  std::uint64_t next_picture_ = 0;
  std::uint32_t ssrc_ = 0x1234;
  std::uint16_t sequence_ = 65000, sound_sequence_ = 0;
  std::uint32_t rtp_base_ = 4294000000u;
};

struct Interruption {
  media::GapCause cause;
  std::string reason;
};

/// The world, the camera and the hub's session with it.
class Stage {
 public:
  explicit Stage(std::uint64_t seed = 1);
  ~Stage();

  sim::World world;
  ScriptedCamera camera;
  ingest::IngestOptions options;
  ingest::StreamConfig config;

  /// Starts the session at the first call.
  void run(Duration span);
  /// After so long there are pictures, at sane times. Fails the test otherwise.
  void expect_live_after(Duration span);
  void stop();
  ingest::StreamStatus status() const { return cell_->get(); }
  bool live() const { return status().state == ingest::StreamState::live; }

  const std::vector<media::AccessUnitPtr>& units() const { return units_; }
  const std::vector<media::AudioUnitPtr>& sound() const { return sound_; }
  const std::vector<Interruption>& interruptions() const { return interruptions_; }
  int quiet_seconds() const { return quiet_seconds_; }  ///< how often on_quiet() was told
  void forget_units() { units_.clear(), arrivals_.clear(); }
  /// Running numbers of the pictures that came, in order of arrival.
  std::vector<std::uint64_t> pictures() const;
  std::size_t damaged() const;
  /// Capture times rise, nothing lies in the future or far in the past. Fails the test otherwise.
  void expect_sane_times() const;

 private:
  class Sink;
  std::shared_ptr<ingest::StatusCell> cell_ = std::make_shared<ingest::StatusCell>();
  std::unique_ptr<ingest::StreamSession> session_;
  std::vector<media::AccessUnitPtr> units_;
  std::vector<media::AudioUnitPtr> sound_;
  std::vector<UtcTime> arrivals_;
  std::vector<Interruption> interruptions_;
  int quiet_seconds_ = 0;
};

}  // namespace ccoc::faults
