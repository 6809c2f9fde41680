#include "rtmp_session.h"

#include <algorithm>

#include "amf.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr std::size_t hello_size = 1536;  // §5.2.3
constexpr std::uint32_t max_message = 8 * 1024 * 1024;
constexpr std::size_t max_buffered = 16 * 1024 * 1024;
constexpr std::size_t max_streams = 16;
constexpr std::uint32_t max_chunk = 16 * 1024 * 1024;
constexpr std::uint32_t our_window = 2'500'000;

// Message types (§5.4, §7.1).
constexpr std::uint8_t set_chunk_size = 1, acknowledgement = 3, user_control = 4, window_size = 5, peer_bandwidth = 6, audio_message = 8,
                       video_message = 9, command_amf3 = 17, command = 20;

std::uint32_t big(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < size; ++i) out = out << 8 | bytes[at + i];
  return out;
}

void put_big(Bytes& out, std::uint32_t value, int size) {
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

Bytes number_of(std::uint32_t value) {
  Bytes out;
  put_big(out, value, 4);
  return out;
}

/// What stands before its query.
std::string bare(const std::string& name) {
  auto out = name.substr(0, name.find('?'));
  while (out.ends_with('/')) out.pop_back();
  return out;
}

}  // namespace

RtmpSession::RtmpSession(std::string application, std::string key, RtmpSessionListener& listener)
    : application_(std::move(application)), key_(std::move(key)), listener_(listener) {}

bool RtmpSession::feed(ByteView bytes) {
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  received_ += static_cast<std::uint32_t>(bytes.size());
  acknowledge();
  for (;;) {
    const auto outcome = step();
    if (outcome != Step::done) return outcome == Step::more;
  }
}

/// Some senders stop when they are not told what arrived (§5.4.3).
void RtmpSession::acknowledge() {
  if (window_ == 0 || received_ - acknowledged_ < window_ / 2) return;
  acknowledged_ = received_;
  send(acknowledgement, 0, number_of(received_));
}

RtmpSession::Step RtmpSession::step() {
  switch (state_) {
    case State::hello: return read_hello();
    case State::echo:
      if (input_.size() - at_ < hello_size) return Step::more;
      at_ += hello_size;
      state_ = State::chunks;
      return Step::done;
    case State::chunks: return read_chunk();
  }
  return Step::bad;
}

RtmpSession::Step RtmpSession::read_hello() {
  if (!input_.empty() && input_[0] != 3) return Step::bad;
  if (input_.size() < 1 + hello_size) return Step::more;
  output_.push_back(3);
  output_.insert(output_.end(), hello_size, 0);
  output_.insert(output_.end(), input_.begin() + 1, input_.begin() + 1 + hello_size);
  at_ = 1 + hello_size;
  state_ = State::echo;
  return Step::done;
}

RtmpSession::Step RtmpSession::read_chunk() {
  const auto in = ByteView(input_).subspan(at_);
  if (in.empty()) return Step::more;
  const unsigned format = in[0] >> 6;
  std::uint32_t id = in[0] & 0x3f;
  std::size_t head = id == 0 ? 2 : id == 1 ? 3 : 1;  // §5.3.1.1
  constexpr std::size_t sizes[] = {11, 7, 3, 0};
  if (in.size() < head + sizes[format]) return Step::more;
  if (head == 2) id = 64u + in[1];
  if (head == 3) id = 64u + in[1] + 256u * in[2];
  if (!streams_.contains(id) && (streams_.size() >= max_streams || format != 0)) return Step::bad;

  const auto known = streams_.find(id);
  Stream next = known == streams_.end() ? Stream{} : Stream{known->second.time,
                                                            known->second.delta,
                                                            known->second.length,
                                                            known->second.id,
                                                            known->second.type,
                                                            known->second.extended,
                                                            {}};
  const bool begins = known == streams_.end() || known->second.message.empty();
  if (format != 3 && !begins) return Step::bad;
  std::uint32_t time = next.delta;
  if (format <= 2) {
    time = big(in, head, 3);
    next.extended = time == 0xffffff;
  }
  if (format <= 1) {
    next.length = big(in, head + 3, 3);
    next.type = in[head + 6];
  }
  if (format == 0) next.id = big(in, head + 7, 4);  // little-endian, but only handed back
  head += sizes[format];
  if (next.extended) {
    if (in.size() < head + 4) return Step::more;
    if (format != 3) time = big(in, head, 4);
    head += 4;
  }
  if (next.length > max_message) return Step::bad;
  const auto already = begins ? 0 : known->second.message.size();
  const auto size = std::min<std::size_t>(chunk_size_, next.length - already);
  if (in.size() < head + size) return Step::more;
  if (buffered_ + size > max_buffered) return Step::bad;

  auto& stream = streams_[id];
  if (begins) {
    next.delta = format == 0 ? 0 : time;
    next.time = format == 0 ? time : next.time + time;
    stream = std::move(next);
  }
  const auto body = in.subspan(head, size);
  stream.message.insert(stream.message.end(), body.begin(), body.end());
  buffered_ += size;
  at_ += head + size;
  if (stream.message.size() < stream.length) return Step::done;
  buffered_ -= stream.message.size();
  const bool good = read_message(stream);
  stream.message.clear();
  return good ? Step::done : Step::bad;
}

