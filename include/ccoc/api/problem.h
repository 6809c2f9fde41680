// Errors on the wire: RFC 9457 problem objects with a stable type, and one entry per wrong field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ccoc/api/http.h"
#include "ccoc/base/result.h"

namespace ccoc::api {

struct FieldProblem {
  std::string field;
  std::string message;
};

struct Problem {
  unsigned status = 500;
  std::string type;    ///< "/problems/not-found"
  std::string title;   ///< the same for every problem of the type
  std::string detail;  ///< a sentence for a person; may be empty
  std::vector<FieldProblem> errors;
  unsigned retry_after_s = 0;  ///< 0: says nothing

  std::string json(std::string_view instance = {}) const;
};

/// Kinds of problem; type, title and status follow from it.
enum class ProblemKind {
  malformed,           ///< 400
  unauthenticated,     ///< 401
  forbidden,           ///< 403
  csrf,                ///< 403
  not_found,           ///< 404
  method_not_allowed,  ///< 405
  not_acceptable,      ///< 406
  conflict,            ///< 409
  too_large,           ///< 413
  unsupported_type,    ///< 415
  range,               ///< 416
  invalid,             ///< 422
  upgrade_required,    ///< 426
  too_many,            ///< 429
  header_too_large,    ///< 431
  internal,            ///< 500
  unavailable,         ///< 503
  no_space,            ///< 507
};
Problem make_problem(ProblemKind kind, std::string detail = {});
Problem invalid_fields(std::vector<FieldProblem> errors);
/// What an Error of the modules below means to a client. Text of `internal`, `io` and `corrupt` errors stays inside.
Problem to_problem(const Error& error);

Response problem_response(const Problem& problem, std::string_view instance = {});

}  // namespace ccoc::api
