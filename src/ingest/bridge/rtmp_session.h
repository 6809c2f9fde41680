// One RTMP connection of someone who pushes (Adobe's RTMP specification 1.0): bytes in, bytes out, no sockets.
#pragma once

#include <map>
#include <string>

#include "ccoc/base/bytes.h"

namespace ccoc::ingest::bridge {

enum class RtmpMedia { audio, video };

class RtmpSessionListener {
 public:
  virtual ~RtmpSessionListener() = default;
  /// The sender named the right application and key; media follow.
  virtual void on_published() = 0;
  /// The body of an FLV tag (Adobe's FLV specification 10.1, annex E). `time`: ms, modulo 2^32.
  virtual void on_media(RtmpMedia kind, std::uint32_t time, ByteView body) = 0;
};

/// One thread. Bounded: a message of at most 8 MiB on at most 16 chunk streams, 16 MiB in all.
class RtmpSession {
 public:
  /// Only who publishes `key` to `application` is taken.
  RtmpSession(std::string application, std::string key, RtmpSessionListener& listener);

  /// False when the connection is to be closed, after what stands in output() has been sent.
  bool feed(ByteView bytes);
  /// To be sent; the caller clears it.
  Bytes& output() { return output_; }
  bool published() const { return published_; }

 private:
  struct Stream {
    std::uint32_t time = 0, delta = 0, length = 0, id = 0;
    std::uint8_t type = 0;
    bool extended = false;
    Bytes message;
  };
  enum class State { hello, echo, chunks };
  enum class Step { done, more, bad };

  Step step();
  Step read_hello();
  Step read_chunk();
  bool read_message(Stream& stream);
  bool read_command(ByteView body, std::uint32_t stream);
  bool connect(double transaction, const std::string& application);
  bool publish(const std::string& name, std::uint32_t stream);
  void say_status(std::uint32_t stream, std::string_view level, std::string_view code, std::string_view description);
  void send(std::uint8_t type, std::uint32_t stream, ByteView body);
  void acknowledge();

  const std::string application_, key_;
  RtmpSessionListener& listener_;
  State state_ = State::hello;
  Bytes input_;
  std::size_t at_ = 0;
  Bytes output_;
  std::map<std::uint32_t, Stream> streams_;
  std::size_t buffered_ = 0;  ///< in unfinished messages
  std::uint32_t chunk_size_ = 128;
  std::uint32_t window_ = 0;  ///< the sender wants to hear of every so many bytes
  std::uint32_t received_ = 0, acknowledged_ = 0;
  bool connected_ = false, published_ = false;
};

}  // namespace ccoc::ingest::bridge
