#include "server_session.h"

#include <charconv>
#include <random>

#include "text.h"
#include "tls_connection.h"

namespace ccoc::rtsp {
namespace {

constexpr std::string_view methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
constexpr ParserLimits limits{.head_bytes = 16 * 1024, .body_bytes = 16 * 1024};
constexpr std::size_t most_requests = 16;  ///< waiting to be answered
constexpr std::uint64_t most_garbage = 1024;
constexpr int most_refusals = 5;
constexpr int session_timeout_s = 60;
constexpr Duration longest_silence = std::chrono::seconds{90};
constexpr Duration admission_limit = std::chrono::seconds{20};
constexpr Duration request_limit = std::chrono::seconds{10};
constexpr Duration answer_limit = std::chrono::seconds{30};
constexpr Duration stuck_limit = std::chrono::seconds{30};
/// By UDP the cached pictures do not leave as one burst, which the receiver's buffer would not hold.
constexpr std::size_t burst = 48;
constexpr Duration burst_interval = std::chrono::milliseconds{2};

std::string new_session_id() {
  static thread_local std::random_device random;
  std::string id;
  while (id.size() < 16) id += "0123456789ABCDEF"[random() & 15];
  return id;
}

/// "/cam01/main/trackID=1?x" in its parts.
struct Target {
  std::string path;
  std::string query;
  std::optional<int> track;
};

Target target_of(std::string_view uri) {
  Target out;
  std::string text(path_of(uri));
  if (const auto at = text.find("/trackID="); at != std::string::npos) {
    const auto end = text.find_first_not_of("0123456789", at + 9);
    out.track = to_int<int>(std::string_view(text).substr(at + 9, end == std::string::npos ? end : end - at - 9)).value_or(-1);
    text.erase(at, end == std::string::npos ? end : end - at);
  }
  const auto mark = text.find('?');
  if (mark != std::string::npos) out.query = text.substr(mark + 1);
  out.path = text.substr(0, mark);
  for (auto* part : {&out.path, &out.query}) {
    while (part->ends_with('/')) part->pop_back();
  }
  return out;
}

struct Status {
  int code;
  std::string_view reason;
};

Status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::permission_denied: return {403, "Forbidden"};
    case ErrorCode::not_found: return {404, "Not Found"};
    case ErrorCode::unsupported: return {415, "Unsupported Media Type"};
    case ErrorCode::limit_exceeded: return {453, "Not Enough Bandwidth"};
    case ErrorCode::invalid_argument: return {457, "Invalid Range"};
    default: return {503, "Service Unavailable"};
  }
}

std::optional<double> parse_scale(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > -1000 && value < 1000) || value == 0) return std::nullopt;
  return value;
}

}  // namespace

ServerSession::ServerSession(Server& server, const PeerAddress& peer)
    : server_(server), peer_(peer), parser_(limits), began_(server.reactor_.clock().now()), heard_(began_), progress_(began_) {}

ServerSession::~ServerSession() {
  count_viewer(false);
  if (show_) show_->pause();
}

bool ServerSession::adopt(int socket, bool tls) {
  tls_ = tls;
  if (tls) {
    connection_ = TlsConnection::accept(server_.reactor_, socket, server_.options_.tls->identity, request_limit, *this);
    // What is encrypted is this viewer's own; the bound for waiting pictures is looked at before they are sent.
    if (connection_) connection_->set_queue_limit(2 * server_.options_.viewer_bytes + (std::size_t{16} << 20));
    return connection_ != nullptr;
  }
  auto connection = server_.reactor_.adopt(socket, *this);
  if (!connection) return false;
  connection_ = std::move(*connection);
  return true;
}

void ServerSession::touch() { heard_ = server_.reactor_.clock().now(); }

bool ServerSession::by_udp() const {
  for (const auto& track : tracks_) {
    if (track.transport && !track.transport->tcp) return true;
  }
  return false;
}

bool ServerSession::owns(const PeerAddress& rtcp_from) const {
  for (const auto& track : tracks_) {
    if (track.transport && !track.transport->tcp && track.rtcp_to == rtcp_from) return true;
  }
  return false;
}

void ServerSession::check_alive(MonoTime now) {
  const auto unsent = connection_ ? connection_->unsent() : 0;
  if (unsent == 0 || unsent < last_unsent_) progress_ = now;
  last_unsent_ = unsent;
  const bool fed_by_tcp = playing_ && !by_udp();
  const bool too_late = (!admitted_ && now - began_ > admission_limit) || (partial_since_ && now - *partial_since_ > request_limit) ||
                        (busy_since_ && now - *busy_since_ > answer_limit) || now - progress_ > stuck_limit ||
                        (!fed_by_tcp && now - heard_ > longest_silence);
  if (too_late) close();
}

