#include "ccoc/rtsp/client.h"

#include <algorithm>

namespace ccoc::rtsp {
namespace {

constexpr std::string_view user_agent = "ccoc";
constexpr int max_redirects = 3;

EndReason reason_of_close(const Error& error, bool was_connected) {
  if (was_connected) return error.code == ErrorCode::timeout ? EndReason::timeout : EndReason::closed;
  switch (error.code) {
    case ErrorCode::not_found: return EndReason::name_unknown;
    case ErrorCode::permission_denied: return EndReason::address_refused;
    default: return EndReason::connect_failed;
  }
}

}  // namespace

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::name_unknown: return "name_unknown";
    case EndReason::address_refused: return "address_refused";
    case EndReason::connect_failed: return "connect_failed";
    case EndReason::timeout: return "timeout";
    case EndReason::closed: return "closed";
    case EndReason::wrong_password: return "wrong_password";
    case EndReason::not_found: return "not_found";
    case EndReason::busy: return "busy";
    case EndReason::no_transport: return "no_transport";
    case EndReason::not_rtsp: return "not_rtsp";
    case EndReason::no_video: return "no_video";
    case EndReason::server_error: return "server_error";
  }
  return "server_error";
}

Client::Client(Reactor& reactor, ClientOptions options, ClientListener& listener)
    : reactor_(reactor),
      options_(std::move(options)),
      listener_(listener),
      authenticator_(options_.user, options_.password),
      request_url_(options_.url.request_uri()) {}

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
  connection_ = reactor_.connect({options_.url.host, options_.url.port, options_.refuse_local}, options_.connect_timeout, *this);
  connection_->set_prompt(prompt_);
}

void Client::set_prompt(bool prompt) {
  prompt_ = prompt;
  // The dialogue before PLAY is always prompt: its answers are smaller than any low-water mark.
  if (connection_ && state_ == State::playing) connection_->set_prompt(prompt);
}

void Client::send_rtcp(ByteView packet) {
  if (!connection_ || state_ != State::playing || packet.size() > 0xffff) return;
  Bytes framed{'$', rtcp_channel_, static_cast<std::uint8_t>(packet.size() >> 8), static_cast<std::uint8_t>(packet.size())};
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
  const auto kind = reason_of_close(reason, connected);
  end(kind, connected ? reason.within(where()) : reason.within("cannot reach " + where()));
}

