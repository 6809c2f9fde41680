#include "url.h"

#include <algorithm>
#include <charconv>

namespace ccoc::ingest::bridge {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void read_query(std::string_view text, Url& into) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    const auto equals = std::min(pair.find('='), pair.size());
    into.query[decoded(pair.substr(0, equals))] = decoded(pair.substr(std::min(equals + 1, pair.size())));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
  }
}

bool read_authority(std::string_view text, Url& into) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    into.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    into.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (port.empty()) return true;
  const auto* end = port.data() + port.size();
  return port[0] == ':' && std::from_chars(port.data() + 1, end, into.port).ptr == end && into.port != 0;
}

}  // namespace

bool Url::listens() const { return value("mode") == "listener"; }

std::string Url::value(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

Result<Url> parse_url(const std::string& text) {
  const std::string_view view(text);
  for (const char* scheme : {"whip", "whep"}) {
    if (view != std::string(scheme) + ":") continue;
    Url out;
    out.text = text;
    out.scheme = scheme;
    return out;
  }
  const auto separator = view.find("://");
  if (separator == std::string_view::npos) return fail(ErrorCode::invalid_argument, "the stream's URL cannot be read");
  Url out;
  out.text = text;
  out.scheme = view.substr(0, separator);
  std::ranges::transform(out.scheme, out.scheme.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  auto rest = view.substr(separator + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  const auto path = rest.substr(0, rest.find('?'));
  out.path = decoded(path);
  rest.remove_prefix(path.size());
  if (!rest.empty()) read_query(rest.substr(1), out);
  if (!read_authority(authority, out)) return fail(ErrorCode::invalid_argument, "the host or the port in the URL cannot be read");
  return out;
}

}  // namespace ccoc::ingest::bridge
