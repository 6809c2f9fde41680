// The gate every request passes: who is it (cookie, key, token), is a change really his (CSRF, Origin),
// and has he the right that the route declares.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ccoc/access/access.h"
#include "ccoc/api/problem.h"
#include "ccoc/api/router.h"

namespace ccoc::api {

inline constexpr std::string_view session_cookie = "ccoc_session";

/// What somebody showed, kept to be checked again while his connection lasts.
struct Credentials {
  std::string bearer;  ///< of the Authorization header
  std::string cookie;
  bool operator==(const Credentials&) const = default;
};
Credentials credentials_of(const Request& request);

class Gate {
 public:
  explicit Gate(access::Access& access) : access_(access) {}

  /// Sets the request's principal; a problem refuses it.
  std::optional<Problem> admit(const Route& route, Request& request);
  /// For WebSockets: browsers send cookies along from any page, but also say which.
  std::optional<Problem> check_origin(const Request& request) const;
  Result<access::Principal> who(const Credentials& credentials);

 private:
  access::Access& access_;
};

/// Open WebSockets by session, so that one that ends closes them.
class OpenSockets {
 public:
  void add(const std::string& session_id, const std::shared_ptr<Outbox>& outbox);
  void session_ended(const std::string& session_id);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::weak_ptr<Outbox>>> sockets_;
};

access::Actor actor_of(const Request& request);

}  // namespace ccoc::api
