// Digest (RFC 2617, RFC 7616) and Basic (RFC 7617) authentication for RTSP, both sides. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/rtsp/message.h"

namespace ccoc::rtsp {

enum class DigestAlgorithm { md5, md5_sess, sha256, sha256_sess };

struct Challenge {
  bool basic = false;
  std::string realm;
  std::string nonce;
  std::string opaque;
  DigestAlgorithm algorithm = DigestAlgorithm::md5;
  bool algorithm_named = false;
  bool known_algorithm = true;
  bool qop_given = false;
  bool qop_auth = false;
  bool stale = false;
};
/// Every challenge of a WWW-Authenticate value (several may stand in one header).
std::vector<Challenge> parse_challenges(std::string_view value);
/// Of all WWW-Authenticate headers of a reply.
std::vector<Challenge> challenges_of(const Message& reply);

/// The client's side for one user and one peer; lives as long as the connection, or longer to keep the nonce.
class Authenticator {
 public:
  Authenticator(std::string user, std::string password);

  enum class Verdict {
    retry,        ///< send the request again with authorization()
    refused,      ///< user or password is wrong: do not try again soon, cameras lock accounts
    unsupported,  ///< no challenge that is understood
  };
  /// Call on each 401. Chooses the strongest challenge: SHA-256, MD5, Basic. A stale nonce, or a new one after
  /// requests were accepted, is worth one more try.
  Verdict on_unauthorized(const Message& reply);
  /// Call on a 2xx answer: what was sent is right.
  void on_accepted() { answered_ = false; }
  /// What is known is tried again; a refusal then may only mean that this connection has a nonce of its own.
  void on_new_connection() { new_connection_ = true; }
  /// Value of the Authorization header; empty before the first challenge. Counts the nonce.
  std::string authorization(std::string_view method, std::string_view uri);
  bool challenged() const { return chosen_.has_value(); }
  /// Basic is then as unknown.
  void refuse_basic() { basic_allowed_ = false; }

  /// For tests with published vectors: a fixed client nonce instead of a random one.
  void use_cnonce(std::string cnonce) { fixed_cnonce_ = std::move(cnonce); }

 private:
  std::string user_;
  std::string password_;
  std::optional<Challenge> chosen_;
  unsigned nonce_count_ = 0;
  bool basic_allowed_ = true;
  bool new_connection_ = false;
  bool answered_ = false;  ///< authorization was sent and not accepted yet
  std::string fixed_cnonce_;
  std::string session_cnonce_;
};

/// The server's side (simulator, RTSP output): one user, one nonce per object (one object per connection).
class AuthServer {
 public:
  AuthServer(std::string realm, std::string user, std::string password);

  enum class Answer { ok, missing, wrong, stale };
  Answer check(const Message& request);
  /// Puts the WWW-Authenticate headers (SHA-256, then MD5) on a 401; `stale` says that only the nonce is old.
  void challenge(Message& reply, bool stale) const;
  /// From now on another nonce: what is sent with the old one is stale.
  void renew_nonce();
  void use_algorithms(std::vector<DigestAlgorithm> algorithms) { algorithms_ = std::move(algorithms); }

 private:
  std::string realm_, user_, password_;
  std::string nonce_, old_nonce_;
  std::vector<DigestAlgorithm> algorithms_{DigestAlgorithm::sha256, DigestAlgorithm::md5};
};

/// User and password of a Basic Authorization header (RFC 7617 §2); nothing for anything else.
struct Credentials {
  std::string user;
  std::string password;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};
std::optional<Credentials> parse_basic(std::string_view authorization);

/// Lower-case hex of MD5 or SHA-256.
std::string hash_hex(DigestAlgorithm algorithm, std::string_view text);
std::string base64(std::string_view bytes);

}  // namespace ccoc::rtsp
