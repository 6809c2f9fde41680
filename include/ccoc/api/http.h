// Requests and responses as handlers see them: plain values, independent of the network library.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ccoc/access/model.h"
#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"

namespace ccoc::api {

enum class Method { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(Method method);
Method parse_method(std::string_view text);
/// Methods that change nothing (RFC 9110 §9.2.1).
constexpr bool is_safe(Method method) { return method == Method::get || method == Method::head || method == Method::options; }

/// Names and values, in order. Names compare without case (RFC 9110 §5.1).
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);
  /// The first field of that name; empty when there is none.
  std::string_view get(std::string_view name) const;
  bool contains(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Percent-decoded names and values of a query string.
class Query {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  std::optional<std::string_view> get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  Method method = Method::get;
  std::string path;  ///< percent-decoded, begins with '/', valid UTF-8, no control characters
  Query query;
  Headers headers;
  std::string body;
  std::string remote_address;                                   ///< numeric
  bool loopback = false;                                        ///< the peer is this machine
  bool secure = false;                                          ///< over TLS
  std::vector<std::pair<std::string, std::string>> parameters;  ///< of the path template
  std::optional<access::Principal> principal;                   ///< set where the route needs one
  std::string token;                                            ///< the `?token=` it came with, where the route takes one

  /// A path parameter of the route's template; aborts when the template has none of that name.
  const std::string& parameter(std::string_view name) const;
  std::string_view cookie(std::string_view name) const;
};

/// Splits "/path?query" (origin form, RFC 9112 §3.2.1) into a request's path and query. `invalid_argument`
/// for anything that is no well-formed, valid UTF-8 target, or whose path holds "." or ".." segments.
Status parse_target(std::string_view target, Request& request);

/// A body that is read in pieces while it is sent. read_at blocks and is called on a pool thread.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;
  /// Fewer bytes than asked only at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
};

/// The part of a body that is sent.
struct BodyPart {
  std::shared_ptr<BodySource> source;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Response;
/// Starts waiting for an answer; must not block. `done` is called once, on any thread, inside or later; when it comes too late
/// it does nothing.
using LateResponse = std::function<void(std::function<void(Response&&)> done)>;

struct Response {
  unsigned status = 200;
  Headers headers;
  std::variant<std::string, SharedBytes, BodyPart> body;
  /// Set: the answer comes later, without a thread waiting for it, and the rest here means nothing.
  LateResponse later;

  std::uint64_t body_size() const;
};

Response json_response(unsigned status, std::string json);
Response no_content();

/// Answers GET for a source: honours `Range` (one range, RFC 9110 §14), `If-None-Match`, `If-Range`.
/// `tag` is the entity tag without quotes; empty: none.
Response source_response(const Request& request, std::shared_ptr<BodySource> source, std::string content_type, const std::string& tag);

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};
/// The single range of a `Range` header within `size` bytes. nullopt: ignore the header (other unit, several
/// ranges, malformed). `invalid_argument`: well-formed, but outside (416).
Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size);

bool is_valid_utf8(std::string_view text);
/// nullopt for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace ccoc::api
