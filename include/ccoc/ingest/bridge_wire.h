// What the hub and ccoc-bridge say to each other over a socket pair: a length of 4 bytes in host order (same machine),
// a kind in 1 byte, then the fields in the order of the structures below; texts and bytes behind their length.
// The bridge may have been taken over by what a stranger sent: the hub believes nothing that it reads here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "ccoc/base/time.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/media/frame_sink.h"

namespace ccoc::ingest::bridge {

inline constexpr std::size_t max_message = 16 * 1024 * 1024;  ///< with its kind, without its length
inline constexpr std::size_t max_sdp = 64 * 1024;

/// Hub to bridge, first and once.
struct Start {
  std::string url;  ///< without user and password
  std::string username, password;
  std::string transport;    ///< RTSP: "tcp" or "udp"
  std::string certificate;  ///< rtsps: the only one accepted (SHA-256, hex); empty: any
  std::string files;        ///< folder that file: URLs may name; empty: none
  bool refuse_local = true;
  bool follow_redirects = false;  ///< of HTTP, although there is a password
  std::uint32_t connect_timeout_ms = 5000;
  std::string offer;    ///< WebRTC: the peer's session description, to be answered
  std::string profile;  ///< of the H.264 that a viewer is sent: profile-level-id (RFC 6184 §8.1)
  bool sound = false;   ///< for a viewer there is sound, too; it begins as
  media::AudioCodec sound_codec = media::AudioCodec::aac;
  std::uint32_t sound_rate = 0;  ///< Hz
  std::uint32_t sound_channels = 0;
};

/// Bridge to hub; Picture and Sound also from the hub, to be sent to a viewer. Views are into the message.
struct Waiting {
  std::string why;  ///< a sentence: a listener waits for its sender
};
/// To the offer (RFC 9429): whole, with all candidates.
struct Answer {
  std::string sdp;
  bool sound = false;  ///< a viewer is to be sent the sound, too
};
struct SetUp {
  std::string transport;    ///< as SourceReport
  std::string certificate;  ///< SHA-256, hex; empty: none was shown
};
/// Parameter sets that stand beside the pictures (ISO/IEC 14496-15 §5.3.3, §8.3.3).
struct Configuration {
  media::Codec codec = media::Codec::h264;
  ByteView record;
};
struct Picture {
  media::Codec codec = media::Codec::h264;
  bool annexb = false;      ///< NAL units behind start codes; else behind lengths in 4 bytes. Not for Motion JPEG
  bool whole = false;       ///< exactly one access unit; else the next time or picture ends it
  bool after_loss = false;  ///< something before it is missing
  std::uint32_t time = 0;   ///< of the presentation, 90 kHz
  ByteView data;
};
struct Sound {
  media::AudioCodec codec = media::AudioCodec::aac;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::uint32_t time = 0;      ///< in units of the sample rate; to a viewer 90 kHz, as and beside that of the pictures
  std::uint32_t duration = 0;  ///< in units of the sample rate
  bool after_loss = false;
  ByteView config;  ///< AAC: AudioSpecificConfig
  ByteView data;
};
struct Ended {
  media::GapCause cause = media::GapCause::camera;
  std::uint32_t wait_seconds = 0;  ///< at least, before the next try
  std::string reason;              ///< a sentence for people
};
/// A viewer is sent no sound any more; the pictures go on.
struct Silent {
  std::string why;  ///< a sentence for people
};

using Message = std::variant<Start, Waiting, SetUp, Configuration, Picture, Sound, Ended, Answer, Silent>;

/// Whether the other side takes it for a sound at all; else it would end.
bool is_sensible(const Sound& sound);

/// The whole message, with its length in front. `data` of pictures and sounds is not in it: it comes right after.
Bytes encode(const Message& message);

/// Cuts what comes into messages. Bounded by max_message and one read.
class MessageReader {
 public:
  void feed(ByteView bytes);
  /// The next whole message; nothing when more bytes are needed. Its views are valid until the next feed().
  /// `corrupt`: this is no message; nothing after it can be read.
  Result<std::optional<Message>> next();

 private:
  Bytes buffer_;
  std::size_t at_ = 0;
};

}  // namespace ccoc::ingest::bridge