void Client::request(std::string method, std::string uri) {
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
  if (pending_->method == "SETUP") message.add("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
  if (!session_.empty()) message.add("Session", session_);
  if (pending_->method == "PLAY") message.add("Range", "npt=0.000-");
  if (state_ != State::playing) {
    deadline_ = reactor_.call_after(options_.answer_timeout, [this, method = pending_->method] {
      end(EndReason::timeout, Error{ErrorCode::timeout, where() + " did not answer " + method + " in time", {}});
    });
  }
  connection_->send(as_bytes(serialize(message)));
}

void Client::on_bytes(ByteView bytes) {
  const auto alive = alive_;
  parser_.feed(bytes);
  while (auto item = parser_.next()) {
    if (const auto* frame = std::get_if<InterleavedFrame>(&*item)) {
      // Frames of an earlier, dead session may come before ours is set up (faults.md 13).
      if (state_ != State::starting && state_ != State::playing) continue;
      if (frame->channel == rtp_channel_) {
        listener_.on_rtp(frame->payload);
      } else if (frame->channel == rtcp_channel_) {
        listener_.on_rtcp(frame->payload);
      }
    } else {
      on_message(std::get<Message>(*item));
    }
    if (!*alive || state_ == State::ended) return;
  }
  if (parser_.error()) end(EndReason::not_rtsp, parser_.error()->within(where()));
}

void Client::on_message(const Message& message) {
  if (message.request) {
    // A server may ask, too (OPTIONS, ANNOUNCE, SET_PARAMETER): it gets a polite answer.
    Message answer = Message::make_response(message.method == "OPTIONS" ? 200 : 501,
                                            message.method == "OPTIONS" ? "OK" : "Not Implemented", message.cseq());
    if (message.method == "OPTIONS") answer.add("Public", "OPTIONS");
    connection_->send(as_bytes(serialize(answer)));
    return;
  }
  if (!pending_) return;
  // Some cameras answer with a wrong CSeq or none; one request at a time leaves no doubt what is answered.
  on_answer(message);
}

void Client::on_answer(const Message& answer) {
  if (answer.status >= 100 && answer.status < 200) return;
  if (answer.status == 401) {
    const auto verdict = authenticator_.on_unauthorized(answer);
    if (verdict == Authenticator::Verdict::retry && !options_.user.empty()) return send_pending();
    if (state_ == State::playing) {
      pending_.reset();
      return;
    }
    return end(EndReason::wrong_password,
               Error{ErrorCode::unauthenticated,
                     options_.user.empty() ? where() + " asks for a user name and a password"
                                           : where() + " does not accept the user name or the password",
                     {}});
  }
  if (answer.status >= 200 && answer.status < 300) authenticator_.on_accepted();

  if (state_ == State::playing) {
    // A failed keep-alive never ends a flowing stream: the next method is tried (faults.md C3).
    if (answer.status >= 400) keep_alive_by_options_ = !keep_alive_by_options_;
    pending_.reset();
    return;
  }
  deadline_.reset();
  const std::string method = pending_->method;
  pending_.reset();
  if (answer.status >= 300 && answer.status < 400) return redirect(answer);
  if (answer.status >= 400) {
    const std::string status = std::to_string(answer.status) + " " + answer.reason;
    switch (answer.status) {
      case 404: return end(EndReason::not_found, Error{ErrorCode::not_found, where() + " has no such path (" + status + ")", {}});
      case 453:
      case 503:
        return end(EndReason::busy, Error{ErrorCode::unavailable, where() + " serves no more sessions (" + status + ")", {}});
      case 461:
        return end(EndReason::no_transport, Error{ErrorCode::unsupported, where() + " will not send over TCP (" + status + ")", {}});
      default:
        return end(EndReason::server_error, Error{ErrorCode::unavailable, where() + " answers " + method + " with " + status, {}});
    }
  }
  switch (state_) {
    case State::describing: return on_described(answer);
    case State::setting_up: return on_set_up(answer);
    case State::starting: return on_started();
    default: return;
  }
}

void Client::on_described(const Message& answer) {
  const auto sdp = media::parse_sdp(answer.body);
  if (!sdp) return end(EndReason::no_video, sdp.error().within(where() + " describes no stream"));
  const auto found = std::find_if(sdp->media.begin(), sdp->media.end(), [](const media::SdpMedia& m) {
    return m.kind == "video" && (m.encoding == "H264" || m.encoding == "H265");
  });
  if (found == sdp->media.end()) {
    std::string offered;
    for (const auto& m : sdp->media) offered += (offered.empty() ? "" : ", ") + m.kind + " " + m.encoding;
    return end(EndReason::no_video, Error{ErrorCode::unsupported,
                                          where() + " offers no H.264 or H.265 video (it offers: " +
                                              (offered.empty() ? "nothing" : offered) + ")",
                                          {}});
  }
  track_ = *found;
  base_ = base_url(answer, request_url_);
  play_url_ = resolve_control(base_, sdp->control);
  if (const auto id = parse_session(answer.header("Session")).id; !id.empty()) session_ = id;
  state_ = State::setting_up;
  request("SETUP", resolve_control(base_, track_.control));
}

void Client::on_set_up(const Message& answer) {
  const auto session = parse_session(answer.header("Session"));
  if (!session.id.empty()) session_ = session.id;
  const int timeout_s = std::clamp(session.timeout_s > 0 ? session.timeout_s : 60, 3, 3600);
  keep_alive_interval_ = std::chrono::seconds{timeout_s} / 3;
  for (const auto& transport : parse_transports(answer.header("Transport"))) {
    if (transport.interleaved) {
      rtp_channel_ = transport.interleaved->first;
      rtcp_channel_ = transport.interleaved->second;
    }
  }
  parser_.expect_channel(rtp_channel_);
  parser_.expect_channel(rtcp_channel_);
  state_ = State::starting;
  const auto alive = alive_;
  listener_.on_track(track_);
  if (!*alive) return;
  request("PLAY", play_url_);
}

void Client::on_started() {
  state_ = State::playing;
  connection_->set_prompt(prompt_);
  keep_alive_timer_ = reactor_.call_after(keep_alive_interval_, [this] { keep_alive(); });
  listener_.on_playing();
}

void Client::keep_alive() {
  request(keep_alive_by_options_ ? "OPTIONS" : "GET_PARAMETER", play_url_);
  keep_alive_timer_ = reactor_.call_after(keep_alive_interval_, [this] { keep_alive(); });
}

void Client::redirect(const Message& answer) {
  const auto target = parse_url(answer.header("Location"));
  if (!target || target->host != options_.url.host || ++redirects_ > max_redirects) {
    return end(EndReason::server_error,
               Error{ErrorCode::unsupported, where() + " sends the hub elsewhere; only the same host is followed", {}});
  }
  options_.url = *target;
  request_url_ = options_.url.request_uri();
  state_ = State::connecting;
  session_.clear();
  parser_ = StreamParser{};
  start();
}

void Client::end(EndReason reason, Error error) {
  if (state_ == State::ended) return;
  state_ = State::ended;
  deadline_.reset();
  keep_alive_timer_.reset();
  connection_.reset();
  listener_.on_ended(reason, error);
}

}  // namespace ccoc::rtsp
