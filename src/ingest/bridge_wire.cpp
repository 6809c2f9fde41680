#include "ccoc/ingest/bridge_wire.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace ccoc::ingest::bridge {
namespace {

constexpr std::size_t length_size = 4;
constexpr std::size_t max_text = max_sdp;
constexpr std::size_t max_config = 64;
constexpr std::size_t max_sound = 64 * 1024;
constexpr std::size_t usual_buffer = 1024 * 1024;

class Writer {
 public:
  explicit Writer(std::size_t kind) : out_(length_size) { out_.push_back(static_cast<std::uint8_t>(kind)); }
  void operator()(const std::string& text) { (*this)(as_bytes(text)); }
  void operator()(ByteView bytes) {
    (*this)(static_cast<std::uint32_t>(bytes.size()));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void operator()(std::uint32_t number) {
    std::uint8_t bytes[4];
    std::memcpy(bytes, &number, 4);
    out_.insert(out_.end(), bytes, bytes + 4);
  }
  void operator()(bool value) { out_.push_back(value ? 1 : 0); }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(Enum value) {
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  /// `after`: bytes that follow and are not copied.
  Bytes finish(ByteView after) {
    const auto size = static_cast<std::uint32_t>(out_.size() - length_size + after.size());
    std::memcpy(out_.data(), &size, length_size);
    return std::move(out_);
  }

 private:
  Bytes out_;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  void operator()(std::string& text) {
    ByteView bytes;
    (*this)(bytes);
    if (bytes.size() > max_text) ok_ = false;
    if (ok_) text = as_text(bytes);
  }
  void operator()(ByteView& bytes) {
    std::uint32_t size = 0;
    (*this)(size);
    bytes = take(size);
  }
  void operator()(std::uint32_t& number) {
    if (const auto bytes = take(4); !bytes.empty()) std::memcpy(&number, bytes.data(), 4);
  }
  void operator()(bool& value) { value = byte(1) != 0; }
  void operator()(media::Codec& codec) { codec = static_cast<media::Codec>(byte(2)); }
  void operator()(media::AudioCodec& codec) { codec = static_cast<media::AudioCodec>(byte(3)); }
  void operator()(media::GapCause& cause) { cause = static_cast<media::GapCause>(byte(4)); }
  ByteView rest() { return std::exchange(rest_, ByteView{}); }
  bool ok() const { return ok_ && rest_.empty(); }

 private:
  ByteView take(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint8_t byte(std::uint8_t most) {
    const auto bytes = take(1);
    ok_ = ok_ && bytes[0] <= most;
    return ok_ ? bytes[0] : std::uint8_t{0};
  }
  ByteView rest_;
  bool ok_ = true;
};

/// The fields of each message, in their order on the wire, for both directions.
template <class M, class Visit>
void fields(M& m, Visit& visit) {
  using T = std::remove_const_t<M>;
  const auto all = [&visit](auto&... each) { (visit(each), ...); };
  if constexpr (std::is_same_v<T, Start>) {
    all(m.url, m.username, m.password, m.transport, m.certificate, m.files, m.refuse_local, m.follow_redirects, m.connect_timeout_ms,
        m.offer, m.profile, m.sound, m.sound_codec, m.sound_rate, m.sound_channels);
  } else if constexpr (std::is_same_v<T, Waiting>) {
    all(m.why);
  } else if constexpr (std::is_same_v<T, SetUp>) {
    all(m.transport, m.certificate);
  } else if constexpr (std::is_same_v<T, Configuration>) {
    all(m.codec, m.record);
  } else if constexpr (std::is_same_v<T, Picture>) {
    all(m.codec, m.annexb, m.whole, m.after_loss, m.time);
  } else if constexpr (std::is_same_v<T, Sound>) {
    all(m.codec, m.sample_rate, m.channels, m.time, m.duration, m.after_loss, m.config);
  } else if constexpr (std::is_same_v<T, Ended>) {
    all(m.cause, m.wait_seconds, m.reason);
  } else if constexpr (std::is_same_v<T, Answer>) {
    all(m.sdp, m.sound);
  } else if constexpr (std::is_same_v<T, Silent>) {
    all(m.why);
  }
}

template <class M>
constexpr bool has_data = std::is_same_v<M, Picture> || std::is_same_v<M, Sound>;

/// What stands in a sentence of the bridge's goes to logs, the console and the database.
void make_harmless(std::string& text) {
  text.resize(std::min<std::size_t>(text.size(), 300));
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
}

bool accept(Waiting& message) {
  make_harmless(message.why);
  return true;
}
bool accept(SetUp& message) {
  make_harmless(message.transport);
  make_harmless(message.certificate);
  return message.transport.size() <= 8 && message.certificate.size() <= 64;
}
bool accept(Ended& message) {
  make_harmless(message.reason);
  return message.wait_seconds <= 3600;
}
bool accept(Silent& message) {
  make_harmless(message.why);
  return true;
}
bool accept(const Sound& message) { return is_sensible(message); }
bool accept(const Picture& message) { return !message.data.empty(); }
bool accept(const Configuration& message) { return message.codec != media::Codec::mjpeg; }
bool accept(const Start& message) { return !message.url.empty(); }
/// It goes to the peer as it is: lines of visible characters, and no more.
bool accept(const Answer& message) {
  return message.sdp.starts_with("v=0") &&
         std::ranges::all_of(message.sdp, [](char c) { return (c >= 0x20 && c <= 0x7e) || c == '\r' || c == '\n'; });
}

template <std::size_t Kind = 0>
Result<std::optional<Message>> decode(std::uint8_t kind, ByteView body) {
  if constexpr (Kind < std::variant_size_v<Message>) {
    if (kind != Kind) return decode<Kind + 1>(kind, body);
    std::variant_alternative_t<Kind, Message> message;
    Reader reader(body);
    fields(message, reader);
    if constexpr (has_data<decltype(message)>) message.data = reader.rest();
    if (reader.ok() && accept(message)) return Message(std::move(message));
  }
  return fail(ErrorCode::corrupt, "ccoc-bridge sends what is no message");
}

}  // namespace

bool is_sensible(const Sound& sound) {
  return sound.sample_rate >= 1 && sound.sample_rate <= 192'000 && sound.channels >= 1 && sound.channels <= 8 && sound.duration >= 1 &&
         sound.duration <= 10 * sound.sample_rate && sound.config.size() <= max_config && !sound.data.empty() &&
         sound.data.size() <= max_sound;
}

Bytes encode(const Message& message) {
  return std::visit(
      [&](const auto& m) {
        Writer writer(message.index());
        fields(m, writer);
        if constexpr (has_data<std::decay_t<decltype(m)>>) return writer.finish(m.data);
        return writer.finish({});
      },
      message);
}

void MessageReader::feed(ByteView bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  // After one huge picture the buffer does not stay huge.
  if (buffer_.empty() && buffer_.capacity() > usual_buffer) Bytes().swap(buffer_);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Message>> MessageReader::next() {
  const auto rest = ByteView(buffer_).subspan(at_);
  if (rest.size() < length_size) return std::nullopt;
  std::uint32_t size = 0;
  std::memcpy(&size, rest.data(), length_size);
  if (size == 0 || size > max_message) return fail(ErrorCode::corrupt, "ccoc-bridge sends a message of no sensible size");
  if (rest.size() - length_size < size) return std::nullopt;
  at_ += length_size + size;
  const auto body = rest.subspan(length_size, size);
  return decode(body[0], body.subspan(1));
}

}  // namespace ccoc::ingest::bridge
