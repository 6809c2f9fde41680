#include "ccoc/rtsp/client.h"

#include <algorithm>
#include <array>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/rtp.h"
#include "end_reason.h"
#include "tls_connection.h"
#include "udp_track.h"

namespace ccoc::rtsp {
namespace {

constexpr std::string_view user_agent = "ccoc";
constexpr int max_redirects = 3;
/// Of one request: without credentials, with them, with a fresh nonce, and one more for luck.
constexpr int max_refusals = 4;
constexpr std::size_t max_tracks = 8;
/// A failed one is followed by the next; the last leaves it to the receiver reports.
constexpr std::array<std::string_view, 3> keep_alive_methods = {"GET_PARAMETER", "OPTIONS", "SET_PARAMETER"};

bool is_motion_jpeg(const media::SdpMedia& m) { return m.encoding == "JPEG"; }

}  // namespace

/// Passes UDP packets on; a member of its own so that Client's interface stays free of them.
class Client::UdpInput final : public UdpReceiver {
 public:
  explicit UdpInput(Client& client) : client_(client) {}
  void on_udp_rtp(std::size_t track, ByteView packet) override {
    if (const auto kind = kind_of(track)) client_.listener_.on_rtp(*kind, packet);
  }
  void on_udp_rtcp(std::size_t track, ByteView packet) override {
    if (const auto kind = kind_of(track)) client_.listener_.on_rtcp(*kind, packet);
  }

 private:
  std::optional<TrackKind> kind_of(std::size_t track) const {
    if (client_.state_ == State::ended || track >= client_.tracks_.size()) return std::nullopt;
    return client_.tracks_[track].kind;
  }

  Client& client_;
};

Client::Client(Reactor& reactor, ClientOptions options, ClientListener& listener)
    : reactor_(reactor),
      options_(std::move(options)),
      listener_(listener),
      authenticator_(options_.user, options_.password),
      transport_(options_.transport),
      udp_input_(std::make_unique<UdpInput>(*this)),
      request_url_(options_.url.request_uri()) {
  // By UDP the media would travel in clear.
  if (options_.url.tls()) transport_ = MediaTransport::tcp, options_.other_transport = false;
  // Inside TLS nobody listens.
  if (!options_.allow_basic && !options_.url.tls()) authenticator_.refuse_basic();
}

Client::~Client() {
  *alive_ = false;
  if (connection_ && !session_.empty() && state_ != State::ended) {
    // One session stays open at some cameras for a minute when this is not said (faults.md C4).
    Message teardown = Message::make_request("TEARDOWN", play_url_.empty() ? request_url_ : play_url_, ++cseq_);
    teardown.add("Session", session_);
    teardown.add("User-Agent", user_agent);
    if (authenticator_.challenged()) teardown.add("Authorization", authenticator_.authorization("TEARDOWN", teardown.uri));
    connection_->send(as_bytes(serialize(teardown)));
  }
}

void Client::start() {
  const Endpoint to{options_.url.host, options_.url.port, options_.refuse_local};
  if (!options_.url.tls()) {
    connection_ = reactor_.connect(to, options_.connect_timeout, *this);
    return;
  }
  ConnectionHandler& self = *this;
  auto connection = std::make_unique<TlsConnection>(reactor_, to, options_.connect_timeout, options_.certificate, self);
  tls_ = connection.get();
  connection_ = std::move(connection);
}

std::string Client::certificate() const { return tls_ == nullptr ? std::string() : tls_->fingerprint(); }

void Client::set_prompt(bool prompt) {
  prompt_ = prompt;
  // The dialogue before PLAY is always prompt: its answers are smaller than any low-water mark.
  if (state_ != State::playing) return;
  // By UDP nothing but the dialogue is on the connection.
  connection_->set_prompt(prompt || transport_ == MediaTransport::udp);
  for (auto& track : tracks_) {
    if (track.udp) track.udp->set_prompt(prompt);
  }
}

void Client::send_rtcp(TrackKind kind, ByteView packet) {
  if (!connection_ || state_ != State::playing || packet.size() > 0xffff) return;
  const auto track = std::ranges::find(tracks_, std::optional(kind), &Track::kind);
  if (track == tracks_.end()) return;
  if (track->udp) return track->udp->send_rtcp(packet);
  Bytes framed{'$', track->rtcp_channel, static_cast<std::uint8_t>(packet.size() >> 8), static_cast<std::uint8_t>(packet.size())};
  framed.insert(framed.end(), packet.begin(), packet.end());
  connection_->send(framed);
}

std::string Client::where() const { return options_.url.host + ":" + std::to_string(options_.url.port); }

void Client::on_connected() {
  connection_->set_prompt(true);
  state_ = State::describing;
  request("DESCRIBE", request_url_);
}

void Client::on_closed(const Error& reason) {
  const bool connected = state_ != State::connecting;
  // Some close after each answer to DESCRIBE, the refusal or the description itself (faults.md C5): what is known of
  // the authentication is then used on a new connection.
  const bool early = state_ == State::describing || (state_ == State::setting_up && tracks_set_up_ == 0);
  if (early && authenticator_.challenged() && !reconnected_) {
    reconnected_ = true;
    return start_over();
  }
  // The last pictures of a camera that goes away overtook this.
  const auto alive = alive_;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].udp) tracks_[i].udp->receive();
    if (!*alive || state_ == State::ended) return;
  }
  const auto kind = reason_of_close(reason, connected);
  const bool reached = connected || kind == EndReason::certificate_changed || kind == EndReason::tls_failed;
  end(kind, reason.within(reached ? where() : "cannot reach " + where()));
}

