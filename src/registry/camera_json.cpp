#include "ccoc/registry/camera_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace ccoc::registry {
namespace {

namespace json = boost::json;

json::value number_or_null(const std::optional<double>& value) { return value ? json::value(*value) : json::value(nullptr); }

/// Reads one object, remembering which members nobody asked for.
class Reader {
 public:
  Reader(const json::object& object, std::string prefix, std::vector<FieldError>& errors)
      : object_(object), prefix_(std::move(prefix)), errors_(errors) {}

  const json::value* take(std::string_view name) {
    known_.emplace_back(name);
    return object_.if_contains(name);
  }
  void wrong(std::string_view name, std::string message) { errors_.push_back({prefix_ + std::string(name), std::move(message)}); }

  void text(std::string_view name, std::optional<std::string>& into) {
    const auto* value = take(name);
    if (value == nullptr) return;
    if (const auto* string = value->if_string()) {
      into = std::string(*string);
    } else if (value->is_null()) {
      into = std::string();
    } else {
      wrong(name, "a text is expected");
    }
  }
  void boolean(std::string_view name, std::optional<bool>& into) {
    const auto* value = take(name);
    if (value == nullptr) return;
    if (const auto* flag = value->if_bool()) {
      into = *flag;
    } else {
      wrong(name, "true or false is expected");
    }
  }
  void whole_number(std::string_view name, std::optional<std::int64_t>& into) {
    const auto* value = take(name);
    if (value == nullptr) return;
    if (value->is_int64()) {
      into = value->get_int64();
    } else {
      wrong(name, "a whole number is expected");
    }
  }
  std::optional<double> number(std::string_view name, const json::value& value) {
    if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
    if (value.is_int64()) return static_cast<double>(value.get_int64());
    if (value.is_uint64()) return static_cast<double>(value.get_uint64());
    wrong(name, "a number is expected");
    return std::nullopt;
  }
  void needed_number(std::string_view name, std::optional<double>& into) {
    if (const auto* value = take(name)) into = number(name, *value);
  }
  void optional_number(std::string_view name, std::optional<std::optional<double>>& into) {
    const auto* value = take(name);
    if (value == nullptr) return;
    if (value->is_null()) {
      into = std::optional<double>();
    } else if (const auto read = number(name, *value)) {
      into = read;
    }
  }
  const json::object* object(std::string_view name) {
    const auto* value = take(name);
    if (value == nullptr) return nullptr;
    if (const auto* inner = value->if_object()) return inner;
    wrong(name, "an object is expected");
    return nullptr;
  }
  /// `ignored` members are allowed and not read: what GET adds and a client sends back.
  void finish(std::initializer_list<std::string_view> ignored = {}) {
    for (const auto& member : object_) {
      const std::string_view name = member.key();
      if (std::ranges::find(known_, name) != known_.end() || std::ranges::find(ignored, name) != ignored.end()) continue;
      wrong(name.substr(0, 100), "there is no such field");
    }
  }

 private:
  const json::object& object_;
  const std::string prefix_;
  std::vector<FieldError>& errors_;
  std::vector<std::string> known_;
};

void read_streams(const json::value& value, CameraPatch& patch, std::vector<FieldError>& errors) {
  const auto* array = value.if_array();
  if (array == nullptr) {
    errors.push_back({"streams", "a list is expected"});
    return;
  }
  if (array->size() > 8) {
    errors.push_back({"streams", "too many streams"});
    return;
  }
  patch.streams.emplace();
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string at = "streams[" + std::to_string(i) + "]";
    const auto* object = (*array)[i].if_object();
    if (object == nullptr) {
      errors.push_back({at, "an object is expected"});
      continue;
    }
    Reader reader(*object, at + ".", errors);
    StreamInput stream;
    std::optional<std::string> role, url;
    reader.text("role", role);
    reader.text("url", url);
    reader.text("username", stream.username);
    reader.text("password", stream.password);
    reader.text("transport", stream.transport);
    reader.text("certificate_sha256", stream.certificate_sha256);
    reader.text("client", stream.client);
    reader.finish({"has_password"});
    stream.role = role.value_or("");
    stream.url = url.value_or("");
    patch.streams->push_back(std::move(stream));
  }
}

