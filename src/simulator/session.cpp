#include "session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "ccoc/media/rtp.h"
#include "stream.h"
#include "tone.h"

namespace ccoc::simulator {
namespace {

constexpr int session_timeout_s = 60;
constexpr Duration longest_silence = std::chrono::seconds{90};
constexpr std::size_t max_answers = 256 * 1024;  ///< owed to a client that asks and never reads
constexpr std::string_view sound_track = "trackID=1";
constexpr std::string_view methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

void set_port(sockaddr_storage& address, std::uint16_t port) {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

bool same_address(const sockaddr_storage& a, const sockaddr_storage& b) {
  if (a.ss_family != b.ss_family) return false;
  if (a.ss_family == AF_INET6) {
    const auto& x = reinterpret_cast<const sockaddr_in6&>(a);
    const auto& y = reinterpret_cast<const sockaddr_in6&>(b);
    return x.sin6_port == y.sin6_port && std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
  }
  const auto& x = reinterpret_cast<const sockaddr_in&>(a);
  const auto& y = reinterpret_cast<const sockaddr_in&>(b);
  return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
}

}  // namespace

Session::Session(SessionHost& host, int fd, const sockaddr_storage& peer)
    : host_(host),
      fd_(fd),
      peer_(peer),
      auth_("ccoc camera", host.options().user, host.options().password),
      last_heard_(host.clock().now()) {
  const int on = 1;
  const unsigned give_up_ms = 30'000;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (const int size = host.options().send_buffer_bytes; size > 0) ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  ::setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
}

Session::~Session() {
  stop_playing();
  ::close(fd_);
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  host_.ended(*this);
}

void Session::finish() {
  stop_playing();
  pause(false);
  ::shutdown(fd_, SHUT_WR);
}

void Session::discard_input() {
  std::array<std::uint8_t, 4096> buffer;
  ssize_t n = 0;
  while ((n = ::recv(fd_, buffer.data(), buffer.size(), 0)) > 0) {
  }
  if (n == 0 || (errno != EAGAIN && errno != EINTR)) close();
}

void Session::touch() { last_heard_ = host_.clock().now(); }

void Session::check_alive(MonoTime now) {
  const bool by_connection = playing_ && transport_ && transport_->tcp;
  if (!by_connection && !paused_ && now - last_heard_ > longest_silence) close();
}

bool Session::owns_rtcp_address(const sockaddr_storage& from) const {
  return playing_ && transport_ && !transport_->tcp && same_address(rtcp_to_, from);
}

void Session::pause(bool paused) {
  paused_ = paused;
  host_.watch(*this, !paused_, watching_write_ && !paused_);
}

void Session::on_readable() {
  std::array<std::uint8_t, 16 * 1024> buffer;
  const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close();
  touch();
  parser_.feed(ByteView(buffer.data(), static_cast<std::size_t>(n)));
  while (auto item = parser_.next()) {
    if (const auto* message = std::get_if<rtsp::Message>(&*item); message != nullptr && message->request) handle(*message);
    if (closed_) return;
  }
  if (parser_.error()) close();
}

void Session::on_writable() {
  while (owes_bytes()) {
    const auto n = ::send(fd_, backlog_.data() + backlog_sent_, backlog_.size() - backlog_sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return close();
    backlog_sent_ += static_cast<std::size_t>(n);
  }
  backlog_.clear();
  backlog_sent_ = 0;
  watching_write_ = false;
  host_.watch(*this, !paused_, false);
}

void Session::write(ByteView bytes) {
  if (!owes_bytes()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return close();
    bytes = bytes.subspan(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (bytes.empty()) return;
  }
  if (backlog_sent_ > backlog_.size() / 2) {
    backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(backlog_sent_));
    backlog_sent_ = 0;
  }
  backlog_.insert(backlog_.end(), bytes.begin(), bytes.end());
  if (backlog_.size() - backlog_sent_ > host_.options().backlog_bytes + max_answers) return close();
  if (!watching_write_) {
    watching_write_ = true;
    host_.watch(*this, !paused_, !paused_);
  }
}

bool Session::send_frame(std::span<std::uint8_t> bytes, bool key, unsigned packets) {
  if (closed_ || (needs_key_ && !key)) return false;
  if (transport_->tcp) {
    const std::size_t owed = backlog_.size() - backlog_sent_;
    if (owed > 0 && owed + bytes.size() > host_.options().backlog_bytes) {
      stream_->count_dropped();
      return false;
    }
    Clip::set_channel(bytes, transport_->interleaved->first);
  }
  Bytes copy;
  if (host_.has_conditions(camera_)) bytes = copy = distorted(bytes);
  if (drop_next_) bytes = bytes.first(bytes.size() / 2);
  if (transport_->tcp) {
    write(bytes);
  } else {
    send_udp(bytes);
  }
  if (drop_next_) close();
  if (closed_) return false;
  needs_key_ = false;
  packets_ += packets;
  octets_ += static_cast<std::uint32_t>(bytes.size() - packets * std::size_t{16});
  const auto now = host_.clock().now();
  if (now >= next_report_ && !suffers(FaultKind::noreports)) send_report(now);
  return !closed_;
}

void Session::send_sound(std::int64_t frame, double fps) {
  if (!sound_channel_ || closed_ || owes_bytes()) return;
  const auto sample_at = [fps](std::int64_t n) { return static_cast<std::int64_t>(static_cast<double>(n) * tone_rate / fps); };
  const auto from = sample_at(frame), until = sample_at(frame + 1);
  const auto& tone = tone_of(camera_);
  Bytes packet{'$', *sound_channel_, 0, 0, 0x80, tone_payload_type};
  const auto put = [&packet](std::uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) packet.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  put(sound_sequence_++, 2);
  put(static_cast<std::uint32_t>(from), 4);
  put(stream_->ssrc() ^ 1, 4);
  for (auto i = from; i < until; ++i) packet.push_back(tone[static_cast<std::size_t>(i) % tone.size()]);
  packet[2] = static_cast<std::uint8_t>((packet.size() - 4) >> 8);
  packet[3] = static_cast<std::uint8_t>(packet.size() - 4);
  write(packet);
}

void Session::send_udp(std::span<std::uint8_t> bytes) {
  constexpr std::size_t batch = 64;
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> pieces{};
  const auto address_size = static_cast<socklen_t>(rtp_to_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  for (std::size_t at = 0; at + 4 < bytes.size();) {
    unsigned n = 0;
    for (; n < batch && at + 4 < bytes.size(); ++n) {
      const auto size = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
      if (at + 4 + size > bytes.size()) {
        at = bytes.size();
        break;
      }
      pieces[n] = {bytes.data() + at + 4, size};
      messages[n].msg_hdr = {};
      messages[n].msg_hdr.msg_name = &rtp_to_;
      messages[n].msg_hdr.msg_namelen = address_size;
      messages[n].msg_hdr.msg_iov = &pieces[n];
      messages[n].msg_hdr.msg_iovlen = 1;
      at += 4 + size;
    }
    if (n > 0 && ::sendmmsg(host_.rtp_socket(), messages.data(), n, 0) < 0) return;  // lost, as on any network
  }
}

void Session::send_report(MonoTime now) {
  next_report_ = now + host_.options().report_interval;
  const auto* wrong = host_.condition(camera_, FaultKind::clock);
  const auto told = host_.clock().utc_now() + (wrong != nullptr ? wrong->amount : Duration{0});
  const auto rtcp =
      media::make_sender_compound({stream_->ssrc(), media::utc_to_ntp(told), stream_->timestamp_at(now), packets_, octets_}, "ccoc");
  if (transport_->tcp) {
    Bytes framed{'$', transport_->interleaved->second, 0, static_cast<std::uint8_t>(rtcp.size())};
    framed.insert(framed.end(), rtcp.begin(), rtcp.end());
    write(framed);
  } else {
    const auto size = static_cast<socklen_t>(rtcp_to_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    ::sendto(host_.rtcp_socket(), rtcp.data(), rtcp.size(), 0, reinterpret_cast<const sockaddr*>(&rtcp_to_), size);
  }
}

void Session::drop_in_mid_frame() {
  if (playing_ && !needs_key_) {
    drop_next_ = true;
  } else {
    close();
  }
}

void Session::stop_playing() {
  if (playing_) stream_->remove_viewer(*this);
  playing_ = false;
  needs_key_ = true;
}

void Session::handle(const rtsp::Message& request) {
  if (const auto* named = host_.find_stream(rtsp::path_of(request.uri)); named != nullptr) camera_ = named->camera();
  const auto mood = host_.mood(camera_);
  if (mood == SessionHost::Mood::down) return close();
  if (mood == SessionHost::Mood::silent) return pause(true);
  if (suffers(FaultKind::mute)) return;
  const auto reply = answer(request);
  write(as_bytes(rtsp::serialize(reply)));
  // From here on frames may follow the answer.
  if (request.method == "PLAY" && reply.status == 200 && !playing_ && !closed_) {
    playing_ = true;
    stream_->add_viewer(*this);
    host_.viewer_added(*stream_);
  }
}

/// What a condition answers instead.
std::optional<rtsp::Message> Session::refuse(const rtsp::Message& request, int cseq) const {
  const auto& method = request.method;
  const auto status = [&](int code, std::string_view reason) { return rtsp::Message::make_response(code, reason, cseq); };
  if (suffers(FaultKind::unauthorized) && method != "OPTIONS") {
    auto refusal = status(401, "Unauthorized");
    auth_.challenge(refusal, false);
    return refusal;
  }
  if (method == "DESCRIBE" && suffers(FaultKind::missing)) return status(404, "Not Found");
  if (const auto main = request.uri.rfind("/main"); method == "DESCRIBE" && main != std::string::npos && suffers(FaultKind::redirect)) {
    auto moved = status(302, "Moved Temporarily");
    moved.add("Location", request.uri.substr(0, main) + "/sub");
    return moved;
  }
  if (method == "SETUP" && suffers(FaultKind::busy)) return status(453, "Not Enough Bandwidth");
  if (method == "SETUP") {
    const auto offers = rtsp::parse_transports(request.header("Transport"));
    const bool tcp = !offers.empty() && offers.front().tcp;
    if (suffers(tcp ? FaultKind::udponly : FaultKind::tcponly)) return status(461, "Unsupported Transport");
  }
  const bool keeps_alive = method == "GET_PARAMETER" || (method == "OPTIONS" && playing_);
  if (keeps_alive && suffers(FaultKind::nokeepalive)) return status(501, "Not Implemented");
  return std::nullopt;
}

/// The packets of a frame as a bad camera or network would have them; framing and all.
Bytes Session::distorted(ByteView frame) const {
  const auto chance = [&](FaultKind kind) {
    const auto* fault = host_.condition(camera_, kind);
    return fault != nullptr && std::uniform_real_distribution<>{0, 100}(host_.random()) < fault->value;
  };
  std::vector<Bytes> packets;
  for (std::size_t at = 0; at + 4 < frame.size();) {
    const auto size = 4 + static_cast<std::size_t>(frame[at + 2] << 8 | frame[at + 3]);
    if (at + size > frame.size()) break;
    const auto packet = frame.subspan(at, size);
    at += size;
    if (chance(FaultKind::loss)) continue;
    packets.emplace_back(packet.begin(), packet.end());
    auto& made = packets.back();
    if (suffers(FaultKind::nomarker)) made[5] &= 0x7f;
    if (suffers(FaultKind::allmarkers)) made[5] |= 0x80;
    if (const auto* other = host_.condition(camera_, FaultKind::channels)) made[1] = static_cast<std::uint8_t>(other->value);
    if (chance(FaultKind::duplicate)) packets.push_back(Bytes(made));
    if (packets.size() > 1 && chance(FaultKind::reorder)) std::swap(packets[packets.size() - 1], packets[packets.size() - 2]);
  }
  Bytes out;
  if (transport_->tcp && suffers(FaultKind::garbage)) {
    constexpr std::string_view text = "\r\nwhat?\r\n";
    out.assign(text.begin(), text.end());
  }
  for (const auto& packet : packets) out.insert(out.end(), packet.begin(), packet.end());
  return out;
}

rtsp::Message Session::answer(const rtsp::Message& request) {
  const int cseq = request.cseq();
  if (auto refusal = refuse(request, cseq)) return *refusal;
  if (request.method == "OPTIONS") {
    auto reply = rtsp::Message::make_response(200, "OK", cseq);
    reply.add("Public", methods);
    return reply;
  }
  auto refusal = rtsp::Message::make_response(401, "Unauthorized", cseq);
  if (!authorized(request, refusal)) return refusal;
  if (request.method == "DESCRIBE") return describe(request, cseq);
  if (request.method == "SETUP") return setup(request, cseq);
  const bool known = rtsp::lists_method(methods, request.method);
  if (!known) return rtsp::Message::make_response(501, "Not Implemented", cseq);
  const auto named = rtsp::parse_session(request.header("Session")).id;
  const bool keep_alive = request.method == "GET_PARAMETER" || request.method == "SET_PARAMETER";
  if (!(keep_alive && named.empty()) && (session_id_.empty() || named != session_id_)) {
    return rtsp::Message::make_response(454, "Session Not Found", cseq);
  }
  auto reply = request.method == "PLAY" ? play(request, cseq) : rtsp::Message::make_response(200, "OK", cseq);
  if (!session_id_.empty()) reply.add("Session", session_id_);
  if (request.method == "PAUSE") stop_playing();
  if (request.method == "TEARDOWN") {
    stop_playing();
    session_id_.clear();
    transport_.reset();
    sound_channel_.reset();
  }
  return reply;
}

bool Session::authorized(const rtsp::Message& request, rtsp::Message& refusal) {
  if (host_.options().user.empty()) return true;
  const auto verdict = auth_.check(request);
  if (verdict == rtsp::AuthServer::Answer::ok) return true;
  auth_.challenge(refusal, verdict == rtsp::AuthServer::Answer::stale);
  return false;
}

rtsp::Message Session::describe(const rtsp::Message& request, int cseq) {
  auto* stream = host_.find_stream(rtsp::path_of(request.uri));
  if (stream == nullptr) return rtsp::Message::make_response(404, "Not Found", cseq);
  auto reply = rtsp::Message::make_response(200, "OK", cseq);
  const auto base = request.uri.substr(0, request.uri.find('?'));
  reply.add("Content-Base", base.ends_with('/') ? base : base + "/");
  reply.add("Content-Type", "application/sdp");
  const bool sound = stream->camera() <= host_.options().with_sound;
  reply.body = make_sdp(stream->clip(), camera_name(stream->camera()) + " " + stream->role(), sound ? tone_format() : nullptr);
  if (suffers(FaultKind::nosprop)) {
    const auto begin = reply.body.find("sprop-");
    const auto end = reply.body.find("\r\n", begin);
    if (begin != std::string::npos) reply.body.erase(begin, end - begin);
  }
  return reply;
}

/// The second track, by TCP only.
rtsp::Message Session::set_up_sound(const rtsp::Message& request, int cseq) {
  const auto offers = rtsp::parse_transports(request.header("Transport"));
  const bool tcp = !offers.empty() && offers.front().tcp;
  if (!tcp || !transport_ || !transport_->tcp) return rtsp::Message::make_response(461, "Unsupported Transport", cseq);
  rtsp::Transport agreed;
  agreed.tcp = true;
  agreed.interleaved = offers.front().interleaved.value_or(std::pair<std::uint8_t, std::uint8_t>{2, 3});
  agreed.ssrc = stream_->ssrc() ^ 1;
  sound_channel_ = agreed.interleaved->first;
  auto reply = rtsp::Message::make_response(200, "OK", cseq);
  reply.add("Transport", rtsp::to_string(agreed));
  reply.add("Session", session_id_ + ";timeout=" + std::to_string(session_timeout_s));
  return reply;
}

rtsp::Message Session::setup(const rtsp::Message& request, int cseq) {
  auto* stream = host_.find_stream(rtsp::path_of(request.uri));
  if (stream == nullptr) return rtsp::Message::make_response(404, "Not Found", cseq);
  const bool sound = request.uri.ends_with(sound_track);
  if (sound && stream->camera() > host_.options().with_sound) return rtsp::Message::make_response(404, "Not Found", cseq);
  if (sound && !playing_ && stream == stream_) return set_up_sound(request, cseq);
  if (playing_ || (!session_id_.empty() && stream != stream_)) {
    return rtsp::Message::make_response(459, "Aggregate Operation Not Allowed", cseq);
  }
  auto chosen = rtsp::choose_transport(request.header("Transport"), host_.rtp_socket() >= 0);
  if (!chosen) return rtsp::Message::make_response(461, "Unsupported Transport", cseq);
  if (chosen->tcp && !chosen->interleaved) chosen->interleaved = std::pair<std::uint8_t, std::uint8_t>{0, 1};
  if (!chosen->tcp) {
    chosen->server_port = host_.udp_ports();
    rtp_to_ = rtcp_to_ = peer_;  // never another host than the one that asks
    set_port(rtp_to_, chosen->client_port->first);
    set_port(rtcp_to_, chosen->client_port->second);
  }
  chosen->destination.clear();
  chosen->source.clear();
  chosen->ssrc = stream->ssrc();
  stream_ = stream;
  transport_ = std::move(chosen);
  if (session_id_.empty()) session_id_ = host_.new_session_id();
  auto reply = rtsp::Message::make_response(200, "OK", cseq);
  reply.add("Transport", rtsp::to_string(*transport_));
  reply.add("Session", session_id_ + ";timeout=" + std::to_string(session_timeout_s));
  return reply;
}

rtsp::Message Session::play(const rtsp::Message& request, int cseq) {
  if (!transport_) return rtsp::Message::make_response(455, "Method Not Valid in This State", cseq);
  auto reply = rtsp::Message::make_response(200, "OK", cseq);
  reply.add("Range", "npt=now-");
  if (!stream_->watched()) stream_->align_for_viewer(host_.clock().now());
  const auto start = stream_->next_key();
  const auto base = request.uri.substr(0, request.uri.find('?'));
  reply.add("RTP-Info", "url=" + base + (base.ends_with('/') ? "" : "/") + "trackID=0;seq=" + std::to_string(start.sequence) +
                            ";rtptime=" + std::to_string(start.timestamp));
  return reply;
}

}  // namespace ccoc::simulator
