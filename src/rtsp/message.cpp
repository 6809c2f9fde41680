#include "ccoc/rtsp/message.h"

#include "text.h"

namespace ccoc::rtsp {
namespace {

std::string harmless(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

template <class Int>
std::optional<std::pair<Int, Int>> parse_pair(std::string_view value) {
  const auto first = to_int<Int>(take(value, '-'));
  if (!first) return std::nullopt;
  if (trim(value).empty()) return std::pair{*first, static_cast<Int>(*first + 1)};
  const auto second = to_int<Int>(value);
  if (!second) return std::nullopt;
  return std::pair{*first, *second};
}

template <class Int>
std::string pair_text(const std::pair<Int, Int>& pair) {
  return std::to_string(pair.first) + "-" + std::to_string(pair.second);
}

}  // namespace

std::string_view Message::header(std::string_view name) const {
  for (const auto& h : headers) {
    if (iequals(h.name, name)) return h.value;
  }
  return {};
}

bool Message::has(std::string_view name) const {
  for (const auto& h : headers) {
    if (iequals(h.name, name)) return true;
  }
  return false;
}

std::vector<std::string_view> Message::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& h : headers) {
    if (iequals(h.name, name)) out.push_back(h.value);
  }
  return out;
}

int Message::cseq() const {
  const auto value = to_int<int>(header("CSeq"));
  return value && *value >= 0 ? *value : -1;
}

void Message::add(std::string_view name, std::string_view value) { headers.push_back({std::string(name), std::string(value)}); }

Message Message::make_request(std::string_view method, std::string_view uri, int cseq) {
  Message out;
  out.request = true;
  out.method = method;
  out.uri = uri;
  out.add("CSeq", std::to_string(cseq));
  return out;
}

Message Message::make_response(int status, std::string_view reason, int cseq) {
  Message out;
  out.status = status;
  out.reason = reason;
  if (cseq >= 0) out.add("CSeq", std::to_string(cseq));
  return out;
}

std::string serialize(const Message& message) {
  std::string out = message.request ? harmless(message.method) + " " + harmless(message.uri) + " RTSP/1.0\r\n"
                                    : "RTSP/1.0 " + std::to_string(message.status) + " " + harmless(message.reason) + "\r\n";
  for (const auto& h : message.headers) {
    if (!iequals(h.name, "Content-Length")) out += harmless(h.name) + ": " + harmless(h.value) + "\r\n";
  }
  if (!message.body.empty()) out += "Content-Length: " + std::to_string(message.body.size()) + "\r\n";
  return out + "\r\n" + message.body;
}

std::vector<Transport> parse_transports(std::string_view value) {
  std::vector<Transport> out;
  while (!value.empty() && out.size() < 16) {
    auto one = take(value, ',');
    Transport t;
    const auto profile = trim(take(one, ';'));
    if (profile.empty()) continue;
    t.tcp = iequals(profile, "RTP/AVP/TCP") || iequals(profile, "RTP/SAVP/TCP");
    while (!one.empty()) {
      auto rest = trim(take(one, ';'));
      const auto key = trim(take(rest, '='));
      const auto text = trim(rest);
      if (iequals(key, "multicast")) t.unicast = false;
      if (iequals(key, "interleaved")) t.interleaved = parse_pair<std::uint8_t>(text);
      if (iequals(key, "client_port")) t.client_port = parse_pair<std::uint16_t>(text);
      if (iequals(key, "server_port")) t.server_port = parse_pair<std::uint16_t>(text);
      if (iequals(key, "ssrc")) t.ssrc = to_int<std::uint32_t>(text, 16);
      if (iequals(key, "source")) t.source = text;
      if (iequals(key, "destination")) t.destination = text;
    }
    out.push_back(std::move(t));
  }
  return out;
}

std::optional<Transport> choose_transport(std::string_view value, bool udp) {
  for (auto& offered : parse_transports(value)) {
    if (offered.tcp || (udp && offered.unicast && offered.client_port)) return std::move(offered);
  }
  return std::nullopt;
}

std::string to_string(const Transport& t) {
  std::string out = t.tcp ? "RTP/AVP/TCP" : "RTP/AVP";
  out += t.unicast ? ";unicast" : ";multicast";
  if (!t.source.empty()) out += ";source=" + t.source;
  if (!t.destination.empty()) out += ";destination=" + t.destination;
  if (t.interleaved) out += ";interleaved=" + pair_text(*t.interleaved);
  if (t.client_port) out += ";client_port=" + pair_text(*t.client_port);
  if (t.server_port) out += ";server_port=" + pair_text(*t.server_port);
  if (t.ssrc) {
    static constexpr char hex[] = "0123456789ABCDEF";
    out += ";ssrc=";
    for (int shift = 28; shift >= 0; shift -= 4) out += hex[(*t.ssrc >> shift) & 15];
  }
  return out;
}

SessionHeader parse_session(std::string_view value) {
  SessionHeader out;
  out.id = trim(take(value, ';'));
  while (!value.empty()) {
    auto rest = take(value, ';');
    const auto key = trim(take(rest, '='));
    if (!iequals(key, "timeout")) continue;
    const auto seconds = to_int<int>(rest);
    if (seconds && *seconds > 0) out.timeout_s = *seconds;
  }
  return out;
}

std::vector<RtpInfo> parse_rtp_info(std::string_view value) {
  std::vector<RtpInfo> out;
  while (!value.empty() && out.size() < 64) {
    auto one = take(value, ',');
    // A ',' inside a URL: what follows does not begin with "url=".
    while (!value.empty() && !istarts_with(trim(value), "url=")) {
      const auto more = take(value, ',');
      one = std::string_view(one.data(), static_cast<std::size_t>(more.data() + more.size() - one.data()));
    }
    RtpInfo info;
    while (!one.empty()) {
      const auto rest = trim(take(one, ';'));
      if (istarts_with(rest, "url=")) info.url = rest.substr(4);
      if (istarts_with(rest, "seq=")) info.sequence = to_int<std::uint16_t>(rest.substr(4));
      if (istarts_with(rest, "rtptime=")) info.rtptime = to_int<std::uint32_t>(rest.substr(8));
    }
    out.push_back(std::move(info));
  }
  return out;
}

std::string_view path_of(std::string_view uri) {
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos) return uri;
  const auto slash = uri.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view{} : uri.substr(slash);
}

bool lists_method(std::string_view value, std::string_view method) {
  while (!value.empty()) {
    if (iequals(trim(take(value, ',')), method)) return true;
  }
  return false;
}

}  // namespace ccoc::rtsp