/// The dialogue from its beginning on a new connection.
void Client::start_over() {
  deadline_.reset();
  keep_alive_timer_.reset();
  pending_.reset();
  session_.clear();
  tracks_.clear();
  tracks_set_up_ = 0;
  parser_ = StreamParser{};
  authenticator_.on_new_connection();
  state_ = State::connecting;
  start();
}

void Client::request(std::string method, std::string uri) {
  refusals_ = 0;
  pending_ = Pending{std::move(method), std::move(uri), 0};
  send_pending();
}

void Client::send_pending() {
  pending_->cseq = ++cseq_;
  Message message = Message::make_request(pending_->method, pending_->uri, pending_->cseq);
  message.add("User-Agent", user_agent);
  if (authenticator_.challenged()) {
    message.add("Authorization", authenticator_.authorization(pending_->method, pending_->uri));
  }
  if (pending_->method == "DESCRIBE") message.add("Accept", "application/sdp");
  if (pending_->method == "SETUP") {
    Transport transport;
    const auto& track = tracks_[tracks_set_up_];
    transport.tcp = transport_ == MediaTransport::tcp;
    if (transport.tcp) {
      transport.interleaved = {track.rtp_channel, track.rtcp_channel};
    } else {
      transport.client_port = track.udp->ports();
    }
    message.add("Transport", to_string(transport));
  }
  if (!session_.empty()) message.add("Session", session_);
  if (pending_->method == "PLAY" && play_attempt_ == 0) message.add("Range", "npt=0.000-");
  if (state_ != State::playing) {
    deadline_ = reactor_.call_after(options_.answer_timeout, [this, method = pending_->method] {
      end(EndReason::timeout, Error{ErrorCode::timeout, where() + " did not answer " + method + " in time", {}});
    });
  }
  connection_->send(as_bytes(serialize(message)));
}

void Client::on_bytes(ByteView bytes) {
  const auto alive = alive_;
  const auto* connection = connection_.get();
  parser_.feed(bytes);
  while (auto item = parser_.next()) {
    if (const auto* frame = std::get_if<InterleavedFrame>(&*item)) {
      on_frame(*frame);
    } else {
      on_message(std::get<Message>(*item));
    }
    if (!*alive || state_ == State::ended || connection_.get() != connection) return;
  }
  if (parser_.error()) end(EndReason::not_rtsp, parser_.error()->within(where()));
}

