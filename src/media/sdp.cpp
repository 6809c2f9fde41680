#include "ccoc/media/sdp.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace ccoc::media {
namespace {

constexpr std::size_t max_text = 64 * 1024;
constexpr std::size_t max_sections = 32;
constexpr std::size_t max_parameters = 64;

std::string_view trim(std::string_view text) {
  const std::string_view blank{" \t\r\n\0", 5};
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// Takes the next word off the front of `text`.
std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string map_case(std::string_view text, char (*convert)(char)) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), convert);
  return out;
}

/// Payload types whose encoding needs no rtpmap (RFC 3551 §6).
void fill_static_encoding(SdpMedia& media) {
  struct Static {
    int payload_type;
    const char* encoding;
    std::uint32_t clock_rate;
    int channels;
  };
  static constexpr Static table[] = {{0, "PCMU", 8000, 1},  {3, "GSM", 8000, 1},    {4, "G723", 8000, 1},   {5, "DVI4", 8000, 1},
                                     {8, "PCMA", 8000, 1},  {9, "G722", 8000, 1},   {10, "L16", 44100, 2},  {11, "L16", 44100, 1},
                                     {14, "MPA", 90000, 0}, {18, "G729", 8000, 1},  {26, "JPEG", 90000, 0}, {31, "H261", 90000, 0},
                                     {32, "MPV", 90000, 0}, {33, "MP2T", 90000, 0}, {34, "H263", 90000, 0}};
  for (const auto& row : table) {
    if (row.payload_type != media.payload_type) continue;
    media.encoding = row.encoding;
    media.clock_rate = row.clock_rate;
    media.channels = row.channels;
  }
}

/// One section while its lines are read. rtpmap and fmtp are matched to the payload type at the end,
/// because cameras write them in any order.
struct Section {
  SdpMedia media;
  bool readable = false;
  struct Attribute {
    int payload_type;
    std::string_view value;
  };
  std::vector<Attribute> rtpmaps, fmtps;
};

/// "video 0 RTP/AVP 96 97": kind, port, protocol, payload types (RFC 8866 §5.14).
void read_media_line(std::string_view value, Section& section) {
  section.media.kind = map_case(take_word(value), lower);
  const auto port = take_word(value);
  section.media.protocol = take_word(value);
  const auto payload_type = number<int>(take_word(value));
  section.readable = !section.media.kind.empty() && number<unsigned>(port.substr(0, port.find('/'))) &&
                     section.media.protocol.starts_with("RTP/") && payload_type && *payload_type >= 0 && *payload_type <= 127;
  if (section.readable) section.media.payload_type = *payload_type;
}

std::optional<Section::Attribute> split_payload_type(std::string_view value) {
  const auto payload_type = number<int>(take_word(value));
  if (!payload_type) return std::nullopt;
  return Section::Attribute{*payload_type, value};
}

/// The attribute for the section's payload type; a lone attribute for another dynamic type counts as meant.
const Section::Attribute* pick(const std::vector<Section::Attribute>& attributes, int payload_type) {
  for (const auto& attribute : attributes)
    if (attribute.payload_type == payload_type) return &attribute;
  if (attributes.size() == 1 && payload_type >= 96 && attributes.front().payload_type >= 96) return &attributes.front();
  return nullptr;
}

/// "H264/90000" or "MPEG4-GENERIC/12000/2".
void read_rtpmap(std::string_view value, SdpMedia& media) {
  const auto slash = value.find('/');
  media.encoding = map_case(trim(value.substr(0, slash)), upper);
  media.channels = media.kind == "audio" ? 1 : 0;
  if (slash == std::string_view::npos) return;
  auto rest = value.substr(slash + 1);
  const auto second = rest.find('/');
  if (const auto rate = number<std::uint32_t>(trim(rest.substr(0, second))); rate && *rate > 0) media.clock_rate = *rate;
  if (second == std::string_view::npos) return;
  if (const auto channels = number<int>(trim(rest.substr(second + 1))); channels && *channels > 0 && *channels <= 64)
    media.channels = *channels;
}

