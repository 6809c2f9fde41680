#include "ccoc/api/http.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "ccoc/api/problem.h"
#include "ccoc/base/log.h"

namespace ccoc::api {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 8> method_names{{
    {Method::get, "GET"},
    {Method::head, "HEAD"},
    {Method::post, "POST"},
    {Method::put, "PUT"},
    {Method::patch, "PATCH"},
    {Method::delete_, "DELETE"},
    {Method::options, "OPTIONS"},
    {Method::other, "OTHER"},
}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string_view to_string(Method method) {
  for (const auto& [value, name] : method_names) {
    if (value == method) return name;
  }
  return "OTHER";
}

Method parse_method(std::string_view text) {
  for (const auto& [value, name] : method_names) {
    if (name == text) return value;
  }
  return Method::other;
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return same_name(field.first, name); });
  fields_.emplace_back(std::string(name), std::move(value));
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (same_name(field, name)) return value;
  }
  return {};
}

bool Headers::contains(std::string_view name) const {
  return std::ranges::any_of(fields_, [&](const auto& field) { return same_name(field.first, name); });
}

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (field == name) return value;
  }
  return std::nullopt;
}

const std::string& Request::parameter(std::string_view name) const {
  for (const auto& [field, value] : parameters) {
    if (field == name) return value;
  }
  log::error("api", "a handler asked for the path parameter {} of {}, which has none", name, path);
  std::abort();
}

std::string_view Request::cookie(std::string_view name) const {
  std::string_view rest = headers.get("Cookie");
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const auto pair = trim(rest.substr(0, end));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {};
}

bool is_valid_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
      length = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
      length = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
      length = 4;
    else
      return false;
    // Overlong forms, surrogates and what lies beyond U+10FFFF (RFC 3629 §4).
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    if (i + length > text.size() || at(i + 1) < low || at(i + 1) > high) return false;
    for (std::size_t k = 2; k < length; ++k) {
      if ((at(i + k) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Status parse_target(std::string_view target, Request& request) {
  const auto bad = [](std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); };
  if (target.empty() || target.front() != '/') return bad("the request target must begin with '/'");
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  auto path = percent_decode(target.substr(0, mark), false);
  if (!path || !is_valid_utf8(*path) || has_control(*path)) return bad("the path is not percent-encoded UTF-8 text");
  // A reference that begins with two slashes names a host (RFC 3986 §4.2), never a path of ours.
  if (path->starts_with("//")) return bad("the path may not begin with two slashes");
  for (std::size_t start = 1; start <= path->size();) {
    const auto end = std::min(path->find('/', start), path->size());
    const auto segment = std::string_view(*path).substr(start, end - start);
    if (segment == "." || segment == "..") return bad("the path may not hold '.' or '..'");
    start = end + 1;
  }
  request.path = std::move(*path);
  if (mark == std::string_view::npos) return {};
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty()) {
      auto name = percent_decode(pair.substr(0, equals), true);
      auto value = equals == std::string_view::npos ? std::optional<std::string>("") : percent_decode(pair.substr(equals + 1), true);
      if (!name || !value || !is_valid_utf8(*name) || !is_valid_utf8(*value)) {
        return bad("the query is not percent-encoded UTF-8 text");
      }
      request.query.add(std::move(*name), std::move(*value));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {};
}

std::uint64_t Response::body_size() const {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* shared = std::get_if<SharedBytes>(&body)) return *shared ? (*shared)->size() : 0;
  return std::get<BodyPart>(body).size;
}

Response json_response(unsigned status, std::string json) {
  Response out;
  out.status = status;
  out.headers.add("Content-Type", "application/json");
  out.headers.add("Cache-Control", "no-store");
  out.body = std::move(json);
  return out;
}

Response no_content() {
  Response out;
  out.status = 204;
  out.headers.add("Cache-Control", "no-store");
  return out;
}

Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size) {
  using Answer = std::optional<ByteRange>;
  header = trim(header);
  if (header.size() < 6 || !same_name(header.substr(0, 6), "bytes=")) return Answer{};
  const auto spec = trim(header.substr(6));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return Answer{};
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  };
  const auto outside = [&] {
    return fail(ErrorCode::invalid_argument, "the range lies outside the " + std::to_string(size) + " bytes there are");
  };
  const auto first_text = spec.substr(0, dash);
  const auto last_text = spec.substr(dash + 1);
  if (first_text.empty()) {  // the last N bytes
    const auto count = number(last_text);
    if (!count) return Answer{};
    if (*count == 0 || size == 0) return outside();
    const auto length = std::min(*count, size);
    return Answer{ByteRange{size - length, length}};
  }
  const auto first = number(first_text);
  if (!first) return Answer{};
  std::uint64_t last = size == 0 ? 0 : size - 1;
  if (!last_text.empty()) {
    const auto value = number(last_text);
    if (!value || *value < *first) return Answer{};
    last = std::min(last, *value);
  }
  if (*first >= size) return outside();
  return Answer{ByteRange{*first, last - *first + 1}};
}

Response source_response(const Request& request, std::shared_ptr<BodySource> source, std::string content_type, const std::string& tag) {
  const std::uint64_t size = source->size();
  const std::string quoted = tag.empty() ? std::string() : '"' + tag + '"';
  Response out;
  out.headers.add("Accept-Ranges", "bytes");
  if (!quoted.empty()) out.headers.add("ETag", quoted);
  if (!quoted.empty()) {
    const auto known = request.headers.get("If-None-Match");
    if (known == "*" || known.find(quoted) != std::string_view::npos) {
      out.status = 304;
      return out;
    }
  }
  out.headers.add("Content-Type", std::move(content_type));
  out.body = BodyPart{source, 0, size};
  const auto range_header = request.headers.get("Range");
  const auto condition = request.headers.get("If-Range");
  if (range_header.empty() || (!condition.empty() && condition != quoted)) return out;
  const auto range = parse_range(range_header, size);
  if (!range) {
    auto refused = problem_response(make_problem(ProblemKind::range, range.error().message), request.path);
    refused.headers.add("Content-Range", "bytes */" + std::to_string(size));
    return refused;
  }
  if (!*range) return out;
  out.status = 206;
  out.body = BodyPart{source, (*range)->offset, (*range)->size};
  out.headers.add("Content-Range", "bytes " + std::to_string((*range)->offset) + "-" +
                                       std::to_string((*range)->offset + (*range)->size - 1) + "/" + std::to_string(size));
  return out;
}

}  // namespace ccoc::api