void ServerSession::close() {
  if (closed_) return;
  closed_ = true;
  stop_playing();
  connection_.reset();
  server_.ended(*this);
}

void ServerSession::on_closed(const Error&) { close(); }

void ServerSession::on_bytes(ByteView bytes) {
  touch();
  parser_.feed(bytes);
  while (auto item = parser_.next()) {
    auto* message = std::get_if<Message>(&*item);
    if (message == nullptr || !message->request) continue;  // receiver reports; answers to what was never asked
    if (requests_.size() == most_requests) return close();
    requests_.push_back(std::move(*message));
  }
  if (parser_.error() || parser_.skipped_bytes() > most_garbage) return close();
  if (parser_.buffered() == 0) {
    partial_since_.reset();
  } else if (!partial_since_) {
    partial_since_ = heard_;
  }
  answer_next();
}

void ServerSession::answer_next() {
  if (answering_) return;
  answering_ = true;
  while (!busy_ && !closed_ && !requests_.empty()) {
    busy_ = true;
    busy_since_ = server_.reactor_.clock().now();
    handle(Message(requests_.front()));
  }
  answering_ = false;
}

/// Answers the first waiting request.
void ServerSession::reply(int status, std::string_view reason, std::vector<Header> headers, std::string body) {
  busy_ = false;
  busy_since_.reset();
  if (closed_ || requests_.empty()) return;
  auto answer = Message::make_response(status, reason, requests_.front().cseq());
  requests_.pop_front();
  answer.add("Server", "ccoc");
  if (!session_id_.empty()) answer.add("Session", session_id_ + ";timeout=" + std::to_string(session_timeout_s));
  for (auto& header : headers) answer.headers.push_back(std::move(header));
  answer.body = std::move(body);
  if (connection_) connection_->send(as_bytes(serialize(answer)));
}

void ServerSession::challenge() { reply(401, "Unauthorized", {{"WWW-Authenticate", "Basic realm=\"ccoc\""}}); }

void ServerSession::refuse(const Error& error) {
  if (error.code == ErrorCode::unauthenticated) {
    challenge();
    // Whoever guesses comes back with a new connection each time.
    if (++refusals_ >= most_refusals) close();
    return;
  }
  const auto [code, reason] = status_of(error.code);
  reply(code, reason);
}

void ServerSession::handle(const Message& request) {
  const auto& method = request.method;
  if (request.cseq() < 0) return reply(400, "Bad Request");
  if (request.has("Require")) return reply(551, "Option not supported", {{"Unsupported", std::string(request.header("Require"))}});
  if (method == "OPTIONS") return reply(200, "OK", {{"Public", std::string(methods)}});
  if (!lists_method(methods, method)) return reply(501, "Not Implemented", {{"Allow", std::string(methods)}});
  if (method == "DESCRIBE") return with_show(request, [this, request] { describe(request); });
  if (method == "SETUP") return with_show(request, [this, request] { set_up(request); });
  handle_in_session(request);
}

void ServerSession::handle_in_session(const Message& request) {
  const auto& method = request.method;
  const auto named = parse_session(request.header("Session")).id;
  const bool keep_alive = method == "GET_PARAMETER" || method == "SET_PARAMETER";
  if (keep_alive && named.empty()) return reply(200, "OK");
  if (session_id_.empty() || named != session_id_) return reply(454, "Session Not Found");
  if (keep_alive) return reply(200, "OK");
  if (method == "TEARDOWN") {
    stop_playing();
    forget_session();
    return reply(200, "OK");
  }
  const auto target = target_of(request.uri);
  if (target.track && tracks_[0].transport && tracks_[1].transport) return reply(460, "Only aggregate operation allowed");
  if (method == "PLAY") return play(request);
  // Players pause what has come to its end, too.
  if (playing_) show_->pause();
  playing_ = false;
  count_viewer(false);
  reply(200, "OK");
}

