// A camera as the registry knows it (contract.md, `GET /cameras`). It never holds a password: those
// leave the registry only as StreamSource, for the session that connects.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::registry {

/// What is wrong with one field; `field` is a path as in the JSON: "location.lat", "streams[0].url".
struct FieldError {
  std::string field{};
  std::string message{};
  friend bool operator==(const FieldError&, const FieldError&) = default;
};

/// Why a change was refused: `invalid_argument` with every wrong field, or `not_found`, `conflict`, `unavailable`.
struct Refusal {
  Error error{};
  std::vector<FieldError> fields{};
};

template <class T>
using Checked = std::expected<T, Refusal>;

struct Name {
  std::string th{};  ///< at least one of the two is not empty; each at most 200 characters
  std::string en{};
  friend bool operator==(const Name&, const Name&) = default;
};

enum class OwnerKind : std::uint8_t { public_, private_ };  ///< "public", "private"

struct Owner {
  OwnerKind kind = OwnerKind::public_;
  std::string name{};
  friend bool operator==(const Owner&, const Owner&) = default;
};

/// WGS 84, degrees.
struct Location {
  double lat = 0;                       ///< -90…90
  double lon = 0;                       ///< -180…180
  std::optional<double> heading_deg{};  ///< 0 north, 90 east; 0…360 (360 is stored as 0)
  std::optional<double> fov_deg{};      ///< >0…360
  std::optional<double> range_m{};      ///< >0…10000
  friend bool operator==(const Location&, const Location&) = default;
};

struct Stream {
  std::string role{};      ///< "main" or "sub"
  std::string url{};       ///< see parse_camera_url; without user or password
  std::string username{};  ///< "" for none
  bool has_password = false;
  std::string transport = "auto";    ///< asked for: "auto", "tcp", "udp"
  std::string certificate_sha256{};  ///< rtsps: the one that is accepted, lower-case hex; "": the first to come
  std::string client = "native";     ///< who receives RTSP: "native", "gstreamer"; all else is GStreamer's
  friend bool operator==(const Stream&, const Stream&) = default;
};

enum class RecordingMode : std::uint8_t { continuous, off };

struct Recording {
  RecordingMode mode = RecordingMode::continuous;
  int retention_days = 30;  ///< 1…3650: older footage is deleted
  int min_days = 0;         ///< 0…retention_days: younger footage is deleted last; 0: nothing was promised
  int copies = 1;           ///< 1 or 2: volumes that hold its footage
  friend bool operator==(const Recording&, const Recording&) = default;
};

struct Camera {
  std::string id{};  ///< [a-z0-9-]{1,40}
  Name name{};
  Owner owner{};
  std::string zone{};       ///< a zone's id, or ""
  std::string community{};  ///< a community's id, or ""
  std::optional<Location> location{};
  std::vector<Stream> streams{};  ///< main first; main always there
  Recording recording{};
  bool audio = true;    ///< its sound is taken, too, where there is some
  bool motion = false;  ///< its pictures are searched for movement
  /// Its footage is shown so much later than its own times say, beside other cameras; -60…60 s. Negative for a camera
  /// whose pictures come late.
  std::chrono::milliseconds playback_offset{0};
  bool enabled = true;
  bool approximate = false;  ///< the position is a guess
  std::string notes{};       ///< at most 2000 characters
  UtcTime created_at{};
  UtcTime updated_at{};
  std::int64_t version = 0;  ///< grows with every change of any camera

  const Stream* stream(std::string_view role) const;
};

/// What a session connects to. Keep it out of logs.
struct StreamSource {
  std::string camera{};
  std::string role{};
  std::string url{};
  std::string username{};
  std::string password{};
  std::string transport = "auto";
  std::string certificate_sha256{};
  std::string client = "native";
  friend bool operator==(const StreamSource&, const StreamSource&) = default;
};

/// A stream in a change. The password may stand in the URL (`rtsp://user:pass@host/…`) or in its field; not given
/// (nullopt) it stays as it is while host and user stay the same.
struct StreamInput {
  std::string role{};
  std::string url{};
  std::optional<std::string> username{};
  std::optional<std::string> password{};
  std::optional<std::string> transport{};           ///< not given: as it is
  std::optional<std::string> certificate_sha256{};  ///< "": forget; not given: as it is while the host stays the same
  std::optional<std::string> client{};              ///< not given: as it is
};

/// A change: what is set is changed. For `create` the same, upon a camera of defaults.
struct CameraPatch {
  std::optional<std::string> id{};  ///< only for `create`; made from the name when missing
  std::optional<std::string> name_th{};
  std::optional<std::string> name_en{};
  std::optional<std::string> owner_kind{};  ///< "public" or "private"
  std::optional<std::string> owner_name{};
  std::optional<std::string> zone{};
  std::optional<std::string> community{};
  bool clear_location = false;
  std::optional<double> lat{};
  std::optional<double> lon{};
  std::optional<std::optional<double>> heading_deg{};  ///< set to nullopt: unknown again
  std::optional<std::optional<double>> fov_deg{};
  std::optional<std::optional<double>> range_m{};
  std::optional<std::vector<StreamInput>> streams{};  ///< replaces all
  std::optional<std::string> recording_mode{};        ///< "continuous" or "off"
  std::optional<std::int64_t> retention_days{};
  std::optional<std::int64_t> min_days{};
  std::optional<std::int64_t> copies{};
  std::optional<bool> audio{};
  std::optional<bool> motion{};
  std::optional<std::int64_t> playback_offset_ms{};
  std::optional<bool> enabled{};
  std::optional<bool> approximate{};
  std::optional<std::string> notes{};
};

std::string_view to_string(OwnerKind kind);
std::string_view to_string(RecordingMode mode);

}  // namespace ccoc::registry