void Client::on_frame(const InterleavedFrame& frame) {
  // Frames of an earlier, dead session may come before ours is set up (faults.md 13).
  if ((state_ != State::starting && state_ != State::playing) || transport_ != MediaTransport::tcp) return;
  for (const auto& track : tracks_) {
    if (!track.heard || !track.kind) continue;
    if (frame.channel == track.rtp_channel) return listener_.on_rtp(*track.kind, frame.payload);
    if (frame.channel == track.rtcp_channel) return listener_.on_rtcp(*track.kind, frame.payload);
  }
  // Some send on other channels than they agreed to (faults.md 13): the payload type tells.
  const auto packet = media::parse_rtp(frame.payload);
  for (auto& track : tracks_) {
    if (track.heard || !track.kind || !packet || packet->payload_type != track.media.payload_type) continue;
    use_channel(track, frame.channel);
    return listener_.on_rtp(*track.kind, frame.payload);
  }
  for (auto& track : tracks_) {
    if (track.heard || !track.kind) continue;
    if (frame.channel == track.rtcp_channel) return listener_.on_rtcp(*track.kind, frame.payload);
    if (frame.channel != track.rtp_channel) continue;
    track.heard = true;
    return listener_.on_rtp(*track.kind, frame.payload);
  }
}

void Client::use_channel(Track& track, std::uint8_t channel) {
  track.heard = true;
  if (channel == track.rtp_channel) return;
  track.rtp_channel = channel;
  track.rtcp_channel = static_cast<std::uint8_t>(channel + 1);
  parser_.expect_channel(track.rtp_channel);
  parser_.expect_channel(track.rtcp_channel);
}

void Client::on_message(const Message& message) {
  if (message.request) return on_server_request(message);
  if (!pending_) return;
  // Some cameras answer with a wrong CSeq or none; one request at a time leaves no doubt what is answered.
  on_answer(message);
}

/// A server may ask, too: it gets a polite answer.
void Client::on_server_request(const Message& request) {
  if (request.method == "REDIRECT") return redirect(request);
  const bool known =
      request.method == "OPTIONS" || request.method == "GET_PARAMETER" || request.method == "SET_PARAMETER" || request.method == "ANNOUNCE";
  Message answer = Message::make_response(known ? 200 : 501, known ? "OK" : "Not Implemented", request.cseq());
  if (request.method == "OPTIONS") answer.add("Public", "OPTIONS, GET_PARAMETER, SET_PARAMETER, ANNOUNCE, REDIRECT");
  if (!session_.empty()) answer.add("Session", session_);
  connection_->send(as_bytes(serialize(answer)));
}

void Client::on_unauthorized(const Message& answer) {
  const auto verdict = authenticator_.on_unauthorized(answer);
  if (verdict == Authenticator::Verdict::retry && !options_.user.empty() && ++refusals_ < max_refusals) return send_pending();
  if (state_ == State::playing) {
    // The pictures come all the same.
    pending_.reset();
    return;
  }
  if (options_.user.empty()) {
    return end(EndReason::wrong_password, Error{ErrorCode::unauthenticated, where() + " asks for a user name and a password", {}});
  }
  if (verdict == Authenticator::Verdict::unsupported) {
    return end(EndReason::auth_refused,
               Error{ErrorCode::unauthenticated,
                     where() + (options_.allow_basic ? " asks for an authentication the hub does not know"
                                                     : " offers no Digest authentication, and Basic is not allowed "
                                                       "(ingest.allow_basic_auth allows it)"),
                     {}});
  }
  end(EndReason::wrong_password, Error{ErrorCode::unauthenticated, where() + " does not accept the user name or the password", {}});
}

void Client::on_answer(const Message& answer) {
  if (answer.status >= 100 && answer.status < 200) return;
  if (answer.status == 401) return on_unauthorized(answer);
  if (answer.status >= 200 && answer.status < 300) authenticator_.on_accepted();
  if (state_ == State::playing) return on_keep_alive_answer(answer.status);
  deadline_.reset();
  const std::string method = std::exchange(pending_, std::nullopt)->method;
  if (answer.status >= 300 && answer.status < 400) return redirect(answer);
  if (answer.status >= 400) return on_error_status(method, answer);
  // The session's name may come late, and change (faults.md C2).
  if (const auto id = parse_session(answer.header("Session")).id; !id.empty()) session_ = id;
  switch (state_) {
    case State::describing: return on_described(answer);
    case State::setting_up: return on_set_up(answer);
    case State::starting: return on_started();
    default: return;
  }
}