/// Goes on once it is known what the request is about and that its sender may see it.
void ServerSession::with_show(const Message& request, std::function<void()> then) {
  const auto credentials = parse_basic(request.header("Authorization"));
  if (!credentials) return challenge();
  const auto target = target_of(request.uri);
  // Players put the track's name where they think best; the query of the description holds.
  if (show_ && show_path_ == target.path && credentials_ == *credentials) {
    const bool other_query = request.method == "DESCRIBE" && !any_set_up();
    if (!other_query) return then();
  }
  if (any_set_up()) return reply(459, "Aggregate Operation Not Allowed");
  const ShowRequest wanted{*credentials, peer_, target.path, target.query};
  server_.host_.open(wanted,
                     [this, alive = std::weak_ptr<bool>(alive_), wanted, go_on = std::move(then)](Result<std::unique_ptr<Show>> opened) {
                       if (alive.expired() || closed_) return;
                       if (opened) {
                         show_ = std::move(*opened);
                         show_path_ = wanted.path;
                         credentials_ = wanted.credentials;
                         admitted_ = true;
                         refusals_ = 0;
                         go_on();
                       } else if (opened.error().code == ErrorCode::invalid_argument) {
                         reply(400, "Bad Request");
                       } else {
                         refuse(opened.error());
                       }
                       answer_next();
                     });
}

void ServerSession::describe(const Message& request) {
  auto uri = request.uri;
  const auto mark = uri.find('?');
  const auto query = mark == std::string::npos ? std::string() : uri.substr(mark);
  base_ = uri.substr(0, mark);
  while (base_.ends_with('/')) base_.pop_back();
  // Behind a query players put what is relative in different places: then controls are absolute.
  const auto sdp = query.empty() ? media::make_sdp(show_->offer()) : media::make_sdp(show_->offer(), base_ + "/", query);
  reply(200, "OK", {{"Content-Base", query.empty() ? base_ + "/" : uri}, {"Content-Type", "application/sdp"}}, sdp);
}

void ServerSession::set_up(const Message& request) {
  const auto target = target_of(request.uri);
  const auto& offer = show_->offer();
  if (!target.track && offer.video && offer.audio) return reply(459, "Aggregate Operation Not Allowed");
  const int number = target.track.value_or(0);
  if (number < 0 || number > 1 || (number == 1 && !offer.audio)) return reply(404, "Not Found");
  if (playing_) return reply(455, "Method Not Valid in This State");
  // By UDP the pictures would leave in clear.
  auto chosen = choose_transport(request.header("Transport"), server_.options_.udp && !tls_);
  auto* sockets = chosen && !chosen->tcp ? server_.datagrams() : nullptr;
  if (!chosen || (!chosen->tcp && sockets == nullptr)) return reply(461, "Unsupported Transport");
  auto& track = tracks_[static_cast<std::size_t>(number)];
  const auto kind = number == 1 ? TrackKind::audio : TrackKind::video;
  if (chosen->tcp) {
    const auto usual = static_cast<std::uint8_t>(2 * number);
    if (!chosen->interleaved) chosen->interleaved = std::pair{usual, static_cast<std::uint8_t>(usual + 1)};
    parser_.expect_channel(chosen->interleaved->first);
    parser_.expect_channel(chosen->interleaved->second);
  } else {
    // Never another host than the one that asks.
    track.rtp_to = {peer_.address, chosen->client_port->first};
    track.rtcp_to = {peer_.address, chosen->client_port->second};
    chosen->server_port = std::pair{sockets->even->port(), sockets->odd->port()};
    chosen->interleaved.reset();
  }
  chosen->source.clear();
  chosen->destination.clear();
  chosen->ssrc = show_->ssrc(kind);
  track.transport = std::move(chosen);
  if (base_.empty()) base_ = request.uri.substr(0, request.uri.find("/trackID="));
  if (session_id_.empty()) session_id_ = new_session_id();
  reply(200, "OK", {{"Transport", to_string(*track.transport)}});
}

void ServerSession::play(const Message& request) {
  if (!any_set_up()) return reply(455, "Method Not Valid in This State");
  PlayRequest wanted;
  if (request.has("Range")) {
    const auto range = parse_range(request.header("Range"));
    if (!range) return reply(457, "Invalid Range");
    wanted.range = *range;
  }
  if (request.has("Scale")) {
    wanted.scale = parse_scale(request.header("Scale"));
    if (!wanted.scale) return reply(400, "Bad Request");
  }
  if (playing_ && !wanted.range && !wanted.scale) return reply(200, "OK");  // already does
  playing_ = false;
  show_->play(wanted, *this);
}

void ServerSession::on_started(const PlayStart& start) {
  if (closed_) return;
  std::string info;
  const auto add = [&](int number, const std::optional<TrackStart>& at) {
    if (!tracks_[static_cast<std::size_t>(number)].transport || !at) return;
    info += (info.empty() ? "" : ",") + std::string("url=") + base_ + "/trackID=" + std::to_string(number) +
            ";seq=" + std::to_string(at->sequence) + ";rtptime=" + std::to_string(at->timestamp);
  };
  add(0, start.video);
  add(1, start.audio);
  std::vector<Header> headers{{"Range", start.range}};
  if (start.scale != 1) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", start.scale);
    headers.push_back({"Scale", text});
  }
  if (!info.empty()) headers.push_back({"RTP-Info", info});
  playing_ = true;
  if (!start.continues) {
    needs_key_ = true;
    udp_queue_.clear();
    udp_bytes_ = 0;
  }
  count_viewer(true);
  reply(200, "OK", std::move(headers));
  answer_next();
}

