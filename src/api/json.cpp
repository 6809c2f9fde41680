#include "json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

namespace ccoc::api {
namespace json = boost::json;
namespace {

void append_text(std::string& out, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      if (i + length <= text.size() && is_valid_utf8(text.substr(i, length))) {
        out += text.substr(i, length);
        i += length - 1;
      } else {
        out += "\xef\xbf\xbd";
      }
    }
  }
  out += '"';
}

void append(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [name, member] : value.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        append_text(out, name);
        out += ':';
        append(out, member);
      }
      out += '}';
      break;
    }
    case json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& item : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        append(out, item);
      }
      out += ']';
      break;
    }
    case json::kind::string: append_text(out, value.get_string()); break;
    case json::kind::double_: {
      if (!std::isfinite(value.get_double())) {
        out += "null";
        break;
      }
      char buffer[64];
      auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value.get_double());
      out.append(buffer, end);
      break;
    }
    case json::kind::int64: out += std::to_string(value.get_int64()); break;
    case json::kind::uint64: out += std::to_string(value.get_uint64()); break;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
    case json::kind::null: out += "null"; break;
  }
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string to_text(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

json::object picture_json(const std::optional<vision::PictureStatus>& status) {
  if (!status) return {{"state", "unknown"}, {"since", nullptr}, {"stream", nullptr}, {"looked_at", nullptr}};
  const bool known = status->since != UtcTime{};
  return {{"state", vision::to_string(status->state)},
          {"since", known ? json::value(format_rfc3339(status->since)) : json::value(nullptr)},
          {"stream", text_or_null(status->stream)},
          {"looked_at", time_or_null(status->looked_at)}};
}

json::value time_or_null(const std::optional<UtcTime>& time) { return time ? json::value(format_rfc3339(*time)) : json::value(nullptr); }

json::value text_or_null(std::string_view text) { return text.empty() ? json::value(nullptr) : json::value(text); }

std::expected<json::value, Problem> parse_body(const Request& request) {
  const auto type = request.headers.get("Content-Type");
  const auto essence = type.substr(0, type.find(';'));
  if (!type.empty() && !essence.starts_with("application/json")) {
    return std::unexpected(make_problem(ProblemKind::unsupported_type, "send the body as application/json"));
  }
  boost::system::error_code error;
  auto value = json::parse(request.body, error);
  if (error) {
    return std::unexpected(make_problem(ProblemKind::malformed, "the body is not JSON in UTF-8: " + error.message()));
  }
  return value;
}

FieldReader::FieldReader(const json::value& value, std::string prefix) : prefix_(std::move(prefix)) {
  if (value.is_object()) {
    object_ = &value.get_object();
  } else {
    const auto name = prefix_.empty() ? std::string() : prefix_.substr(0, prefix_.size() - 1);
    errors_.push_back({name, "must be an object"});
  }
}

const json::value* FieldReader::find(std::string_view name, bool required) {
  asked_.emplace(name);
  if (object_ == nullptr) return nullptr;
  const auto* value = object_->if_contains(name);
  if (value == nullptr && required) reject(name, "is missing");
  return value;
}

bool FieldReader::has(std::string_view name) const { return object_ != nullptr && object_->contains(name); }

void FieldReader::reject(std::string_view name, std::string message) {
  errors_.push_back({prefix_ + std::string(name), std::move(message)});
}

std::optional<std::string> FieldReader::text(std::string_view name, Length length, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    reject(name, "must be a text");
    return std::nullopt;
  }
  const std::string_view text = value->get_string();
  const auto count = characters(text);
  if (count < length.min || count > length.max) {
    reject(name, "must have " + std::to_string(length.min) + " to " + std::to_string(length.max) + " characters");
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, std::int64_t min, std::int64_t max, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error || number < min || number > max) {
    reject(name, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::optional<double> FieldReader::number(std::string_view name, double min, double max, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<double>(error);
  if (error || !std::isfinite(number) || number < min || number > max) {
    reject(name, "must be a number from " + to_text(min) + " to " + to_text(max));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> FieldReader::boolean(std::string_view name, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    reject(name, "must be true or false");
    return std::nullopt;
  }
  return value->get_bool();
}

std::optional<UtcTime> FieldReader::time(std::string_view name, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    reject(name, "must be a time as 2026-11-24T05:23:57.123Z");
    return std::nullopt;
  }
  const auto time = parse_rfc3339(std::string_view(value->get_string()));
  if (!time) {
    reject(name, time.error().message);
    return std::nullopt;
  }
  return *time;
}

std::optional<std::vector<std::string>> FieldReader::texts(std::string_view name, std::size_t max_items, bool required) {
  const auto* value = find(name, required);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->get_array().size() > max_items ||
      !std::ranges::all_of(value->get_array(), [](const json::value& item) { return item.is_string(); })) {
    reject(name, "must be a list of at most " + std::to_string(max_items) + " texts");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const auto& item : value->get_array()) out.emplace_back(item.get_string());
  return out;
}

bool FieldReader::finish() {
  if (object_ != nullptr) {
    for (const auto& [name, value] : *object_) {
      if (!asked_.contains(std::string_view(name))) reject(name, "is not a field of this request");
    }
  }
  return errors_.empty();
}

std::optional<std::string_view> QueryReader::find(std::string_view name, bool required) {
  const auto value = query_.get(name);
  if (!value && required) reject(name, "is missing");
  return value;
}

void QueryReader::reject(std::string_view name, std::string message) { errors_.push_back({std::string(name), std::move(message)}); }

std::optional<std::string> QueryReader::text(std::string_view name, std::size_t max_bytes, bool required) {
  const auto value = find(name, required);
  if (!value) return std::nullopt;
  if (value->size() > max_bytes) {
    reject(name, "is longer than " + std::to_string(max_bytes) + " bytes");
    return std::nullopt;
  }
  return std::string(*value);
}

std::optional<std::int64_t> QueryReader::integer(std::string_view name, std::int64_t min, std::int64_t max, bool required) {
  const auto value = find(name, required);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size() || number < min || number > max) {
    reject(name, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> QueryReader::boolean(std::string_view name) {
  const auto value = find(name, false);
  if (!value) return std::nullopt;
  if (*value == "true" || *value == "1" || value->empty()) return true;
  if (*value == "false" || *value == "0") return false;
  reject(name, "must be true or false");
  return std::nullopt;
}

std::optional<UtcTime> QueryReader::time(std::string_view name, bool required) {
  const auto value = find(name, required);
  if (!value) return std::nullopt;
  const auto time = parse_rfc3339(*value);
  if (!time) {
    reject(name, time.error().message);
    return std::nullopt;
  }
  return *time;
}

std::string QueryReader::choice(std::string_view name, std::initializer_list<std::string_view> choices) {
  const auto value = find(name, false);
  if (!value) return std::string(*choices.begin());
  if (std::ranges::find(choices, *value) == choices.end()) {
    std::string all;
    for (const auto choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
    reject(name, "must be one of " + all);
    return std::string(*choices.begin());
  }
  return std::string(*value);
}

Response QueryReader::refusal(const Request& request) const { return problem_response(invalid_fields(errors_), request.path); }

}  // namespace ccoc::api
