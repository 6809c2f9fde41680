#include "token.h"

#include <charconv>
#include <vector>

namespace ccoc::access {
namespace {

constexpr std::size_t field_count = 6;

std::string write_instant(const std::optional<UtcTime>& instant) {
  return instant ? std::to_string(instant->time_since_epoch().count()) : "-";
}

std::optional<UtcTime> read_instant(std::string_view text) {
  std::int64_t us = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), us);
  if (done.ec != std::errc{}) return std::nullopt;
  return UtcTime{Duration{us}};
}

Rights read_rights(std::string_view text) {
  Rights out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (const auto right = parse_right(text.substr(0, end))) out = out | Rights{*right};
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::unexpected<Error> refused(std::string why) { return fail(ErrorCode::unauthenticated, std::move(why)); }

}  // namespace

std::string write_token(const StreamToken& token, const Hash& key) {
  std::string facts =
      token.camera + '\n' + write_instant(token.from) + '\n' + write_instant(token.to) + '\n' + write_instant(token.expires_at) + '\n';
  for (const auto& name : token.rights.names()) facts += name + ' ';
  facts += '\n' + token.issued_to;
  const std::string body = base64url(as_bytes(facts));
  return body + '.' + base64url(authenticate(body, key));
}

Result<StreamToken> read_token(std::string_view text, const Hash& key, UtcTime now) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() > 2000) return refused("this is no token");
  const auto body = text.substr(0, dot);
  const auto mac = from_base64url(text.substr(dot + 1));
  if (!mac || !same(*mac, authenticate(body, key))) return refused("this token is not valid here; ask for a new one");
  const auto bytes = from_base64url(body);
  if (!bytes) return refused("this is no token");
  std::vector<std::string_view> fields;
  auto rest = as_text(*bytes);
  while (fields.size() < field_count - 1) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return refused("this is no token");
    fields.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  StreamToken out;
  out.camera = fields[0];
  out.from = read_instant(fields[1]);
  out.to = read_instant(fields[2]);
  out.expires_at = read_instant(fields[3]).value_or(UtcTime{});
  out.rights = read_rights(fields[4]);
  out.issued_to = rest;
  if (now >= out.expires_at) return refused("this token has expired; ask for a new one");
  return out;
}

}  // namespace ccoc::access
