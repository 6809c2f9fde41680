// A viewer of the RTSP server who says anything, in any pieces, while pictures are sent to him: the server answers each request
// once, in order, sends nothing but whole packets and answers, and keeps its bounds.
#include <unistd.h>

#include <deque>
#include <string>

#include "ccoc/media/rtp.h"
#include "ccoc/rtsp/message.h"
#include "ccoc/rtsp/server.h"
#include "check.h"

using namespace ccoc;

namespace {

class FuzzClock final : public Clock {
 public:
  UtcTime utc_now() const override { return UtcTime{Duration{1'795'000'000'000'000}} + passed; }
  MonoTime now() const override { return MonoTime{Duration{1'000'000}} + passed; }
  Duration passed{0};
};

/// One connection, two ports, and tasks that are done when they are asked for.
class Bench final : public Reactor {
 public:
  const Clock& clock() const override { return clock_; }
  void post(std::function<void()> task) override { tasks.push_back(std::move(task)); }
  std::unique_ptr<Timer> call_after(Duration, std::function<void()>) override { return std::make_unique<Timer>(); }
  std::unique_ptr<Connection> connect(const Endpoint&, Duration, ConnectionHandler&) override { return nullptr; }
  Result<std::unique_ptr<Connection>> adopt(int, ConnectionHandler& handler) override {
    reader = &handler;
    return std::make_unique<Line>(*this);
  }
  Result<std::unique_ptr<ListeningSocket>> listen(const std::string&, std::uint16_t, AcceptHandler on_accept) override {
    accept = std::move(on_accept);
    return std::make_unique<Ear>();
  }
  Result<DatagramPair> open_datagrams(DatagramHandler&, DatagramHandler&) override {
    return DatagramPair{std::make_unique<Socket>(*this), std::make_unique<Socket>(*this)};
  }
  void run() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  FuzzClock clock_;
  std::deque<std::function<void()>> tasks;
  AcceptHandler accept;
  ConnectionHandler* reader = nullptr;
  Bytes sent;
  std::size_t datagrams = 0;

 private:
  class Line final : public Connection {
   public:
    explicit Line(Bench& bench) : bench_(bench) {}
    ~Line() override { bench_.reader = nullptr; }
    void send(ByteView bytes) override { bench_.sent.insert(bench_.sent.end(), bytes.begin(), bytes.end()); }
    void set_prompt(bool) override {}
    std::optional<PeerAddress> peer() const override { return PeerAddress{{1}, 5000}; }

   private:
    Bench& bench_;
  };
  class Ear final : public ListeningSocket {
   public:
    std::uint16_t port() const override { return 8554; }
  };
  class Socket final : public DatagramSocket {
   public:
    explicit Socket(Bench& bench) : bench_(bench) {}
    std::uint16_t port() const override { return 5000; }
    void send_to(ByteView bytes, const PeerAddress& to) override {
      check(to.address[0] == 1 && bytes.size() <= media::most_rtp_bytes);
      ++bench_.datagrams;
    }
    void receive() override {}
    void set_prompt(bool) override {}

   private:
    Bench& bench_;
  };
};

media::VideoFormatPtr video_format() {
  static const auto format = std::make_shared<const media::VideoFormat>(
      media::VideoFormat{.codec = media::Codec::h264, .vps = {}, .sps = {{0x67, 0x42, 0, 10}}, .pps = {{0x68, 1}}, .codec_string = {}});
  return format;
}

class FuzzShow final : public rtsp::Show {
 public:
  explicit FuzzShow(const Clock& clock, bool sound) : relay_(clock, rtsp::Relay::Timing::live, 1) {
    offer_.video = video_format();
    if (sound) {
      offer_.audio = std::make_shared<const media::AudioFormat>(
          media::AudioFormat{.codec = media::AudioCodec::pcmu, .sample_rate = 8000, .channels = 1, .config = {}, .codec_string = "ulaw"});
    }
  }
  const media::Offer& offer() const override { return offer_; }
  std::uint32_t ssrc(rtsp::TrackKind track) const override { return relay_.ssrc(track); }
  void play(const rtsp::PlayRequest& request, rtsp::ShowListener& listener) override {
    pause();
    if (request.range && request.range->unit == rtsp::Range::Unit::clock) {
      return listener.on_refused(Error{ErrorCode::not_found, "nothing", {}});
    }
    listener_ = &listener;
    listener.on_started({"npt=now-", request.scale.value_or(1), relay_.start_of(rtsp::TrackKind::video), {}, false});
    relay_.add(listener);
    for (int i = 0; i < 3; ++i) {
      auto unit = std::make_shared<media::AccessUnit>();
      unit->format = video_format();
      Bytes data(3000, 7);
      data[0] = data[1] = 0;
      data[2] = 0x0b;
      data[3] = 0xb4;  // 2996 bytes
      data[4] = i == 0 ? 0x65 : 0x41;
      unit->data = std::make_shared<const Bytes>(std::move(data));
      unit->key = i == 0;
      unit->media_time = i * 3600;
      relay_.on_unit(unit);
    }
  }
  void pause() override {
    if (listener_ != nullptr) relay_.remove(*listener_);
    listener_ = nullptr;
  }

 private:
  media::Offer offer_;
  rtsp::Relay relay_;
  rtsp::ShowListener* listener_ = nullptr;
};

/// Admits everybody but "x", now or later.
class Host final : public rtsp::ShowHost {
 public:
  explicit Host(Bench& bench) : bench_(bench) {}
  void open(const rtsp::ShowRequest& request, Opened opened) override {
    auto answer = [this, request, opened] {
      if (request.credentials.user == "x") return opened(fail(ErrorCode::unauthenticated, "no"));
      if (request.path.find("none") != std::string::npos) return opened(fail(ErrorCode::not_found, "no"));
      opened(std::make_unique<FuzzShow>(bench_.clock(), request.path.size() % 2 == 0));
    };
    if (request.query.empty()) return answer();
    bench_.post(answer);
  }

 private:
  Bench& bench_;
};

/// Everything that was sent, read as a viewer would.
void read_back(ByteView sent) {
  rtsp::StreamParser parser;
  parser.feed(sent);
  int last = -1;
  while (auto item = parser.next()) {
    if (const auto* message = std::get_if<rtsp::Message>(&*item)) {
      check(!message->request && message->status >= 200 && message->status < 600);
      last = message->cseq();
    } else {
      const auto& frame = std::get<rtsp::InterleavedFrame>(*item);
      check(frame.payload.size() >= 8 && frame.payload[0] >> 6 == 2);
    }
  }
  (void)last;
  check(!parser.error() && parser.skipped_bytes() == 0 && parser.buffered() == 0);
}

/// Puts the session's name where the input has a dummy of the same length: it cannot know it.
void name_session(std::string& input, std::size_t from, ByteView sent) {
  constexpr std::string_view dummy = "0000000000000000", header = "Session: ";
  const auto told = as_text(sent).rfind(header);
  if (told == std::string_view::npos) return;
  const auto name = as_text(sent).substr(told + header.size(), dummy.size());
  for (auto at = input.find(dummy, from); at != std::string::npos; at = input.find(dummy, at + 1)) input.replace(at, dummy.size(), name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Bench bench;
  Host host(bench);
  {
    auto server = rtsp::Server::start(bench, {}, host);
    check(server.has_value());
    bench.accept(-1, PeerAddress{{1}, 4000});
    const std::size_t piece = data[0] + 1u;
    std::string input(as_text({data, size}));
    for (std::size_t at = 1; at < size && bench.reader != nullptr; at += piece) {
      bench.reader->on_bytes(as_bytes(input).subspan(at, std::min(piece, size - at)));
      if (data[0] % 2 == 0) bench.run();
      name_session(input, at, bench.sent);
    }
    bench.run();
    check(bench.sent.size() < 8u << 20);
    read_back(bench.sent);
  }
  bench.run();
  return 0;
}
