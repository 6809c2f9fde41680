#include "ccoc/rtsp/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "text.h"

namespace ccoc::rtsp {
namespace {

struct Parameter {
  std::string_view name;
  std::string value;
};

/// Reads `name=token` or `name="quoted"` off the front; nothing when `text` does not begin with one.
std::optional<Parameter> take_parameter(std::string_view& text) {
  auto rest = text;
  std::size_t n = 0;
  while (n < rest.size() && !is_space(rest[n]) && rest[n] != '=' && rest[n] != ',' && rest[n] != '"') ++n;
  Parameter out{rest.substr(0, n), {}};
  rest = trim(rest.substr(n));
  if (n == 0 || !rest.starts_with('=')) return std::nullopt;
  rest = trim(rest.substr(1));
  if (rest.starts_with('"')) {
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      out.value += rest[i];
    }
    rest = rest.substr(std::min(rest.size(), i + 1));
  } else {
    const auto end = std::min(rest.find_first_of(", \t"), rest.size());
    out.value = rest.substr(0, end);
    rest = rest.substr(end);
  }
  text = rest;
  return out;
}

std::string_view take_token(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && !is_space(text[n]) && text[n] != ',') ++n;
  const auto out = text.substr(0, n);
  text = text.substr(n);
  return out;
}

void skip_separators(std::string_view& text) {
  while (!text.empty() && (is_space(text[0]) || text[0] == ',')) text.remove_prefix(1);
}

struct AlgorithmName {
  DigestAlgorithm algorithm;
  std::string_view name;
};
constexpr AlgorithmName algorithm_names[] = {{DigestAlgorithm::md5, "MD5"},
                                             {DigestAlgorithm::md5_sess, "MD5-sess"},
                                             {DigestAlgorithm::sha256, "SHA-256"},
                                             {DigestAlgorithm::sha256_sess, "SHA-256-sess"}};

std::string_view name_of(DigestAlgorithm algorithm) { return algorithm_names[static_cast<std::size_t>(algorithm)].name; }

std::optional<DigestAlgorithm> algorithm_named(std::string_view name) {
  for (const auto& a : algorithm_names) {
    if (iequals(a.name, name)) return a.algorithm;
  }
  return std::nullopt;
}

bool is_session(DigestAlgorithm a) { return a == DigestAlgorithm::md5_sess || a == DigestAlgorithm::sha256_sess; }

void apply(Challenge& c, const Parameter& p) {
  if (iequals(p.name, "realm")) c.realm = p.value;
  if (iequals(p.name, "nonce")) c.nonce = p.value;
  if (iequals(p.name, "opaque")) c.opaque = p.value;
  if (iequals(p.name, "stale")) c.stale = iequals(p.value, "true");
  if (iequals(p.name, "algorithm")) {
    c.algorithm_named = true;
    const auto algorithm = algorithm_named(p.value);
    c.known_algorithm = algorithm.has_value();
    if (algorithm) c.algorithm = *algorithm;
  }
  if (iequals(p.name, "qop") && !trim(p.value).empty()) {
    c.qop_given = true;
    c.qop_auth = lists_method(p.value, "auth");
  }
}

/// 0: of no use to us.
int strength(const Challenge& c) {
  if (c.basic) return 1;
  if (!c.known_algorithm || c.nonce.empty() || (c.qop_given && !c.qop_auth)) return 0;
  return c.algorithm == DigestAlgorithm::sha256 || c.algorithm == DigestAlgorithm::sha256_sess ? 3 : 2;
}

std::string random_hex(std::size_t bytes) {
  std::array<unsigned char, 32> raw{};
  if (bytes > raw.size() || RAND_bytes(raw.data(), static_cast<int>(bytes)) != 1) {
    std::fputs("no random numbers from OpenSSL\n", stderr);
    std::abort();
  }
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += {hex[raw[i] >> 4], hex[raw[i] & 15]};
  return out;
}

/// A quoted string (RFC 9110 §5.6.4). Control characters are left out: no challenge of a camera, no name of a user, writes a
/// header of ours.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

struct DigestInput {
  DigestAlgorithm algorithm = DigestAlgorithm::md5;
  std::string_view user, realm, password, nonce, nc, cnonce, method, uri;
  bool qop = false;
};

/// RFC 7616 §3.4.1.
std::string digest_response(const DigestInput& in) {
  const auto hash = [&](const std::string& text) { return hash_hex(in.algorithm, text); };
  const auto join = [](std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) out += std::string(part) + ":";
    out.pop_back();
    return out;
  };
  std::string ha1 = hash(join({in.user, in.realm, in.password}));
  if (is_session(in.algorithm)) ha1 = hash(join({ha1, in.nonce, in.cnonce}));
  const std::string ha2 = hash(join({in.method, in.uri}));
  return in.qop ? hash(join({ha1, in.nonce, in.nc, in.cnonce, "auth", ha2})) : hash(join({ha1, in.nonce, ha2}));
}

bool same(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace

std::string hash_hex(DigestAlgorithm algorithm, std::string_view text) {
  const bool sha = algorithm == DigestAlgorithm::sha256 || algorithm == DigestAlgorithm::sha256_sess;
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), out.data(), &size, sha ? EVP_sha256() : EVP_md5(), nullptr) != 1) {
    std::fputs("OpenSSL offers no MD5 or SHA-256\n", stderr);
    std::abort();
  }
  static constexpr char hex[] = "0123456789abcdef";
  std::string text_out;
  for (unsigned i = 0; i < size; ++i) text_out += {hex[out[i] >> 4], hex[out[i] & 15]};
  return text_out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::vector<Challenge> parse_challenges(std::string_view value) {
  std::vector<Challenge> out;
  bool skipping = true;  // parameters of a scheme we do not know
  value = trim(value);
  while (!value.empty() && out.size() < 16) {
    skip_separators(value);
    if (const auto parameter = take_parameter(value)) {
      if (!skipping) apply(out.back(), *parameter);
      continue;
    }
    const auto scheme = take_token(value);
    if (scheme.empty()) break;
    const bool digest = iequals(scheme, "Digest");
    skipping = !digest && !iequals(scheme, "Basic");
    if (!skipping) out.emplace_back().basic = !digest;
    value = trim(value);
  }
  return out;
}

