#include "ccoc/rtsp/url.h"

#include <algorithm>

#include "ccoc/rtsp/message.h"
#include "text.h"

namespace ccoc::rtsp {
namespace {

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::string encode_non_ascii(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u > 0x20 && u < 0x7f) {
      out += c;
    } else {
      out += {'%', hex[u >> 4], hex[u & 15]};
    }
  }
  return out;
}

struct HostPort {
  std::string_view host;
  std::string_view port;
};

/// Reads "host", "host:port", "[v6]" or "[v6]:port"; nothing when it is none of them.
std::optional<HostPort> split_host(std::string_view text) {
  HostPort out;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    const bool good = out.host.find(':') != std::string_view::npos && std::all_of(out.host.begin(), out.host.end(), [](char c) {
                        return hex_value(c) >= 0 || c == ':' || c == '.' || c == '%';
                      });
    text = text.substr(close + 1);
    if (!good || (!text.empty() && text[0] != ':')) return std::nullopt;
    if (!text.empty()) out.port = text.substr(1);
  } else {
    out.host = take(text, ':');
    out.port = text;
    const bool good = !out.host.empty() && std::all_of(out.host.begin(), out.host.end(), [](char c) {
      return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
    });
    if (!good) return std::nullopt;
  }
  if (!std::all_of(out.port.begin(), out.port.end(), is_digit)) return std::nullopt;
  return out;
}

/// Where user information ends ('@') in what follows the scheme; npos without one.
std::size_t user_end(std::string_view rest) {
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos || split_host(authority)) return at;
  // '/', '?' or '#' stands raw in the password: the first '@' behind which a host begins.
  for (auto next = rest.find('@'); next != std::string_view::npos; next = rest.find('@', next + 1)) {
    const auto tail = rest.substr(next + 1);
    const auto host = tail.substr(0, tail.find_first_of("/?#"));
    if (host.find('@') == std::string_view::npos && split_host(host)) return next;
  }
  return std::string_view::npos;
}

std::string without_credentials(std::string_view url) {
  const auto parsed = parse_url(url);
  if (!parsed || (parsed->user.empty() && parsed->password.empty())) return std::string(url);
  return parsed->request_uri();
}

bool is_absolute(std::string_view url) {
  return istarts_with(url, "rtsp://") || istarts_with(url, "rtsps://") || istarts_with(url, "rtspu://");
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string Url::request_uri() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string out = scheme + "://" + (v6 ? "[" + host + "]" : host);
  if (port != (tls() ? 322 : 554)) out += ":" + std::to_string(port);
  return out + path;
}

Result<Url> parse_url(std::string_view text) {
  text = trim(text);
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "a camera's URL begins with rtsp:// or rtsps://", "url");
  }
  Url url;
  url.scheme = text.substr(0, colon);
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), lower);
  if (url.scheme != "rtsp" && url.scheme != "rtsps") {
    return fail(ErrorCode::invalid_argument, "the scheme is not rtsp or rtsps; write rtsp://HOST/PATH", "url");
  }
  auto rest = text.substr(colon + 3);
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return fail(ErrorCode::invalid_argument, "the URL contains a control character", "url");
  }
  if (const auto at = user_end(rest); at != std::string_view::npos) {
    auto info = rest.substr(0, at);
    url.user = percent_decode(take(info, ':'));
    url.password = percent_decode(info);
    rest = rest.substr(at + 1);
  }
  const auto end = rest.find_first_of("/?#");
  const auto host = split_host(rest.substr(0, end));
  if (!host) {
    return fail(ErrorCode::invalid_argument, "the URL names no host that can be read; write rtsp://HOST:PORT/PATH, an IPv6 address in [ ]",
                "url");
  }
  url.host = host->host;
  url.port = url.tls() ? 322 : 554;
  if (!host->port.empty()) {
    const auto port = to_int<std::uint16_t>(host->port);
    if (!port || *port == 0) return fail(ErrorCode::invalid_argument, "the port is not between 1 and 65535", "url");
    url.port = *port;
  }
  if (end != std::string_view::npos) url.path = encode_non_ascii(rest.substr(end));
  return url;
}

std::string base_url(const Message& describe_reply, std::string_view request_url) {
  for (const char* name : {"Content-Base", "Content-Location"}) {
    const auto value = describe_reply.header(name);
    if (value.empty()) continue;
    if (is_absolute(value)) return without_credentials(value);
    const auto request = parse_url(request_url);
    if (!request || !value.starts_with('/')) continue;
    Url joined = *request;
    joined.path = encode_non_ascii(value);
    return joined.request_uri();
  }
  return without_credentials(request_url);
}

std::string resolve_control(std::string_view base, std::string_view control) {
  control = trim(control);
  if (control.empty() || control == "*") return without_credentials(base);
  if (is_absolute(control)) return without_credentials(control);
  std::string out = without_credentials(base);
  if (out.ends_with('/') && control.starts_with('/')) control.remove_prefix(1);
  if (!out.ends_with('/') && !control.starts_with('/')) out += '/';
  return out + std::string(control);
}

}  // namespace ccoc::rtsp
