// A blocking RTSP/TCP viewer for the farm's tests: it keeps what it received, and waits with a deadline, never with a sleep.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/media/rtp.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/simulator/stamp.h"

namespace ccoc::simulator::testing {

/// A whole access unit: stamp, RTP time and how many packets.
struct Frame {
  std::optional<Stamp> stamp;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::uint16_t first_sequence = 0, last_sequence = 0;
};

class Viewer {
 public:
  explicit Viewer(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Viewer() { ::close(fd_); }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  /// The answer to one request; status 0 when the connection ended, or nothing came in time.
  rtsp::Message ask(const std::string& method, const std::string& uri, std::vector<rtsp::Header> headers = {}) {
    auto request = rtsp::Message::make_request(method, uri, ++cseq_);
    for (auto& h : headers) request.headers.push_back(std::move(h));
    if (!session_.empty()) request.add("Session", session_);
    const auto text = rtsp::serialize(request);
    if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) < 0) return {};
    const auto answered = replies_.size() + 1;
    if (!read_until([&] { return replies_.size() >= answered; })) return {};
    return replies_.back();
  }

  /// SETUP and PLAY over the connection; true when both were answered with 200.
  bool play(const std::string& url, const std::string& interleaved = "0-1") {
    const auto setup = ask("SETUP", url + "/trackID=0", {{"Transport", "RTP/AVP/TCP;unicast;interleaved=" + interleaved}});
    session_ = rtsp::parse_session(setup.header("Session")).id;
    if (setup.status != 200) return false;
    play_reply = ask("PLAY", url);
    return play_reply.status == 200;
  }

  /// True when that many whole frames have come, within the deadline.
  bool wait_frames(std::size_t count) {
    return read_until([&] { return frames.size() >= count; });
  }
  /// True when the connection was closed by the farm, within the deadline.
  bool wait_closed() {
    read_until([] { return false; });
    return closed_;
  }
  template <class Condition>
  bool read_until(Condition condition, Duration within = std::chrono::seconds{15}) {
    const auto deadline = clock_.now() + within;
    while (!condition()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.now()).count();
      pollfd watched{fd_, POLLIN, 0};
      if (closed_ || left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) <= 0) return false;
      read_some();
    }
    return true;
  }

  std::vector<Frame> frames;
  std::vector<std::uint8_t> channels;  ///< of every interleaved frame
  std::vector<media::SenderReport> reports;
  rtsp::Message play_reply;
  std::size_t torn_packets() const { return open_packets_; }  ///< of a frame whose marker never came
  bool connected() const { return connected_; }
  int fd() const { return fd_; }

 private:
  void read_some() {
    std::uint8_t buffer[65536];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      closed_ = true;
      return;
    }
    parser_.feed(ByteView(buffer, static_cast<std::size_t>(n)));
    while (auto item = parser_.next()) {
      if (auto* message = std::get_if<rtsp::Message>(&*item)) {
        replies_.push_back(std::move(*message));
      } else {
        take(std::get<rtsp::InterleavedFrame>(*item));
      }
    }
  }

  void take(const rtsp::InterleavedFrame& frame) {
    channels.push_back(frame.channel);
    if (frame.channel % 2 == 1) {
      if (const auto report = media::parse_sender_report(frame.payload)) reports.push_back(*report);
      return;
    }
    const auto packet = media::parse_rtp(frame.payload);
    if (!packet) return;
    if (open_packets_++ == 0) {
      open_ = {};
      open_.first_sequence = packet->sequence;
    }
    if (const auto stamp = find_stamp(packet->payload)) open_.stamp = stamp;
    open_.timestamp = packet->timestamp;
    open_.ssrc = packet->ssrc;
    open_.last_sequence = packet->sequence;
    if (!packet->marker) return;
    frames.push_back(open_);
    open_packets_ = 0;
  }

  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  int cseq_ = 0;
  std::string session_;
  SystemClock clock_;
  rtsp::StreamParser parser_;
  std::vector<rtsp::Message> replies_;
  Frame open_;
  std::size_t open_packets_ = 0;
};

}  // namespace ccoc::simulator::testing
