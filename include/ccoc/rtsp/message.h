// RTSP 1.0 messages (RFC 2326) as cameras really send them, and the incremental parser of a connection's
// byte stream. Pure functions over bytes: no I/O, no clock. One parser belongs to one connection.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "ccoc/rtsp/url.h"

namespace ccoc::rtsp {

struct Header {
  std::string name;
  std::string value;  ///< trimmed; folded lines joined by one space
};

/// A request (method, uri) or a response (status, reason).
struct Message {
  bool request = false;
  std::string method;
  std::string uri;
  int status = 0;
  std::string reason;
  std::vector<Header> headers;
  std::string body;

  /// First header of that name, case-insensitive; empty when absent.
  std::string_view header(std::string_view name) const;
  bool has(std::string_view name) const;
  std::vector<std::string_view> all(std::string_view name) const;
  /// -1 when absent or no number.
  int cseq() const;
  void add(std::string_view name, std::string_view value);

  static Message make_request(std::string_view method, std::string_view uri, int cseq);
  static Message make_response(int status, std::string_view reason, int cseq);
};

/// The bytes to send. Content-Length is added for a body. Control characters in header values, URI and reason become
/// spaces, so nothing can inject a header.
std::string serialize(const Message& message);

/// RFC 2326 §10.12. `payload` lies in the bytes given to StreamParser::feed or in the parser; valid until the next call.
struct InterleavedFrame {
  std::uint8_t channel = 0;
  ByteView payload;
};

/// Of one message.
struct ParserLimits {
  std::size_t head_bytes = 64 * 1024;
  std::size_t body_bytes = 1024 * 1024;
};

/// Cuts a connection's bytes into messages and interleaved frames, in order:
///   parser.feed(bytes);
///   while (auto item = parser.next()) …   // `bytes` must stay valid until next() returns nothing
///   if (parser.error()) …                 // the connection is of no more use
/// Whole frames are yielded as views without copying; only a torn tail is kept (at most 128 KiB).
/// Limits: 128 headers, head and body as given (`limit_exceeded`); 256 KiB of garbage in a row (`corrupt`).
/// Garbage is skipped up to the next message, or the next '$' with an expected channel and an RTP version.
class StreamParser {
 public:
  using Item = std::variant<Message, InterleavedFrame>;

  explicit StreamParser(ParserLimits limits = {}) : limits_(limits) {}

  void feed(ByteView bytes);
  std::optional<Item> next();
  /// Set once for good; next() returns nothing from then on.
  const std::optional<Error>& error() const { return error_; }

  /// While none is named, every channel is expected. A frame with another one is taken only right after a whole item
  /// and when it reads as RTP or RTCP; after garbage never.
  void expect_channel(std::uint8_t channel);
  /// Bytes skipped as garbage since the beginning.
  std::uint64_t skipped_bytes() const { return skipped_; }
  /// Bytes of an unfinished item held back.
  std::size_t buffered() const { return tail_.size() + (partial_ ? partial_->body.size() : 0); }

 private:
  enum class Kind { item, garbage, more };
  struct Step {
    Kind kind = Kind::more;
    std::size_t bytes = 0;  ///< consumed; for `more`: how many bytes the item needs at least
  };
  Step look(ByteView view, std::optional<Item>& out);
  Step look_frame(ByteView view, std::optional<Item>& out);
  Step look_message(ByteView view, std::optional<Item>& out);
  Step skip_garbage(ByteView view);
  bool plausible_frame(ByteView view, bool expected) const;
  bool parse_head(std::string_view head, std::size_t& body_size);
  void fill_body(std::optional<Item>& out);
  void drop_from_tail(std::size_t bytes);
  std::nullopt_t give_up(ErrorCode code, std::string message);

  ParserLimits limits_;
  ByteView input_;
  Bytes tail_;
  std::size_t last_append_ = 0;   ///< bytes at the end of tail_ that came from the present input
  std::size_t tail_to_drop_ = 0;  ///< bytes of tail_ the last yielded frame still looks at
  std::size_t scanned_ = 0;       ///< of an unfinished head
  std::optional<Message> partial_;
  std::size_t body_size_ = 0;
  bool in_step_ = true;
  std::uint64_t skipped_ = 0;
  std::uint64_t skipped_in_a_row_ = 0;
  std::bitset<256> channels_;
  std::optional<Error> error_;
};

/// One alternative of a Transport header (RFC 2326 §12.39).
struct Transport {
  bool tcp = false;
  bool unicast = true;
  std::optional<std::pair<std::uint8_t, std::uint8_t>> interleaved;
  std::optional<std::pair<std::uint16_t, std::uint16_t>> client_port;
  std::optional<std::pair<std::uint16_t, std::uint16_t>> server_port;  ///< may be 0-0: not told
  std::optional<std::uint32_t> ssrc;
  std::string source;
  std::string destination;
};
std::vector<Transport> parse_transports(std::string_view value);
std::string to_string(const Transport& transport);

/// The first alternative that a server can do: TCP, or UDP to one receiver that names its ports. Empty: none (461).
std::optional<Transport> choose_transport(std::string_view value, bool udp);

/// RFC 2326 §12.37.
struct SessionHeader {
  std::string id;
  int timeout_s = 0;  ///< 0: not said (60 by RFC 2326)
};
SessionHeader parse_session(std::string_view value);

/// RFC 2326 §12.33; a number that is missing or out of range is absent.
struct RtpInfo {
  std::string url;
  std::optional<std::uint16_t> sequence;
  std::optional<std::uint32_t> rtptime;
};
std::vector<RtpInfo> parse_rtp_info(std::string_view value);

/// The path of an absolute URI, with its query; or the URI itself.
std::string_view path_of(std::string_view uri);

/// True when a Public or Allow header lists `method` (case-insensitive).
bool lists_method(std::string_view value, std::string_view method);

}  // namespace ccoc::rtsp
