// JSON at the border: text out, and bodies in with every wrong field named at once.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/api/http.h"
#include "ccoc/api/problem.h"
#include "ccoc/base/time.h"
#include "ccoc/vision/picture_watch.h"

namespace ccoc::api {

/// Compact text. Numbers in their shortest plain form; strings that are no UTF-8 are mended with U+FFFD.
std::string to_text(const boost::json::value& value);

/// {"state", "since", "stream", "looked_at"}
boost::json::object picture_json(const std::optional<vision::PictureStatus>& status);
boost::json::value time_or_null(const std::optional<UtcTime>& time);
boost::json::value text_or_null(std::string_view text);  ///< null when empty

/// The JSON value of a request's body: 415 for another content type, 400 for malformed text, bad UTF-8, or more
/// than 32 levels.
std::expected<boost::json::value, Problem> parse_body(const Request& request);

/// Reads the fields of one object and collects what is wrong. Call `finish` last: it reports fields that
/// nobody asked for.
class FieldReader {
 public:
  /// `prefix` stands before field names in messages ("streams[0].").
  explicit FieldReader(const boost::json::value& value, std::string prefix = {});

  /// Unicode characters, not bytes.
  struct Length {
    std::size_t min = 0;
    std::size_t max = 0;
  };
  std::optional<std::string> text(std::string_view name, Length length, bool required);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max, bool required);
  std::optional<double> number(std::string_view name, double min, double max, bool required);
  std::optional<bool> boolean(std::string_view name, bool required);
  std::optional<UtcTime> time(std::string_view name, bool required);
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t max_items, bool required);
  bool has(std::string_view name) const;

  void reject(std::string_view name, std::string message);
  /// True when nothing was wrong.
  bool finish();
  std::vector<FieldProblem> take_errors() { return std::move(errors_); }
  const std::vector<FieldProblem>& errors() const { return errors_; }

 private:
  const boost::json::value* find(std::string_view name, bool required);

  const boost::json::object* object_ = nullptr;
  std::string prefix_;
  std::set<std::string, std::less<>> asked_;
  std::vector<FieldProblem> errors_;
};

/// The same for a query string. Unknown names are ignored (caches and players add their own).
class QueryReader {
 public:
  explicit QueryReader(const Query& query) : query_(query) {}

  std::optional<std::string> text(std::string_view name, std::size_t max_bytes, bool required = false);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max, bool required = false);
  std::optional<bool> boolean(std::string_view name);
  std::optional<UtcTime> time(std::string_view name, bool required);
  /// One of `choices`, or the first when not given.
  std::string choice(std::string_view name, std::initializer_list<std::string_view> choices);

  void reject(std::string_view name, std::string message);
  bool ok() const { return errors_.empty(); }
  Response refusal(const Request& request) const;

 private:
  std::optional<std::string_view> find(std::string_view name, bool required);

  const Query& query_;
  std::vector<FieldProblem> errors_;
};

}  // namespace ccoc::api