void Client::on_keep_alive_answer(int status) {
  // A failed keep-alive never ends a flowing stream: the next method is tried (faults.md C3).
  if (status >= 400) ++keep_alive_method_;
  pending_.reset();
}

void Client::on_error_status(const std::string& method, const Message& answer) {
  const std::string status = std::to_string(answer.status) + " " + answer.reason;
  // The sound is an extra, and tracks beyond it are a guess: without them, then.
  if (method == "SETUP" && tracks_set_up_ > 0) {
    tracks_.resize(tracks_set_up_);
    return play();
  }
  if (method == "PLAY" && answer.status != 453 && answer.status != 503 && play_differently()) return;
  switch (answer.status) {
    case 404: return end(EndReason::not_found, Error{ErrorCode::not_found, where() + " has no such path (" + status + ")", {}});
    case 453:
    case 503: return end(EndReason::busy, Error{ErrorCode::unavailable, where() + " serves no more sessions (" + status + ")", {}});
    case 461:
      if (method == "SETUP" && try_other_transport()) return;
      return end(EndReason::no_transport, Error{ErrorCode::unsupported,
                                                where() + " will not send over " +
                                                    (options_.other_transport            ? "TCP or UDP"
                                                     : transport_ == MediaTransport::tcp ? "TCP"
                                                                                         : "UDP") +
                                                    " (" + status + ")",
                                                {}});
    default: return end(EndReason::server_error, Error{ErrorCode::unavailable, where() + " answers " + method + " with " + status, {}});
  }
}

void Client::on_described(const Message& answer) {
  const auto sdp = media::parse_sdp(answer.body);
  if (!sdp) return end(EndReason::no_video, sdp.error().within(where() + " describes no stream"));
  tracks_offered_ = sdp->media.size();
  if (!choose_tracks(sdp->media)) {
    std::string offered;
    for (const auto& m : sdp->media) offered += (offered.empty() ? "" : ", ") + m.kind + " " + m.encoding;
    return end(EndReason::no_video,
               Error{ErrorCode::unsupported,
                     where() + " offers no H.264, H.265 or JPEG video (it offers: " + (offered.empty() ? "nothing" : offered) + ")",
                     {}});
  }
  base_ = base_url(answer, request_url_);
  play_url_ = resolve_control(base_, sdp->control);
  state_ = State::setting_up;
  set_up_next();
}

/// The video first, then the sound, then whatever else is to be set up. False: no video that is understood.
bool Client::choose_tracks(const std::vector<media::SdpMedia>& offered) {
  const auto usable = [](std::string_view kind) {
    return [kind](const media::SdpMedia& m) { return m.kind == kind && media::is_understood(m); };
  };
  auto video = std::ranges::find_if(offered, [&](const auto& m) { return usable("video")(m) && !is_motion_jpeg(m); });
  if (video == offered.end()) video = std::ranges::find_if(offered, usable("video"));
  if (video == offered.end()) return false;
  const auto audio = options_.audio ? std::ranges::find_if(offered, usable("audio")) : offered.end();

  tracks_.clear();
  const auto add = [this](const media::SdpMedia& m, std::optional<TrackKind> kind) {
    if (tracks_.size() == max_tracks) return;
    const auto channel = static_cast<std::uint8_t>(2 * tracks_.size());
    auto& track = tracks_.emplace_back();
    track.kind = kind;
    track.media = m;
    track.rtp_channel = channel;
    track.rtcp_channel = static_cast<std::uint8_t>(channel + 1);
  };
  add(*video, TrackKind::video);
  if (audio != offered.end()) add(*audio, TrackKind::audio);
  if (!options_.all_tracks) return true;
  for (auto m = offered.begin(); m != offered.end(); ++m) {
    if (m != video && m != audio) add(*m, std::nullopt);
  }
  return true;
}

void Client::set_up_next() {
  auto& track = tracks_[tracks_set_up_];
  if (transport_ == MediaTransport::udp && !track.udp) {
    auto opened = UdpTrack::open(reactor_, tracks_set_up_, *udp_input_);
    if (!opened) return end(EndReason::no_transport, opened.error());
    track.udp = std::move(*opened);
  }
  request("SETUP", resolve_control(base_, track.media.control));
}