std::vector<Challenge> challenges_of(const Message& reply) {
  std::vector<Challenge> out;
  for (const auto value : reply.all("WWW-Authenticate")) {
    for (auto& c : parse_challenges(value)) out.push_back(std::move(c));
  }
  return out;
}

Authenticator::Authenticator(std::string user, std::string password) : user_(std::move(user)), password_(std::move(password)) {}

Authenticator::Verdict Authenticator::on_unauthorized(const Message& reply) {
  auto offered = challenges_of(reply);
  if (!basic_allowed_) std::erase_if(offered, [](const Challenge& c) { return c.basic; });
  const auto best =
      std::max_element(offered.begin(), offered.end(), [](const auto& a, const auto& b) { return strength(a) < strength(b); });
  if (best == offered.end() || strength(*best) == 0) return Verdict::unsupported;
  if (user_.empty() && password_.empty()) return Verdict::refused;
  const bool worth_it = !answered_ || best->stale || new_connection_;
  new_connection_ = false;
  chosen_ = *best;
  nonce_count_ = 0;
  session_cnonce_ = fixed_cnonce_.empty() ? random_hex(8) : fixed_cnonce_;
  return worth_it ? Verdict::retry : Verdict::refused;
}

std::string Authenticator::authorization(std::string_view method, std::string_view uri) {
  if (!chosen_) return {};
  answered_ = true;
  const auto& c = *chosen_;
  if (c.basic) return "Basic " + base64(user_ + ":" + password_);
  char nc[9];
  std::snprintf(nc, sizeof nc, "%08x", ++nonce_count_);
  const bool send_cnonce = c.qop_auth || is_session(c.algorithm);
  const auto response = digest_response({c.algorithm, user_, c.realm, password_, c.nonce, nc, session_cnonce_, method, uri, c.qop_auth});
  std::string out = "Digest username=" + quoted(user_) + ", realm=" + quoted(c.realm) + ", nonce=" + quoted(c.nonce) +
                    ", uri=" + quoted(uri) + ", response=\"" + response + "\"";
  if (c.algorithm_named) out += ", algorithm=" + std::string(name_of(c.algorithm));
  if (c.qop_auth) out += std::string(", qop=auth, nc=") + nc;
  if (send_cnonce) out += ", cnonce=" + quoted(session_cnonce_);
  if (!c.opaque.empty()) out += ", opaque=" + quoted(c.opaque);
  return out;
}

AuthServer::AuthServer(std::string realm, std::string user, std::string password)
    : realm_(std::move(realm)), user_(std::move(user)), password_(std::move(password)), nonce_(random_hex(16)) {}

void AuthServer::renew_nonce() {
  old_nonce_ = std::move(nonce_);
  nonce_ = random_hex(16);
}

void AuthServer::challenge(Message& reply, bool stale) const {
  for (const auto algorithm : algorithms_) {
    reply.add("WWW-Authenticate", "Digest realm=" + quoted(realm_) + ", nonce=" + quoted(nonce_) +
                                      ", algorithm=" + std::string(name_of(algorithm)) + ", qop=\"auth\"" + (stale ? ", stale=true" : ""));
  }
}

AuthServer::Answer AuthServer::check(const Message& request) {
  std::string_view value = request.header("Authorization");
  if (value.empty()) return Answer::missing;
  if (!iequals(take_token(value), "Digest")) return Answer::wrong;
  std::string user, realm, nonce, uri, response, nc, cnonce, qop, algorithm = "MD5";
  const std::pair<std::string_view, std::string*> wanted[] = {{"username", &user}, {"realm", &realm},       {"nonce", &nonce},
                                                              {"uri", &uri},       {"response", &response}, {"nc", &nc},
                                                              {"qop", &qop},       {"cnonce", &cnonce},     {"algorithm", &algorithm}};
  for (skip_separators(value); !value.empty(); skip_separators(value)) {
    auto parameter = take_parameter(value);
    if (!parameter) break;
    for (const auto& [name, into] : wanted) {
      if (iequals(parameter->name, name)) *into = std::move(parameter->value);
    }
  }
  const auto chosen = algorithm_named(algorithm);
  if (!chosen || std::find(algorithms_.begin(), algorithms_.end(), *chosen) == algorithms_.end()) return Answer::wrong;
  const auto expected = digest_response({*chosen, user_, realm_, password_, nonce, nc, cnonce, request.method, uri, !qop.empty()});
  if (!same(user, user_) || !same(realm, realm_) || uri != request.uri || !same(response, expected)) return Answer::wrong;
  if (nonce == nonce_) return Answer::ok;
  return nonce == old_nonce_ ? Answer::stale : Answer::wrong;
}

std::optional<Credentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view scheme = "Basic ";
  authorization = trim(authorization);
  if (!istarts_with(authorization, scheme) || authorization.size() > 1024) return std::nullopt;
  std::string text;
  std::uint32_t collected = 0;
  unsigned bits = 0;
  for (const char c : trim(authorization.substr(scheme.size()))) {
    if (c == '=') break;
    const auto at = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (at == std::string_view::npos) return std::nullopt;
    collected = collected << 6 | static_cast<std::uint32_t>(at);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    text += static_cast<char>(collected >> bits & 0xff);
  }
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace ccoc::rtsp
