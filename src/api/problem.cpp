#include "ccoc/api/problem.h"

#include <array>

#include "json.h"

namespace ccoc::api {
namespace {

struct Kind {
  ProblemKind kind;
  unsigned status;
  std::string_view type;
  std::string_view title;
};

constexpr std::array kinds{
    Kind{ProblemKind::malformed, 400, "/problems/malformed", "The request cannot be read"},
    Kind{ProblemKind::unauthenticated, 401, "/problems/unauthenticated", "Log in first"},
    Kind{ProblemKind::forbidden, 403, "/problems/forbidden", "You may not do this"},
    Kind{ProblemKind::csrf, 403, "/problems/csrf", "The change was not shown to come from the console"},
    Kind{ProblemKind::not_found, 404, "/problems/not-found", "There is nothing here"},
    Kind{ProblemKind::method_not_allowed, 405, "/problems/method-not-allowed", "Not with this method"},
    Kind{ProblemKind::not_acceptable, 406, "/problems/not-acceptable", "Not in a form that you take"},
    Kind{ProblemKind::conflict, 409, "/problems/conflict", "It contradicts what is there"},
    Kind{ProblemKind::too_large, 413, "/problems/too-large", "The body is too large"},
    Kind{ProblemKind::unsupported_type, 415, "/problems/unsupported-type", "Not with this content type"},
    Kind{ProblemKind::range, 416, "/problems/range", "The range lies outside the file"},
    Kind{ProblemKind::invalid, 422, "/problems/invalid", "The input is wrong"},
    Kind{ProblemKind::upgrade_required, 426, "/problems/upgrade-required", "This is a WebSocket"},
    Kind{ProblemKind::too_many, 429, "/problems/too-many", "Too often"},
    Kind{ProblemKind::header_too_large, 431, "/problems/header-too-large", "The header is too large"},
    Kind{ProblemKind::internal, 500, "/problems/internal", "The hub failed"},
    Kind{ProblemKind::unavailable, 503, "/problems/unavailable", "Not now"},
    Kind{ProblemKind::no_space, 507, "/problems/no-space", "There is no room"},
};

}  // namespace

std::string Problem::json(std::string_view instance) const {
  boost::json::object out{{"type", type}, {"title", title}, {"status", status}};
  if (!detail.empty()) out["detail"] = detail;
  if (!instance.empty()) out["instance"] = instance;
  if (!errors.empty()) {
    boost::json::array list;
    for (const auto& error : errors) list.push_back({{"field", error.field}, {"message", error.message}});
    out["errors"] = std::move(list);
  }
  if (retry_after_s > 0) out["retry_after_s"] = retry_after_s;
  return to_text(out);
}

Problem make_problem(ProblemKind kind, std::string detail) {
  for (const auto& known : kinds) {
    if (known.kind != kind) continue;
    return Problem{known.status, std::string(known.type), std::string(known.title), std::move(detail), {}, 0};
  }
  return make_problem(ProblemKind::internal, std::move(detail));
}

Problem invalid_fields(std::vector<FieldProblem> errors) {
  std::string detail;
  for (const auto& error : errors) {
    if (detail.size() > 400) {
      detail += " …";
      break;
    }
    detail += (detail.empty() ? "" : "; ") + (error.field.empty() ? std::string("the body") : error.field) + ": " + error.message;
  }
  auto problem = make_problem(ProblemKind::invalid, std::move(detail));
  problem.errors = std::move(errors);
  return problem;
}

Problem to_problem(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument: return invalid_fields({{error.field, error.message}});
    case ErrorCode::unauthenticated: return make_problem(ProblemKind::unauthenticated, error.message);
    case ErrorCode::permission_denied: return make_problem(ProblemKind::forbidden, error.message);
    case ErrorCode::not_found: return make_problem(ProblemKind::not_found, error.message);
    case ErrorCode::conflict: {
      auto problem = make_problem(ProblemKind::conflict, error.message);
      if (!error.field.empty()) problem.errors.push_back({error.field, error.message});
      return problem;
    }
    case ErrorCode::limit_exceeded: {
      auto problem = make_problem(ProblemKind::too_many, error.message);
      problem.retry_after_s = 1;
      return problem;
    }
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::cancelled: {
      auto problem = make_problem(ProblemKind::unavailable, error.message);
      problem.retry_after_s = 2;
      return problem;
    }
    case ErrorCode::no_space: return make_problem(ProblemKind::no_space, error.message);
    case ErrorCode::unsupported: return make_problem(ProblemKind::invalid, error.message);
    case ErrorCode::io:
    case ErrorCode::corrupt:
    case ErrorCode::internal: break;
  }
  return make_problem(ProblemKind::internal, "the reason stands in the hub's log");
}

Response problem_response(const Problem& problem, std::string_view instance) {
  Response out;
  out.status = problem.status;
  out.headers.add("Content-Type", "application/problem+json");
  out.headers.add("Cache-Control", "no-store");
  if (problem.retry_after_s > 0) out.headers.add("Retry-After", std::to_string(problem.retry_after_s));
  if (problem.status == 401) out.headers.add("WWW-Authenticate", "Bearer realm=\"ccoc\"");
  out.body = problem.json(instance);
  return out;
}

}  // namespace ccoc::api