bool Client::try_other_transport() {
  if (!options_.other_transport || transport_changed_ || tracks_set_up_ > 0) return false;
  transport_changed_ = true;
  transport_ = transport_ == MediaTransport::tcp ? MediaTransport::udp : MediaTransport::tcp;
  for (auto& track : tracks_) track.udp.reset();
  set_up_next();
  return true;
}

void Client::on_set_up(const Message& answer) {
  const auto session = parse_session(answer.header("Session"));
  const int timeout_s = std::clamp(session.timeout_s > 0 ? session.timeout_s : 60, 3, 3600);
  keep_alive_interval_ = std::chrono::seconds{timeout_s} / 3;
  auto& track = tracks_[tracks_set_up_];
  const auto agreed = parse_transports(answer.header("Transport"));
  const Transport transport = agreed.empty() ? Transport{} : agreed.front();
  track.ssrc = transport.ssrc;
  if (transport.interleaved) {
    // Also where UDP was asked for: the camera decides.
    transport_ = MediaTransport::tcp;
    track.udp.reset();
    track.rtp_channel = transport.interleaved->first;
    track.rtcp_channel = transport.interleaved->second;
  }
  if (track.udp) {
    // Never another `source` than the camera itself: it could point the hub at a third party.
    if (const auto peer = connection_->peer()) track.udp->expect(*peer, transport.server_port);
  } else {
    parser_.expect_channel(track.rtp_channel);
    parser_.expect_channel(track.rtcp_channel);
  }
  if (++tracks_set_up_ < tracks_.size()) return set_up_next();
  play();
}

void Client::play() {
  state_ = State::starting;
  const auto alive = alive_;
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].kind) listener_.on_track(*tracks_[i].kind, tracks_[i].media, tracks_[i].ssrc);
    if (!*alive || state_ == State::ended) return;
  }
  request("PLAY", play_url_);
}

/// Some want no Range, some the URL of the request, or of the track (460, 457, 404, 400 …).
bool Client::play_differently() {
  const std::array<std::string, 3> urls = {play_url_, request_url_, resolve_control(base_, tracks_.front().media.control)};
  if (play_attempt_ == static_cast<int>(urls.size())) return false;
  play_url_ = urls[static_cast<std::size_t>(play_attempt_++)];
  request("PLAY", play_url_);
  return true;
}

void Client::on_started() {
  state_ = State::playing;
  set_prompt(prompt_);
  keep_alive_timer_ = reactor_.call_after(keep_alive_interval_, [this] { keep_alive(); });
  listener_.on_playing();
}

void Client::keep_alive() {
  // The one before was never answered: perhaps another is.
  if (pending_) ++keep_alive_method_;
  request(std::string(keep_alive_methods[keep_alive_method_ % keep_alive_methods.size()]), play_url_);
  keep_alive_timer_ = reactor_.call_after(keep_alive_interval_, [this] { keep_alive(); });
}

void Client::redirect(const Message& message) {
  const auto target = parse_url(message.header("Location"));
  const bool allowed = target && (options_.redirect_anywhere || target->host == options_.url.host);
  if (!allowed || ++redirects_ > max_redirects) {
    return end(EndReason::redirected,
               Error{ErrorCode::unsupported,
                     where() + (allowed ? " sends the hub round and round"
                                        : " sends the hub to another address; give that one to the camera if it is right"),
                     {}});
  }
  options_.url.host = target->host;
  options_.url.port = target->port;
  options_.url.path = target->path;
  request_url_ = options_.url.request_uri();
  start_over();
}

void Client::end(EndReason reason, Error error) {
  if (state_ == State::ended) return;
  ended_at_audio_ = state_ == State::setting_up && tracks_set_up_ > 0 && tracks_set_up_ < tracks_.size() &&
                    tracks_[tracks_set_up_].kind == TrackKind::audio;
  state_ = State::ended;
  deadline_.reset();
  keep_alive_timer_.reset();
  tracks_.clear();
  tls_ = nullptr;
  connection_.reset();
  listener_.on_ended(reason, error);
}

}  // namespace ccoc::rtsp
