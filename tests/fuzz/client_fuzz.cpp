// A whole session with a hostile camera: the input is all that it sends, the first byte of each piece is its length.
#include <algorithm>
#include <functional>
#include <vector>

#include "ccoc/ingest/rtp_receiver.h"
#include "ccoc/rtsp/client.h"
#include "check.h"

using namespace ccoc;

namespace {

class StillClock final : public Clock {
 public:
  UtcTime utc_now() const override { return UtcTime{Duration{1'795'000'000'000'000}}; }
  MonoTime now() const override { return MonoTime{Duration{1'000'000}}; }
};

/// Keeps what was asked for; nothing happens by itself.
class Bench final : public Reactor {
 public:
  const Clock& clock() const override { return clock_; }
  void post(std::function<void()>) override {}
  std::unique_ptr<Timer> call_after(Duration, std::function<void()>) override { return std::make_unique<Timer>(); }
  std::unique_ptr<Connection> connect(const Endpoint&, Duration, ConnectionHandler& handler) override {
    ++generation;
    to = &handler;
    return std::make_unique<Line>(*this, generation);
  }
  Result<std::unique_ptr<Connection>> adopt(int, ConnectionHandler&) override {
    return fail(ErrorCode::unavailable, "there are no sockets here");
  }
  Result<DatagramPair> open_datagrams(DatagramHandler& even, DatagramHandler& odd) override {
    media = &even;
    return DatagramPair{std::make_unique<Socket>(*this, even), std::make_unique<Socket>(*this, odd)};
  }

  ConnectionHandler* to = nullptr;
  DatagramHandler* media = nullptr;
  int generation = 0;
  std::size_t sent = 0;

 private:
  class Line final : public Connection {
   public:
    Line(Bench& bench, int generation) : bench_(bench), generation_(generation) {}
    ~Line() override {
      if (bench_.generation == generation_) bench_.to = nullptr;
    }
    void send(ByteView bytes) override { bench_.sent += bytes.size(); }
    void set_prompt(bool) override {}
    std::optional<PeerAddress> peer() const override { return PeerAddress{{1}, 554}; }

   private:
    Bench& bench_;
    const int generation_;
  };
  class Socket final : public DatagramSocket {
   public:
    Socket(Bench& bench, DatagramHandler& handler) : bench_(bench), handler_(&handler) {}
    ~Socket() override {
      if (bench_.media == handler_) bench_.media = nullptr;
    }
    std::uint16_t port() const override { return 5000; }
    void send_to(ByteView bytes, const PeerAddress&) override { bench_.sent += bytes.size(); }
    void receive() override {}
    void set_prompt(bool) override {}

   private:
    Bench& bench_;
    DatagramHandler* handler_;
  };
  StillClock clock_;
};

class Listener final : public rtsp::ClientListener {
 public:
  Listener(Bench& bench, bool udp) : bench_(bench), udp_(udp) {}
  void on_track(rtsp::TrackKind kind, const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) override {
    const bool video = kind == rtsp::TrackKind::video;
    auto depacketizer = video ? media::make_depacketizer(track, [](media::RawUnit&& unit) { check(unit.data && !unit.data->empty()); })
                              : media::make_audio_depacketizer(track, [](media::RawAudio&& sound) {
                                  check(sound.format && sound.data && !sound.data->empty() && sound.duration > 0);
                                });
    if (!depacketizer) return;
    ingest::RtpReceiverOptions options;
    options.payload_type = track.payload_type;
    options.unordered = udp_;
    options.ssrc = ssrc;
    (video ? video_ : audio_) = std::make_unique<ingest::RtpReceiver>(std::move(*depacketizer), options);
  }
  void on_playing() override {}
  void on_rtp(rtsp::TrackKind kind, ByteView packet) override {
    if (const auto& receiver = receiver_of(kind)) receiver->on_rtp(packet, bench_.clock().now());
  }
  void on_rtcp(rtsp::TrackKind kind, ByteView packet) override {
    if (const auto& receiver = receiver_of(kind)) receiver->on_rtcp(packet, bench_.clock().utc_now());
  }
  void on_ended(rtsp::EndReason, const Error& error) override {
    check(!ended && !error.message.empty());
    ended = true;
  }
  bool ended = false;

 private:
  Bench& bench_;
  const bool udp_;
  std::unique_ptr<ingest::RtpReceiver>& receiver_of(rtsp::TrackKind kind) { return kind == rtsp::TrackKind::video ? video_ : audio_; }
  std::unique_ptr<ingest::RtpReceiver> video_, audio_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool udp = (data[0] & 1) != 0;
  rtsp::ClientOptions options;
  options.url = *rtsp::parse_url("rtsp://cam/main");
  options.user = "admin";
  options.password = "secret";
  options.all_tracks = (data[0] & 2) != 0;
  options.audio = (data[0] & 4) != 0;
  if (udp) options.transport = rtsp::MediaTransport::udp;
  Bench bench;
  Listener listener(bench, udp);
  rtsp::Client client(bench, options, listener);
  client.start();
  int connected = 0;
  for (std::size_t at = 1; at < size && !listener.ended;) {
    if (bench.to == nullptr) break;
    if (connected != bench.generation) {
      connected = bench.generation;
      check(connected < 16);
      bench.to->on_connected();
      continue;
    }
    const std::size_t piece = std::min<std::size_t>(data[at] * 8u + 1, size - at - 1);
    const ByteView bytes{data + at + 1, piece};
    if (data[at] == 255) {
      bench.to->on_closed({ErrorCode::unavailable, "closed", {}});
    } else if (data[at] % 8 == 7 && bench.media != nullptr) {
      bench.media->on_datagram(bytes, {{1}, 6970});
    } else {
      bench.to->on_bytes(bytes);
    }
    at += piece + 1;
  }
  check(bench.sent < 64 * 1024 + 2 * size * 64);
  return 0;
}
