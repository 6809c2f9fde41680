#include "ccoc/registry/rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>

#include "ccoc/base/local_address.h"

namespace ccoc::registry {
namespace {

using namespace std::string_view_literals;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return out;
}

bool good_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool good_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  });
}

/// Host and port of "host", "host:port", "[v6]" or "[v6]:port"; false when it is none of them.
bool split_authority(std::string_view text, std::string& host, std::string_view& port) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = std::string(text.substr(1, end - 1));
    in6_addr ignored{};
    if (::inet_pton(AF_INET6, host.c_str(), &ignored) != 1) return false;
    const auto rest = text.substr(end + 1);
    if (rest.empty()) return true;
    port = rest.substr(1);
    return rest[0] == ':' && good_port(port);
  }
  const auto colon = text.find(':');
  host = std::string(text.substr(0, colon));
  if (!good_host(host)) return false;
  if (colon == std::string_view::npos) return true;
  port = text.substr(colon + 1);
  return good_port(port);
}

/// And broadcast.
bool is_multicast_ipv4(std::uint32_t address) { return address >> 24 >= 224; }

constexpr std::string_view schemes[] = {"rtsp", "rtsps", "srt", "rtmp", "rtmps", "http", "https", "file"};

/// Takes `passphrase` out of a query: it is a password, and a URL is shown to everyone who may see cameras.
std::string without_passphrase(std::string_view url, std::optional<std::string>& passphrase) {
  constexpr std::string_view name = "passphrase=";
  const auto mark = url.find('?');
  if (mark == std::string_view::npos) return std::string(url);
  std::string kept;
  for (auto query = url.substr(mark + 1); !query.empty();) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.starts_with(name)) {
      passphrase = percent_decoded(pair.substr(name.size()));
    } else {
      kept += (kept.empty() ? "?" : "&") + std::string(pair);
    }
  }
  return std::string(url.substr(0, mark)) + kept;
}

/// What is wrong with an address without a host, or with a host in a URL that waits for a sender.
std::optional<std::string> wrong_listener(std::string_view scheme, std::string_view authority, std::string_view path_and_query) {
  const auto query = path_and_query.substr(std::min(path_and_query.find('?'), path_and_query.size()));
  const bool asked = query.find("mode=listener") != std::string_view::npos;
  const bool without_host = authority.starts_with(':');
  if (!asked && !without_host) return std::nullopt;
  if (scheme != "srt" && scheme != "rtmp")
    return asked ? "only srt:// and rtmp:// can wait for a sender (mode=listener)" : "the URL has no host";
  if (!asked) return "without a host the URL must say that it waits for a sender: " + std::string(scheme) + "://:port…?mode=listener";
  if (!without_host) return "a URL that waits for a sender has no host: " + std::string(scheme) + "://:port…?mode=listener";
  const auto path = path_and_query.substr(0, path_and_query.find('?'));
  if (scheme == "rtmp" && std::ranges::count(path, '/') < 2)
    return "name the application and a key that the sender must know: rtmp://:1935/live/KEY?mode=listener";
  return std::nullopt;
}

std::expected<CameraUrl, std::string> file_url(std::string_view path, const Rules& rules) {
  if (rules.files.empty()) return std::unexpected("files are refused; the administrator can set a folder for them (ingest.files)");
  auto folder = rules.files;
  while (folder.ends_with('/')) folder.pop_back();
  const auto decoded = percent_decoded(path);
  if (!decoded.starts_with(folder + "/") || (decoded + "/").find("/../") != std::string::npos)
    return std::unexpected("the file is not in the folder for files, " + rules.files + " (ingest.files)");
  CameraUrl out;
  out.url = "file://" + std::string(path);
  return out;
}

/// Whoever pushes by WebRTC names the camera in the path of his request: there is nothing more to say.
CameraUrl whip_url() {
  CameraUrl out;
  out.url = "whip:";
  return out;
}

}  // namespace

bool is_local_host(std::string_view host) {
  auto name = lower(host);
  while (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost") || name == "ip6-localhost" || name == "ip6-loopback") return true;
  in_addr v4{};
  // inet_aton takes what the resolver takes: 127.1, 0x7f000001, 2130706433.
  if (::inet_aton(name.c_str(), &v4) != 0) return is_local_ipv4(ntohl(v4.s_addr)) || is_multicast_ipv4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (const auto zone = name.find('%'); zone != std::string::npos) name.resize(zone);
  if (::inet_pton(AF_INET6, name.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    std::uint32_t inner = 0;
    std::memcpy(&inner, v6.s6_addr + 12, 4);
    if (is_multicast_ipv4(ntohl(inner))) return true;
  }
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), v6.s6_addr, bytes.size());
  return is_local_ipv6(bytes) || IN6_IS_ADDR_MULTICAST(&v6);
}

std::expected<CameraUrl, std::string> parse_camera_url(std::string_view text, const Rules& rules) {
  if (text.size() > 2000) return std::unexpected("the URL is longer than 2000 characters");
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= 0x20 || c == 0x7f; })) {
    return std::unexpected("the URL contains a space or a control character");
  }
  if (const auto all = lower(text); all == "whip:" || all == "whip://") return whip_url();
  const auto separator = text.find("://");
  if (separator == std::string_view::npos) return std::unexpected("this is no URL; write it as rtsp://host/path");
  const auto scheme = lower(text.substr(0, separator));
  if (std::ranges::find(schemes, scheme) == std::end(schemes)) {
    return std::unexpected(
        "a camera's URL begins with rtsp://, rtsps://, srt://, rtmp://, rtmps://, http://, https:// or file://, or is whip:, not with " +
        scheme.substr(0, 20) + ":");
  }
  const auto rest = text.substr(separator + 3);
  if (scheme == "file") return file_url(rest, rules);

  // Credentials end at the last '@' before the path; a '/', '?' or '#' in a password is understood when what
  // stands before it is no host.
  CameraUrl out;
  std::string_view port;
  std::string_view remains = rest;
  const auto plain_end = std::min(rest.find_first_of("/?#"), rest.size());
  auto at = rest.substr(0, plain_end).rfind('@');
  if (at == std::string_view::npos && !split_authority(rest.substr(0, plain_end), out.host, port)) at = rest.rfind('@');
  if (at != std::string_view::npos) {
    const auto credentials = rest.substr(0, at);
    const auto colon = credentials.find(':');
    out.username = percent_decoded(credentials.substr(0, colon));
    if (colon != std::string_view::npos) out.password = percent_decoded(credentials.substr(colon + 1));
    remains = rest.substr(at + 1);
  }
  const auto end = std::min(remains.find_first_of("/?#"), remains.size());
  out.host.clear();
  port = {};
  const auto authority = remains.substr(0, end);
  if (const auto wrong = wrong_listener(scheme, authority, remains.substr(end))) return std::unexpected(*wrong);
  const bool listens = authority.starts_with(':');
  if (listens ? !good_port(authority.substr(1)) : !split_authority(authority, out.host, port)) {
    return std::unexpected("the host or the port in the URL cannot be read");
  }
  if (scheme == "srt" && !listens && port.empty()) return std::unexpected("an srt:// URL needs a port: srt://host:9000");
  if (!listens && !rules.allow_loopback && is_local_host(out.host)) {
    return std::unexpected("addresses of this machine and of the link (" + out.host +
                           ") are refused; the administrator can set ingest.allow_loopback");
  }
  out.url = scheme + "://" + (scheme == "srt" ? without_passphrase(remains, out.password) : std::string(remains));
  return out;
}

}  // namespace ccoc::registry
