#include "apply_patch.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ccoc::registry {
namespace {

class Judge {
 public:
  explicit Judge(std::vector<FieldError>& errors) : errors_(errors) {}
  void wrong(std::string field, std::string message) { errors_.push_back({std::move(field), std::move(message)}); }

  void text(const std::optional<std::string>& value, const char* field, std::size_t most, std::string& into, bool lines = false) {
    if (!value) return;
    std::size_t characters = 0;
    for (const char c : *value) {
      const auto code = static_cast<unsigned char>(c);
      if ((code & 0xc0) != 0x80) ++characters;
      if ((code < 0x20 && !(lines && (c == '\n' || c == '\t' || c == '\r'))) || code == 0x7f) {
        return wrong(field, "control characters are not allowed");
      }
    }
    if (characters > most) return wrong(field, "at most " + std::to_string(most) + " characters");
    into = *value;
  }

  void slug(const std::optional<std::string>& value, const char* field, std::string& into) {
    if (!value) return;
    if (!value->empty() && !is_camera_id(*value)) return wrong(field, "an id of lower-case letters, digits and '-', or nothing");
    into = *value;
  }

  void number(const std::optional<std::optional<double>>& value, const char* field, double above, double most, bool zero_allowed,
              std::optional<double>& into) {
    if (!value) return;
    if (*value && (!std::isfinite(**value) || **value > most || (zero_allowed ? **value < above : **value <= above))) {
      return wrong(field, "a number from " + std::to_string(static_cast<int>(above)) + " to " + std::to_string(static_cast<int>(most)));
    }
    into = *value;
  }