bool RtmpSession::read_message(Stream& stream) {
  const ByteView body = stream.message;
  switch (stream.type) {
    case set_chunk_size:
      if (body.size() < 4) return false;
      chunk_size_ = big(body, 0, 4);
      return chunk_size_ >= 1 && chunk_size_ <= max_chunk;
    case window_size:
      if (body.size() < 4) return false;
      window_ = big(body, 0, 4);
      return true;
    case command: return read_command(body, stream.id);
    case command_amf3: return body.empty() || read_command(body.subspan(1), stream.id);
    case audio_message:
    case video_message:
      if (published_ && !body.empty())
        listener_.on_media(stream.type == audio_message ? RtmpMedia::audio : RtmpMedia::video, stream.time, body);
      return true;
    default: return true;
  }
}

bool RtmpSession::read_command(ByteView body, std::uint32_t stream) {
  AmfReader in(body);
  const auto name = in.text();
  const auto transaction = in.number();
  if (!name || !transaction) return false;
  if (*name == "connect") {
    const auto application = in.text_in_object("app");
    return application && connect(*transaction, *application);
  }
  if (!connected_) return false;
  if (*name == "createStream") {
    send(command, 0, AmfWriter().text("_result").number(*transaction).null().number(1).bytes());
  } else if (*name == "publish") {
    const bool passed = in.skip();
    const auto key = in.text();
    return passed && key && publish(*key, stream);
  } else if (*name == "deleteStream" || *name == "FCUnpublish" || *name == "closeStream") {
    return !published_;
  } else if (*transaction != 0) {
    send(command, 0, AmfWriter().text("_result").number(*transaction).null().null().bytes());
  }
  return true;
}

bool RtmpSession::connect(double transaction, const std::string& application) {
  connected_ = true;
  send(window_size, 0, number_of(our_window));
  auto bandwidth = number_of(our_window);
  bandwidth.push_back(2);  // dynamic (§5.4.5)
  send(peer_bandwidth, 0, bandwidth);
  const bool right = bare(application) == application_;
  AmfWriter answer;
  answer.text(right ? "_result" : "_error").number(transaction);
  answer.begin_object().property("fmsVer").text("FMS/3,0,1,123").property("capabilities").number(31).end_object();
  answer.begin_object().property("level").text(right ? "status" : "error");
  answer.property("code").text(right ? "NetConnection.Connect.Success" : "NetConnection.Connect.InvalidApp");
  answer.property("description").text(right ? "Welcome" : "There is no such application");
  answer.property("objectEncoding").number(0).end_object();
  send(command, 0, answer.bytes());
  return right;
}

bool RtmpSession::publish(const std::string& name, std::uint32_t stream) {
  if (bare(name) != key_) {
    say_status(stream, "error", "NetStream.Publish.BadName", "This key is not known");
    return false;
  }
  Bytes begin{0, 0};  // Stream Begin (§7.1.7)
  put_big(begin, 1, 4);
  send(user_control, 0, begin);
  say_status(stream, "status", "NetStream.Publish.Start", "Go ahead");
  published_ = true;
  listener_.on_published();
  return true;
}

void RtmpSession::say_status(std::uint32_t stream, std::string_view level, std::string_view code, std::string_view description) {
  AmfWriter answer;
  answer.text("onStatus").number(0).null();
  answer.begin_object().property("level").text(level).property("code").text(code).property("description").text(description).end_object();
  send(command, stream, answer.bytes());
}

/// In chunks of 128 bytes, the size that holds until another is agreed.
void RtmpSession::send(std::uint8_t type, std::uint32_t stream, ByteView body) {
  constexpr std::size_t chunk = 128;
  const std::uint8_t id = type == command ? 3 : 2;
  output_.push_back(id);
  put_big(output_, 0, 3);
  put_big(output_, static_cast<std::uint32_t>(body.size()), 3);
  output_.push_back(type);
  put_big(output_, stream, 4);
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    if (at > 0) output_.push_back(static_cast<std::uint8_t>(0xc0 | id));
    const auto piece = body.subspan(at, std::min(chunk, body.size() - at));
    output_.insert(output_.end(), piece.begin(), piece.end());
  }
}

}  // namespace ccoc::ingest::bridge