void read_location(const json::value& value, CameraPatch& patch, std::vector<FieldError>& errors) {
  if (value.is_null()) {
    patch.clear_location = true;
    return;
  }
  const auto* object = value.if_object();
  if (object == nullptr) {
    errors.push_back({"location", "an object is expected"});
    return;
  }
  Reader reader(*object, "location.", errors);
  reader.needed_number("lat", patch.lat);
  reader.needed_number("lon", patch.lon);
  reader.optional_number("heading_deg", patch.heading_deg);
  reader.optional_number("fov_deg", patch.fov_deg);
  reader.optional_number("range_m", patch.range_m);
  reader.finish();
}

void read_motion(const json::object& object, CameraPatch& patch, std::vector<FieldError>& errors) {
  Reader reader(object, "motion.", errors);
  reader.boolean("enabled", patch.motion);
  reader.finish();
}

void read_recording(const json::object& object, CameraPatch& patch, std::vector<FieldError>& errors) {
  Reader reader(object, "recording.", errors);
  reader.text("mode", patch.recording_mode);
  reader.whole_number("retention_days", patch.retention_days);
  reader.whole_number("min_days", patch.min_days);
  reader.whole_number("copies", patch.copies);
  reader.finish();
}

}  // namespace

json::object to_json(const Camera& camera) {
  json::object out;
  out["id"] = camera.id;
  out["name"] = json::object{{"th", camera.name.th}, {"en", camera.name.en}};
  out["owner"] = json::object{{"kind", to_string(camera.owner.kind)}, {"name", camera.owner.name}};
  out["zone"] = camera.zone;
  out["community"] = camera.community;
  if (camera.location) {
    out["location"] = json::object{{"lat", camera.location->lat},
                                   {"lon", camera.location->lon},
                                   {"heading_deg", number_or_null(camera.location->heading_deg)},
                                   {"fov_deg", number_or_null(camera.location->fov_deg)},
                                   {"range_m", number_or_null(camera.location->range_m)}};
  } else {
    out["location"] = nullptr;
  }
  json::array streams;
  for (const auto& stream : camera.streams) {
    streams.push_back(json::object{{"role", stream.role},
                                   {"url", stream.url},
                                   {"username", stream.username},
                                   {"has_password", stream.has_password},
                                   {"transport", stream.transport},
                                   {"certificate_sha256", stream.certificate_sha256},
                                   {"client", stream.client}});
  }
  out["streams"] = std::move(streams);
  out["recording"] = json::object{{"mode", to_string(camera.recording.mode)},
                                  {"retention_days", camera.recording.retention_days},
                                  {"min_days", camera.recording.min_days},
                                  {"copies", camera.recording.copies}};
  out["audio"] = camera.audio;
  out["motion"] = json::object{{"enabled", camera.motion}};
  out["playback_offset_ms"] = camera.playback_offset.count();
  out["enabled"] = camera.enabled;
  out["approximate"] = camera.approximate;
  out["notes"] = camera.notes;
  out["created_at"] = format_rfc3339(camera.created_at);
  out["updated_at"] = format_rfc3339(camera.updated_at);
  return out;
}

std::expected<CameraPatch, std::vector<FieldError>> camera_patch_from_json(const json::value& body) {
  std::vector<FieldError> errors;
  const auto* object = body.if_object();
  if (object == nullptr) return std::unexpected(std::vector<FieldError>{{"", "an object is expected"}});
  CameraPatch patch;
  Reader reader(*object, "", errors);
  reader.text("id", patch.id);
  if (const auto* name = reader.object("name")) {
    Reader names(*name, "name.", errors);
    names.text("th", patch.name_th);
    names.text("en", patch.name_en);
    names.finish();
  }
  if (const auto* owner = reader.object("owner")) {
    Reader owners(*owner, "owner.", errors);
    owners.text("kind", patch.owner_kind);
    owners.text("name", patch.owner_name);
    owners.finish();
  }
  reader.text("zone", patch.zone);
  reader.text("community", patch.community);
  if (const auto* location = reader.take("location")) read_location(*location, patch, errors);
  if (const auto* streams = reader.take("streams")) read_streams(*streams, patch, errors);
  if (const auto* recording = reader.object("recording")) read_recording(*recording, patch, errors);
  reader.boolean("audio", patch.audio);
  if (const auto* motion = reader.object("motion")) read_motion(*motion, patch, errors);
  reader.whole_number("playback_offset_ms", patch.playback_offset_ms);
  reader.boolean("enabled", patch.enabled);
  reader.boolean("approximate", patch.approximate);
  reader.text("notes", patch.notes);
  reader.finish({"created_at", "updated_at"});
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return patch;
}

}  // namespace ccoc::registry