void ServerSession::on_refused(const Error& error) {
  if (closed_) return;
  // Of a range where nothing is, the range is wrong.
  if (error.code == ErrorCode::not_found) {
    reply(457, "Invalid Range");
  } else {
    refuse(error);
  }
  answer_next();
}

void ServerSession::on_finished() {
  playing_ = false;
  count_viewer(false);
}

void ServerSession::on_revoked(const Error&) { close(); }

void ServerSession::stop_playing() {
  playing_ = false;
  count_viewer(false);
  if (show_) {
    show_->pause();
    // It may be in the middle of telling us something.
    server_.reactor_.post([over = std::shared_ptr<Show>(std::move(show_))] {});
  }
  udp_queue_.clear();
  udp_bytes_ = 0;
  udp_timer_.reset();
}

void ServerSession::forget_session() {
  session_id_.clear();
  show_path_.clear();
  base_.clear();
  for (auto& track : tracks_) track = {};
}

void ServerSession::on_packets(TrackKind kind, const media::PacketBatchPtr& packets) {
  const auto& to = track(kind);
  if (!playing_ || closed_ || !to.transport) return;
  const bool picture = kind == TrackKind::video;
  const bool both = tracks_[0].transport.has_value();
  if (needs_key_ && both && !(picture && packets->key)) {
    if (picture) ++server_.counts_->units_skipped;
    return;
  }
  const auto waiting = to.transport->tcp ? connection_->unsent() : udp_bytes_;
  if (waiting > server_.options_.viewer_bytes) {
    needs_key_ = true;
    ++server_.counts_->units_skipped;
    return;
  }
  needs_key_ = false;
  server_.counts_->bytes_sent += packets->framed->size();
  if (to.transport->tcp) return send_tcp(to, packets);
  udp_queue_.push_back({&to, packets, 0});
  udp_bytes_ += packets->framed->size();
  if (!udp_timer_) send_udp();
}

void ServerSession::send_tcp(const Track& to, const media::PacketBatchPtr& packets) {
  const auto channel = to.transport->interleaved->first;
  if (channel == packets->channel) {
    connection_->send_shared(packets->framed);
  } else {
    connection_->send_shared(std::make_shared<const Bytes>(media::with_channel(*packets->framed, channel)));
  }
}

void ServerSession::send_udp() {
  udp_timer_.reset();
  auto* sockets = server_.datagrams();
  std::array<ByteView, burst> datagrams;
  std::size_t room = burst;
  while (sockets != nullptr && room > 0 && !udp_queue_.empty()) {
    auto& front = udp_queue_.front();
    const ByteView framed(*front.packets->framed);
    std::size_t count = 0;
    while (count < room) {
      const auto size = media::framed_size(framed, front.at);
      if (size == 0) break;
      datagrams[count++] = framed.subspan(front.at + media::interleaved_header, size - media::interleaved_header);
      front.at += size;
    }
    sockets->even->send_all_to(std::span(datagrams).first(count), front.track->rtp_to);
    room -= count;
    if (front.at < framed.size()) break;
    udp_bytes_ -= framed.size();
    udp_queue_.pop_front();
  }
  if (!udp_queue_.empty()) udp_timer_ = server_.reactor_.call_after(burst_interval, [this] { send_udp(); });
}

void ServerSession::on_report(TrackKind kind, const SharedBytes& rtcp) {
  const auto& to = track(kind);
  if (!playing_ || closed_ || !to.transport) return;
  if (!to.transport->tcp) {
    if (auto* sockets = server_.datagrams()) sockets->odd->send_to(*rtcp, to.rtcp_to);
    return;
  }
  if (connection_->unsent() > server_.options_.viewer_bytes) return;
  Bytes framed{'$', to.transport->interleaved->second, static_cast<std::uint8_t>(rtcp->size() >> 8),
               static_cast<std::uint8_t>(rtcp->size())};
  framed.insert(framed.end(), rtcp->begin(), rtcp->end());
  connection_->send(framed);
}

void ServerSession::count_viewer(bool playing) {
  if (playing == counted_) return;
  counted_ = playing;
  if (playing)
    ++server_.counts_->viewers;
  else
    --server_.counts_->viewers;
}

}  // namespace ccoc::rtsp