 private:
  std::vector<FieldError>& errors_;
};

void judge_location(const CameraPatch& patch, const Rules& rules, Judge& judge, Camera& camera) {
  if (patch.clear_location) camera.location.reset();
  const bool touched = patch.lat || patch.lon || patch.heading_deg || patch.fov_deg || patch.range_m;
  if (!touched) return;
  const bool had = camera.location.has_value();
  Location location = camera.location.value_or(Location{});
  if (!had && patch.lat.has_value() != patch.lon.has_value()) {
    judge.wrong(patch.lat ? "location.lon" : "location.lat", "latitude and longitude belong together");
    return;
  }
  if (!had && !patch.lat) {
    // Only a direction, without a position: an import that leaves it empty means nothing by it.
    if ((patch.heading_deg && *patch.heading_deg) || (patch.fov_deg && *patch.fov_deg) || (patch.range_m && *patch.range_m)) {
      judge.wrong("location.lat", "a direction or a range needs a position");
    }
    return;
  }
  location.lat = patch.lat.value_or(location.lat);
  location.lon = patch.lon.value_or(location.lon);
  const auto in_range = [](double v, double most) { return std::isfinite(v) && std::abs(v) <= most; };
  const bool swapped = rules.site && rules.site->contains(location.lon, location.lat) && !rules.site->contains(location.lat, location.lon);
  if (swapped) {
    judge.wrong("location.lat", "latitude and longitude are swapped; " + std::to_string(location.lon) + " is the latitude");
  } else if (!in_range(location.lat, 90)) {
    judge.wrong("location.lat", "a latitude lies between -90 and 90");
  } else if (!in_range(location.lon, 180)) {
    judge.wrong("location.lon", "a longitude lies between -180 and 180");
  } else if (rules.site && !rules.site->contains(location.lat, location.lon)) {
    judge.wrong("location.lat", "the position lies outside the configured site (site.min_lat, site.max_lat, site.min_lon, site.max_lon)");
  }
  judge.number(patch.heading_deg, "location.heading_deg", 0, 360, true, location.heading_deg);
  if (location.heading_deg && *location.heading_deg == 360) location.heading_deg = 0;
  judge.number(patch.fov_deg, "location.fov_deg", 0, 360, false, location.fov_deg);
  judge.number(patch.range_m, "location.range_m", 0, 10000, false, location.range_m);
  camera.location = location;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void judge_streams(const CameraPatch& patch, const Rules& rules, Judge& judge, const StoredCamera& before, StoredCamera& after) {
  if (!patch.streams) return;
  after.camera.streams.clear();
  after.passwords.clear();
  std::set<std::string> roles;
  for (std::size_t i = 0; i < patch.streams->size(); ++i) {
    const auto& input = (*patch.streams)[i];
    const std::string at = "streams[" + std::to_string(i) + "].";
    if (input.role != "main" && input.role != "sub") {
      judge.wrong(at + "role", "a stream is \"main\" or \"sub\"");
      continue;
    }
    if (!roles.insert(input.role).second) {
      judge.wrong(at + "role", "there can be only one " + input.role + " stream");
      continue;
    }
    const auto url = parse_camera_url(input.url, rules);
    if (!url) {
      judge.wrong(at + "url", url.error());
      continue;
    }
    const Stream* old = before.camera.stream(input.role);
    const auto old_url = old != nullptr ? parse_camera_url(old->url, Rules{{}, true}) : url;
    const bool same_host = old != nullptr && old_url && old_url->host == url->host;
    Stream stream;
    stream.role = input.role;
    stream.url = url->url;
    if (input.username && !input.username->empty()) {
      stream.username = *input.username;
    } else if (url->username) {
      stream.username = *url->username;
    } else if (!input.username && same_host) {
      stream.username = old->username;
    }
    // As with the name: a field left empty does not undo what stands in the URL.
    const bool from_url = !input.password || (input.password->empty() && url->password);
    std::optional<std::string> password = from_url ? url->password : input.password;
    if (!password && same_host && old->username == stream.username) {
      if (const auto kept = before.passwords.find(input.role); kept != before.passwords.end()) password = kept->second;
    }
    for (const auto& [value, field] : {std::pair{&stream.username, "username"}, {password ? &*password : nullptr, "password"}}) {
      if (value == nullptr) continue;
      if (value->size() > 200 || std::ranges::any_of(*value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
        judge.wrong(at + field, "at most 200 characters, no control characters");
      }
    }
    stream.transport = input.transport.value_or(old != nullptr ? old->transport : "auto");
    if (stream.transport != "auto" && stream.transport != "tcp" && stream.transport != "udp") {
      judge.wrong(at + "transport", "the transport is \"auto\", \"tcp\" or \"udp\"");
    }
    stream.client = input.client.value_or(old != nullptr ? old->client : "native");
    if (stream.client != "native" && stream.client != "gstreamer") {
      judge.wrong(at + "client", "the client is \"native\" or \"gstreamer\"");
    }
    stream.certificate_sha256 = input.certificate_sha256.value_or(same_host ? old->certificate_sha256 : "");
    if (!stream.certificate_sha256.empty() && !is_sha256(stream.certificate_sha256)) {
      judge.wrong(at + "certificate_sha256", "64 hexadecimal digits, lower case; empty to take the next certificate the camera shows");
    }
    stream.has_password = password && !password->empty();
    if (stream.has_password) after.passwords[input.role] = *password;
    after.camera.streams.push_back(std::move(stream));
  }
  std::ranges::sort(after.camera.streams, {}, &Stream::role);
}

}  // namespace

bool is_camera_id(std::string_view id) {
  return !id.empty() && id.size() <= 40 &&
         std::ranges::all_of(id, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string slug_of(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      out.push_back(lower);
    } else if (!out.empty() && out.back() != '-') {
      out.push_back('-');
    }
  }
  out.resize(std::min<std::size_t>(out.size(), 36));
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

StoredCamera apply_patch(const StoredCamera& before, const CameraPatch& patch, const Rules& rules, std::vector<FieldError>& errors) {
  Judge judge(errors);
  StoredCamera after = before;
  Camera& camera = after.camera;
  if (patch.id) {
    if (is_camera_id(*patch.id)) {
      camera.id = *patch.id;
    } else {
      judge.wrong("id", "1 to 40 lower-case letters, digits and '-'");
    }
  }
  judge.text(patch.name_th, "name.th", 200, camera.name.th);
  judge.text(patch.name_en, "name.en", 200, camera.name.en);
  if (camera.name.th.empty() && camera.name.en.empty()) judge.wrong("name", "a name in Thai or in English is needed");
  if (patch.owner_kind) {
    if (*patch.owner_kind == "public" || *patch.owner_kind == "private") {
      camera.owner.kind = *patch.owner_kind == "private" ? OwnerKind::private_ : OwnerKind::public_;
    } else {
      judge.wrong("owner.kind", "\"public\" or \"private\"");
    }
  }
  judge.text(patch.owner_name, "owner.name", 200, camera.owner.name);
  judge.slug(patch.zone, "zone", camera.zone);
  judge.slug(patch.community, "community", camera.community);
  judge_location(patch, rules, judge, camera);
  judge_streams(patch, rules, judge, before, after);
  if (camera.stream("main") == nullptr && (!patch.streams || errors.empty())) {
    judge.wrong("streams", "a stream with the role \"main\" is needed");
  }
  if (patch.recording_mode) {
    if (*patch.recording_mode == "continuous" || *patch.recording_mode == "off") {
      camera.recording.mode = *patch.recording_mode == "off" ? RecordingMode::off : RecordingMode::continuous;
    } else {
      judge.wrong("recording.mode", "\"continuous\" or \"off\"");
    }
  }
  if (patch.retention_days) {
    if (*patch.retention_days < 1 || *patch.retention_days > 3650) {
      judge.wrong("recording.retention_days", "1 to 3650 days");
    } else {
      camera.recording.retention_days = static_cast<int>(*patch.retention_days);
    }
  }
  if (patch.min_days) camera.recording.min_days = static_cast<int>(std::clamp<std::int64_t>(*patch.min_days, -1, 3651));
  if (camera.recording.min_days < 0 || camera.recording.min_days > camera.recording.retention_days) {
    judge.wrong("recording.min_days", "0 to as many days as the footage is kept at most (retention_days)");
  }
  if (patch.copies) {
    if (*patch.copies < 1 || *patch.copies > 2) {
      judge.wrong("recording.copies", "1 or 2");
    } else {
      camera.recording.copies = static_cast<int>(*patch.copies);
    }
  }
  if (patch.audio) camera.audio = *patch.audio;
  if (patch.motion) camera.motion = *patch.motion;
  if (patch.playback_offset_ms) {
    if (*patch.playback_offset_ms < -60'000 || *patch.playback_offset_ms > 60'000) {
      judge.wrong("playback_offset_ms", "-60000 to 60000 ms");
    } else {
      camera.playback_offset = std::chrono::milliseconds{*patch.playback_offset_ms};
    }
  }
  if (patch.enabled) camera.enabled = *patch.enabled;
  if (patch.approximate) camera.approximate = *patch.approximate;
  judge.text(patch.notes, "notes", 2000, camera.notes, true);
  return after;
}

std::vector<std::string> changed_fields(const StoredCamera& before, const StoredCamera& after) {
  std::vector<std::string> out;
  const Camera& a = before.camera;
  const Camera& b = after.camera;
  const auto differ = [&](bool differs, const char* field) {
    if (differs) out.emplace_back(field);
  };
  differ(a.name.th != b.name.th, "name.th");
  differ(a.name.en != b.name.en, "name.en");
  differ(a.owner.kind != b.owner.kind, "owner.kind");
  differ(a.owner.name != b.owner.name, "owner.name");
  differ(a.zone != b.zone, "zone");
  differ(a.community != b.community, "community");
  if (a.location && b.location) {
    differ(a.location->lat != b.location->lat, "location.lat");
    differ(a.location->lon != b.location->lon, "location.lon");
    differ(a.location->heading_deg != b.location->heading_deg, "location.heading_deg");
    differ(a.location->fov_deg != b.location->fov_deg, "location.fov_deg");
    differ(a.location->range_m != b.location->range_m, "location.range_m");
  } else {
    differ(a.location.has_value() != b.location.has_value(), "location");
  }
  differ(a.streams != b.streams, "streams");
  differ(before.passwords != after.passwords, "streams.password");
  differ(a.recording.mode != b.recording.mode, "recording.mode");
  differ(a.recording.retention_days != b.recording.retention_days, "recording.retention_days");
  differ(a.recording.min_days != b.recording.min_days, "recording.min_days");
  differ(a.recording.copies != b.recording.copies, "recording.copies");
  differ(a.audio != b.audio, "audio");
  differ(a.motion != b.motion, "motion.enabled");
  differ(a.playback_offset != b.playback_offset, "playback_offset_ms");
  differ(a.enabled != b.enabled, "enabled");
  differ(a.approximate != b.approximate, "approximate");
  differ(a.notes != b.notes, "notes");
  return out;
}

}  // namespace ccoc::registry
