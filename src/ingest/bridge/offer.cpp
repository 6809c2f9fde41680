#include "offer.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "address_guard.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr int max_candidates = 32;
constexpr int max_sections = 16;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// The text before `separator`, which is taken away with it.
std::string_view cut(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned out = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return out;
}

/// "candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT …" (RFC 8839 §5.1)
bool may_be_spoken_to(std::string_view candidate) {
  cut(candidate, ' ');
  cut(candidate, ' ');
  const auto transport = cut(candidate, ' ');
  cut(candidate, ' ');
  return transport.size() == 3 && upper(transport[0]) == 'U' && is_allowed_address(std::string(cut(candidate, ' ')));
}

class OfferReader {
 public:
  void line(std::string_view text) {
    if (text.starts_with("m=")) return section(text.substr(2));
    if (text.starts_with("a=candidate:") && (++candidates_ > max_candidates || !may_be_spoken_to(text.substr(2)))) return;
    if (in_video_ && text.starts_with("a=rtpmap:")) encoding(text.substr(9));
    if (in_video_ && text.starts_with("a=fmtp:")) parameters(text.substr(7));
    if (in_audio_ && text.starts_with("a=rtpmap:")) sound(text.substr(9));
    direction(text);
    keep(text);
  }

  Result<Offer> finish() {
    if (sections_ == 0 || sections_ > max_sections || offer_.sdp.find("a=ice-ufrag:") == std::string::npos ||
        offer_.sdp.find("a=fingerprint:") == std::string::npos)
      return fail(ErrorCode::invalid_argument, "this is no session description of WebRTC");
    if (videos_ != 1 || audios_ > 1)
      return fail(ErrorCode::invalid_argument, "the session description must have one video section, and at most one of audio");
    offer_.audio = audios_ == 1;
    offer_.listens = offer_.audio && receives_ && !refused_;
    return std::move(offer_);
  }

 private:
  void keep(std::string_view text) { offer_.sdp.append(text).append("\r\n"); }

  void section(std::string_view text) {
    ++sections_;
    auto rest = text;
    const auto kind = cut(rest, ' ');
    in_video_ = kind == "video";
    in_audio_ = kind == "audio";
    videos_ += in_video_ ? 1 : 0;
    audios_ += in_audio_ ? 1 : 0;
    if (in_video_) offer_.video_section = static_cast<unsigned>(sections_ - 1);
    if (in_audio_) {
      offer_.audio_section = static_cast<unsigned>(sections_ - 1);
      refused_ = cut(rest, ' ') == "0";
    }
    keep("m=" + std::string(text));
  }

  /// "PAYLOAD NAME/RATE"
  void encoding(std::string_view text) {
    const auto payload = number(cut(text, ' '));
    if (!payload || *payload > 127 || offer_.video.size() > 127) return;
    OfferedVideo out;
    out.payload = *payload;
    out.encoding = cut(text, '/');
    std::ranges::transform(out.encoding, out.encoding.begin(), upper);
    offer_.video.push_back(std::move(out));
  }

  /// "PAYLOAD NAME/RATE", "PAYLOAD NAME/RATE/CHANNELS"; all that is sent has only one number of channels.
  void sound(std::string_view text) {
    const auto payload = number(cut(text, ' '));
    OfferedSound out;
    out.encoding = cut(text, '/');
    const auto rate = number(cut(text, '/'));
    if (!payload || *payload > 127 || !rate || offer_.sound.size() > 127) return;
    out.payload = *payload;
    out.rate = *rate;
    std::ranges::transform(out.encoding, out.encoding.begin(), upper);
    offer_.sound.push_back(std::move(out));
  }

  /// Of the section of audio, or before all sections of those that say nothing themselves. Port 0 is no refusal where the section
  /// shares another's (RFC 9143 §6).
  void direction(std::string_view text) {
    if (sections_ > 0 && !in_audio_) return;
    if (text == "a=bundle-only") refused_ = false;
    if (text == "a=sendrecv" || text == "a=recvonly") receives_ = true;
    if (text == "a=sendonly" || text == "a=inactive") receives_ = false;
  }

  /// "PAYLOAD name=value;name=value"; it comes behind its rtpmap.
  void parameters(std::string_view text) {
    const auto payload = number(cut(text, ' '));
    const auto of = std::ranges::find_if(offer_.video, [&](const auto& one) { return payload == one.payload; });
    if (of == offer_.video.end()) return;
    while (!text.empty()) {
      auto pair = cut(text, ';');
      while (pair.starts_with(' ')) pair.remove_prefix(1);
      const auto name = cut(pair, '=');
      if (name == "packetization-mode") of->packetization = pair == "1";
      if (name != "profile-level-id") continue;
      of->profile = pair.substr(0, 6);
      std::ranges::transform(of->profile, of->profile.begin(), lower);
    }
  }

  Offer offer_;
  int sections_ = 0, videos_ = 0, audios_ = 0, candidates_ = 0;
  bool in_video_ = false, in_audio_ = false;
  bool receives_ = true, refused_ = false;  ///< of the section of audio
};

}  // namespace

Result<Offer> read_offer(const std::string& text) {
  if (!text.starts_with("v=0") || text.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid_argument, "this is no session description");
  OfferReader reader;
  for (std::string_view rest = text; !rest.empty();) {
    auto line = cut(rest, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) reader.line(line);
  }
  return reader.finish();
}

std::optional<OfferedSound> sound_for(const Offer& offer, const Start& order) {
  if (!order.sound || !offer.listens) return std::nullopt;
  const auto find = [&offer](std::string_view encoding, unsigned rate) -> std::optional<OfferedSound> {
    const auto found = std::ranges::find_if(offer.sound, [&](const auto& one) { return one.encoding == encoding && one.rate == rate; });
    return found != offer.sound.end() ? std::optional(*found) : std::nullopt;
  };
  const bool telephone = order.sound_rate == 8000 && order.sound_channels == 1;
  if (telephone && order.sound_codec == media::AudioCodec::pcma) {
    if (auto same = find("PCMA", 8000)) return same;
  }
  if (telephone && order.sound_codec == media::AudioCodec::pcmu) {
    if (auto same = find("PCMU", 8000)) return same;
  }
  // More than two channels need a description beside the packets (RFC 7845 §5.1.1), which RTP has no place for.
  if (order.sound_codec == media::AudioCodec::opus && order.sound_channels > 2) return std::nullopt;
  return find("OPUS", 48'000);
}

}  // namespace ccoc::ingest::bridge
