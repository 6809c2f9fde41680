// Which handler answers which request, and what it needs. Every route declares its need: there is no default.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ccoc/access/rights.h"
#include "ccoc/api/http.h"
#include "ccoc/api/web_socket.h"

namespace ccoc::api {

/// What a caller must have. No default constructor: a route without a declared need doesn't compile.
class Need {
 public:
  static Need nothing() { return Need(Kind::nothing, {}); }
  static Need session() { return Need(Kind::session, {}); }
  static Need right(access::Right right) { return Need(Kind::right, right); }
  /// Nothing for loopback peers, the right for others.
  static Need right_unless_local(access::Right right) { return Need(Kind::right_unless_local, right); }

  enum class Kind { nothing, session, right, right_unless_local };
  Kind kind() const { return kind_; }
  access::Right right() const { return right_; }

 private:
  Need(Kind kind, access::Right right) : kind_(kind), right_(right) {}
  Kind kind_;
  access::Right right_;
};

/// Runs on a pool thread; may block. Several requests run at the same time.
using Handler = std::function<Response(const Request&)>;
/// Runs on a pool thread when a WebSocket was asked for and is allowed; an error refuses the upgrade.
using SocketHandler = std::function<Result<std::unique_ptr<SocketSession>>(const Request&, std::shared_ptr<Outbox>)>;

inline constexpr std::size_t default_body_limit = std::size_t{1} << 20;

struct Route {
  Method method;
  std::string path;  ///< template: "/api/v1/cameras/{id}"; parameters match one segment
  Need need;
  std::variant<Handler, SocketHandler> handler;
  std::size_t body_limit = default_body_limit;
  bool takes_token = false;  ///< `?token=` is an alternative to a log-in; the handler checks its range
  /// Pages of other sites may ask with a key or a token, which no browser adds by itself; never with a cookie.
  bool cross_origin = false;
};

/// Built once, then only read.
class Router {
 public:
  /// Aborts when two routes are the same.
  void add(Route route);
  /// Answers what no route matches (console files).
  void set_fallback(Handler fallback) { fallback_ = std::move(fallback); }

  struct Match {
    const Route* route = nullptr;  ///< null: nothing has that path and method
    bool other_methods = false;    ///< the path exists with other methods
    std::string allow;             ///< of these methods, for the Allow header
    bool cross_origin = false;     ///< one of them is for pages of other sites, too
    std::vector<std::pair<std::string, std::string>> parameters;
  };
  /// HEAD matches GET. Literal segments win over parameters.
  Match match(Method method, std::string_view path) const;

  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  const Handler& fallback() const { return fallback_; }

 private:
  std::vector<std::unique_ptr<Route>> routes_;
  Handler fallback_;
};

}  // namespace ccoc::api
