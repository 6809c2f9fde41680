#include "rtsp_reader.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>

#include "ccoc/simulator/stamp.h"

namespace ccoc::bench {
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t framing = 4;  // '$', channel, length (RFC 2326 §10.12)

Result<std::string> ask(const Socket& socket, const std::string& request) {
  if (auto sent = socket.send(request); !sent) return std::unexpected(sent.error());
  std::string answer;
  std::size_t wanted = std::string::npos;
  Bytes block(1);  // byte by byte: what comes behind the answer to PLAY is media
  while (answer.size() < wanted) {
    auto count = socket.receive(block, milliseconds{5000});
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail(ErrorCode::unavailable, "the camera closed the connection");
    answer.push_back(static_cast<char>(block[0]));
    if (wanted != std::string::npos || !answer.ends_with("\r\n\r\n")) continue;
    const auto at = answer.find("Content-Length: ");
    wanted = answer.size() + (at == std::string::npos ? 0 : std::strtoul(answer.c_str() + at + 16, nullptr, 10));
  }
  if (!answer.starts_with("RTSP/1.0 200")) return fail(ErrorCode::unavailable, "the camera said " + answer);
  return answer;
}

std::string header_of(const std::string& answer, const std::string& name) {
  const auto at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return answer.substr(begin, answer.find_first_of("\r;", begin) - begin);
}

std::string track_url(const std::string& url, const std::string& sdp) {
  const auto video = sdp.find("m=video");
  const auto at = video == std::string::npos ? video : sdp.find("a=control:", video);
  if (at == std::string::npos) return url;
  const auto control = sdp.substr(at + 10, sdp.find_first_of("\r\n", at) - at - 10);
  return control.starts_with("rtsp://") ? control : url + "/" + control;
}

struct Stream {
  explicit Stream(Socket s) : socket(std::move(s)) {}
  Socket socket;
  Bytes tail;   ///< the beginning of a packet whose rest has not come
  Bytes first;  ///< first packet of the frame that is coming
  int file = -1;
};

/// Calls `visit(channel, packet)` for each whole packet of `bytes`; how much of it was whole.
template <class Visit>
std::size_t for_each_packet(ByteView bytes, Visit&& visit) {
  std::size_t at = 0;
  while (bytes.size() - at >= framing) {
    const std::size_t size = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
    if (bytes.size() - at < framing + size) break;
    visit(bytes[at + 1], bytes.subspan(at + framing, size));
    at += framing + size;
  }
  return at;
}

/// Streams and the epoll that watches them.
struct Reader {
  std::vector<std::unique_ptr<Stream>> streams;
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  Bytes block = Bytes(1 << 20);

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { ::close(epoll); }

  Status open(std::uint16_t port, const std::vector<std::string>& urls, int low_water) {
    for (const auto& url : urls) {
      auto socket = play_rtsp(port, url);
      if (!socket) return std::unexpected(socket.error().within(url));
      if (low_water > 1) ::setsockopt(socket->fd(), SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
      streams.push_back(std::make_unique<Stream>(std::move(*socket)));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = streams.size() - 1;
      if (::epoll_ctl(epoll, EPOLL_CTL_ADD, streams.back()->socket.fd(), &event) != 0) {
        return std::unexpected(errno_error(errno, "epoll_ctl"));
      }
    }
    return {};
  }

  /// Waits once and gives each readable stream's whole packets to `visit(stream, channel, packet)`.
  template <class Visit>
  Status turn(int timeout_ms, Visit&& visit) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll, events, 64, timeout_ms);
    for (int i = 0; i < ready; ++i) {
      auto& stream = *streams[events[i].data.u64];
      const auto kept = stream.tail.size();
      if (kept > 0) std::memcpy(block.data(), stream.tail.data(), kept);
      const auto count = ::recv(stream.socket.fd(), block.data() + kept, block.size() - kept, 0);
      if (count <= 0) return fail(ErrorCode::unavailable, "a camera closed the connection");
      const auto bytes = ByteView(block).first(kept + static_cast<std::size_t>(count));
      const auto taken = for_each_packet(bytes, [&](std::uint8_t channel, ByteView packet) { visit(stream, channel, packet); });
      stream.tail.assign(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
    }
    return {};
  }
};

volatile std::sig_atomic_t stop_asked = 0;

}  // namespace

Result<Socket> play_rtsp(std::uint16_t port, const std::string& url, const std::string& authorization) {
  auto socket = Socket::connect(port);
  if (!socket) return socket;
  const auto say = [&](const std::string& method, const std::string& target, int cseq, const std::string& headers) {
    const auto who = authorization.empty() ? std::string() : "Authorization: " + authorization + "\r\n";
    return ask(*socket, method + " " + target + " RTSP/1.0\r\nCSeq: " + std::to_string(cseq) + "\r\n" + who + headers + "\r\n");
  };
  auto described = say("DESCRIBE", url, 1, "Accept: application/sdp\r\n");
  if (!described) return std::unexpected(described.error());
  auto setup = say("SETUP", track_url(url, *described), 2, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
  if (!setup) return std::unexpected(setup.error());
  auto playing = say("PLAY", url, 3, "Session: " + header_of(*setup, "Session") + "\r\nRange: npt=0.000-\r\n");
  if (!playing) return std::unexpected(playing.error());
  return socket;
}

Status read_frames(std::uint16_t port, const std::vector<std::string>& urls, double seconds,
                   const std::function<void(ByteView first_packet, UtcTime received)>& on_frame) {
  Reader reader;
  if (auto opened = reader.open(port, urls, 1); !opened) return opened;
  const auto end = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(seconds));
  while (steady_clock::now() < end) {
    const auto visit = [&](Stream& stream, std::uint8_t channel, ByteView packet) {
      if (channel != 0 || packet.size() < 12) return;
      // The stamp is in one of the first, small packets (parameter sets, SEI); the frame ends with the marker.
      if (stream.first.size() < 2048) stream.first.insert(stream.first.end(), packet.begin(), packet.end());
      if ((packet[1] & 0x80) == 0) return;
      on_frame(stream.first, now_utc());
      stream.first.clear();
    };
    if (auto turned = reader.turn(100, visit); !turned) return turned;
  }
  return {};
}

Status record_floor(std::uint16_t port, const std::vector<std::string>& urls, const std::string& folder) {
  std::signal(SIGTERM, [](int) { stop_asked = 1; });
  Reader reader;
  if (auto opened = reader.open(port, urls, 64 * 1024); !opened) return opened;
  for (std::size_t i = 0; i < reader.streams.size(); ++i) {
    const auto path = folder + "/" + std::to_string(i) + ".rtp";
    reader.streams[i]->file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (reader.streams[i]->file < 0) return std::unexpected(errno_error(errno, "open " + path));
  }
  Bytes payload;
  Stream* of = nullptr;
  bool failed = false;
  const auto flush = [&] {
    if (of != nullptr && !payload.empty()) failed |= ::write(of->file, payload.data(), payload.size()) < 0;
    payload.clear();
  };
  while (stop_asked == 0 && !failed) {
    const auto visit = [&](Stream& stream, std::uint8_t channel, ByteView packet) {
      if (channel != 0 || packet.size() < 12) return;
      if (of != &stream) flush(), of = &stream;
      payload.insert(payload.end(), packet.begin() + 12, packet.end());
    };
    if (auto turned = reader.turn(100, visit); !turned) return turned;
    flush();
  }
  for (const auto& stream : reader.streams) ::close(stream->file);
  if (failed) return fail(ErrorCode::io, "writing failed");
  return {};
}

}  // namespace ccoc::bench
