#include <cstdio>

#include "base64.h"
#include "ccoc/media/sdp.h"

namespace ccoc::media {
namespace {

constexpr std::uint8_t dynamic_audio_payload_type = 97;

std::string list(const std::vector<Bytes>& sets) {
  std::string out;
  for (const auto& set : sets) out += (out.empty() ? "" : ",") + encode_base64(set);
  return out;
}

std::string hex(ByteView bytes, const char* format) {
  std::string out;
  for (const auto byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, format, byte);
    out += digits;
  }
  return out;
}

std::string parameters_of(const VideoFormat& format) {
  if (format.codec == Codec::h265) {
    return "sprop-vps=" + list(format.vps) + ";sprop-sps=" + list(format.sps) + ";sprop-pps=" + list(format.pps);
  }
  std::string profile = "000000";
  if (!format.sps.empty() && format.sps[0].size() > 3) profile = hex(ByteView(format.sps[0]).subspan(1, 3), "%02X");
  return "packetization-mode=1;profile-level-id=" + profile + ";sprop-parameter-sets=" + list(format.sps) + "," + list(format.pps);
}

std::string video_section(const Offer& offer, const std::string& control) {
  const auto& format = *offer.video;
  const auto type = std::to_string(video_payload_type);
  std::string out = "m=video 0 RTP/AVP " + type + "\r\na=rtpmap:" + type + (format.codec == Codec::h265 ? " H265" : " H264") +
                    "/90000\r\na=fmtp:" + type + " " + parameters_of(format) + "\r\n";
  if (offer.framerate > 0) {
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.6g", offer.framerate);
    out += std::string("a=framerate:") + rate + "\r\n";
  }
  return out + "a=x-dimensions:" + std::to_string(format.width) + "," + std::to_string(format.height) + "\r\na=control:" + control +
         "\r\na=recvonly\r\n";
}

std::string audio_section(const AudioFormat& format, const std::string& control) {
  const auto type = std::to_string(payload_type_of(format));
  const auto rate = std::to_string(format.sample_rate);
  std::string map;
  std::string parameters;
  switch (format.codec) {
    case AudioCodec::aac:
      map = "MPEG4-GENERIC/" + rate + "/" + std::to_string(format.channels);
      parameters = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=" +
                   hex(format.config, "%02x");
      break;
    case AudioCodec::pcmu:
    case AudioCodec::pcma:
      map = std::string(format.codec == AudioCodec::pcmu ? "PCMU/" : "PCMA/") + rate;
      if (format.channels > 1) map += "/" + std::to_string(format.channels);
      break;
    case AudioCodec::opus:
      map = "opus/48000/2";  // always said so (RFC 7587 §7)
      if (format.channels > 1) parameters = "sprop-stereo=1";
      break;
  }
  std::string out = "m=audio 0 RTP/AVP " + type + "\r\na=rtpmap:" + type + " " + map + "\r\n";
  if (!parameters.empty()) out += "a=fmtp:" + type + " " + parameters + "\r\n";
  return out + "a=control:" + control + "\r\na=recvonly\r\n";
}

}  // namespace

std::uint8_t payload_type_of(const AudioFormat& format) {
  const bool plain = format.sample_rate == 8000 && format.channels == 1;
  if (plain && format.codec == AudioCodec::pcmu) return 0;
  if (plain && format.codec == AudioCodec::pcma) return 8;
  return dynamic_audio_payload_type;
}

std::string make_sdp(const Offer& offer, const std::string& before, const std::string& behind) {
  std::string name = offer.name.empty() ? "-" : offer.name;
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  std::string out =
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=" + name + "\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\na=range:" + offer.range + "\r\n";
  if (offer.video) out += video_section(offer, before + "trackID=0" + behind);
  if (offer.audio) out += audio_section(*offer.audio, before + "trackID=1" + behind);
  return out;
}

}  // namespace ccoc::media
