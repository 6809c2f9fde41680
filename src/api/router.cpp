#include "ccoc/api/router.h"

#include <cstdlib>

#include "ccoc/base/log.h"

namespace ccoc::api {
namespace {

/// Splits off the segment at the front of "/a/b".
std::string_view next_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(end);
  return segment;
}

bool is_parameter(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// The number of literal segments when `path` fits the template, else -1.
int fits(std::string_view pattern, std::string_view path, Parameters& parameters) {
  int literals = 0;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = next_segment(pattern);
    const auto given = next_segment(path);
    if (is_parameter(wanted)) {
      if (given.empty()) return -1;
      parameters.emplace_back(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted == given) {
      ++literals;
    } else {
      return -1;
    }
  }
  return pattern.empty() && path.empty() ? literals : -1;
}

}  // namespace

void Router::add(Route route) {
  for (const auto& known : routes_) {
    if (known->method == route.method && known->path == route.path) {
      log::error("api", "the route {} {} is registered twice", to_string(route.method), route.path);
      std::abort();
    }
  }
  routes_.push_back(std::make_unique<Route>(std::move(route)));
}

Router::Match Router::match(Method method, std::string_view path) const {
  Match best;
  if (path.empty() || path.front() != '/') return best;
  int best_literals = -1;
  for (const auto& route : routes_) {
    Parameters parameters;
    const int literals = fits(route->path, path, parameters);
    if (literals < 0) continue;
    best.cross_origin = best.cross_origin || route->cross_origin;
    const bool same = route->method == method || (method == Method::head && route->method == Method::get);
    if (!same) {
      best.other_methods = true;
      if (!best.allow.empty()) best.allow += ", ";
      best.allow += to_string(route->method);
    } else if (literals > best_literals) {
      best_literals = literals;
      best.route = route.get();
      best.parameters = std::move(parameters);
    }
  }
  return best;
}

}  // namespace ccoc::api