/// "packetization-mode=1; sprop-parameter-sets=Z00A…,aO48gA==": values may contain '='.
void read_fmtp(std::string_view value, SdpMedia& media) {
  while (!value.empty() && media.fmtp.size() < max_parameters) {
    const auto end = std::min(value.find(';'), value.size());
    const auto item = trim(value.substr(0, end));
    value.remove_prefix(std::min(end + 1, value.size()));
    if (item.empty()) continue;
    const auto equals = std::min(item.find('='), item.size());
    const auto key = trim(item.substr(0, equals));
    if (key.empty()) continue;
    media.fmtp.emplace_back(map_case(key, lower), trim(item.substr(std::min(equals + 1, item.size()))));
  }
}

void read_bandwidth(std::string_view value, SdpMedia& media) {
  const auto colon = value.find(':');
  if (colon == std::string_view::npos) return;
  const auto amount = number<std::uint64_t>(trim(value.substr(colon + 1)));
  if (!amount || *amount > 1'000'000'000'000) return;
  const auto kind = trim(value.substr(0, colon));
  if (kind == "AS") media.bandwidth_bps = *amount * 1000;
  if (kind == "TIAS") media.bandwidth_bps = *amount;
}

void read_attribute(std::string_view value, Section& section) {
  const auto colon = std::min(value.find(':'), value.size());
  const auto name = map_case(trim(value.substr(0, colon)), lower);
  const auto rest = trim(value.substr(std::min(colon + 1, value.size())));
  if (name == "control") {
    section.media.control = rest;
  } else if (name == "framerate") {
    const auto rate = number<double>(rest);
    if (rate && std::isfinite(*rate) && *rate > 0 && *rate <= 1000) section.media.framerate = *rate;
  } else if (name == "rtpmap" && section.rtpmaps.size() < max_parameters) {
    if (auto attribute = split_payload_type(rest)) section.rtpmaps.push_back(*attribute);
  } else if (name == "fmtp" && section.fmtps.size() < max_parameters) {
    if (auto attribute = split_payload_type(rest)) section.fmtps.push_back(*attribute);
  }
}

void close_section(Section& section, SessionDescription& description) {
  if (!section.readable) {
    ++description.unreadable_sections;
    return;
  }
  auto& media = section.media;
  fill_static_encoding(media);
  if (const auto* rtpmap = pick(section.rtpmaps, media.payload_type)) read_rtpmap(rtpmap->value, media);
  if (const auto* fmtp = pick(section.fmtps, media.payload_type)) read_fmtp(fmtp->value, media);
  if (media.encoding.empty() && media.kind == "video") {
    // No rtpmap: the names of the parameters still tell the codec.
    if (!media.fmtp_value("sprop-parameter-sets").empty()) media.encoding = "H264";
    if (!media.fmtp_value("sprop-sps").empty()) media.encoding = "H265";
  }
  if (media.encoding == "HEVC") media.encoding = "H265";
  description.media.push_back(std::move(media));
}

}  // namespace

std::string_view SdpMedia::fmtp_value(std::string_view key) const {
  for (const auto& [name, value] : fmtp)
    if (name == key) return value;
  return {};
}

Result<SessionDescription> parse_sdp(std::string_view text) {
  if (text.size() > max_text) return fail(ErrorCode::corrupt, "the session description is longer than 64 KiB");
  SessionDescription description;
  std::optional<Section> section;
  std::size_t sections = 0;
  bool version = false;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\r\n"), text.size());
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() < 2 || line[1] != '=') continue;
    const auto value = trim(line.substr(2));
    if (line[0] == 'm') {
      if (section) close_section(*section, description);
      section.reset();
      if (++sections > max_sections) return fail(ErrorCode::corrupt, "the session description has more than 32 media sections");
      section.emplace();
      read_media_line(value, *section);
    } else if (line[0] == 'v') {
      version = true;
    } else if (section) {
      if (line[0] == 'a') read_attribute(value, *section);
      if (line[0] == 'b') read_bandwidth(value, section->media);
    } else if (line[0] == 's') {
      description.name = value;
    } else if (line[0] == 'a' && map_case(value.substr(0, 8), lower) == "control:") {
      description.control = trim(value.substr(8));
    }
  }
  if (section) close_section(*section, description);
  if (!version && sections == 0) return fail(ErrorCode::corrupt, "this is no session description: neither a v= nor an m= line");
  return description;
}

}  // namespace ccoc::media
