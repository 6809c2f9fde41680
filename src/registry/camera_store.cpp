#include "camera_store.h"

namespace ccoc::registry {
namespace {

constexpr std::string_view select_cameras =
    "select id, name_th, name_en, owner_kind, owner_name, zone, community, lat, lon, heading_deg, fov_deg, range_m, "
    "recording_mode, retention_days, enabled, approximate, notes, created_at, updated_at, version, audio, motion, "
    "playback_offset_ms, min_days, copies from cameras";
constexpr std::string_view select_streams =
    "select camera_id, role, url, username, password_sealed, transport, certificate_sha256, client from camera_streams "
    "order by camera_id, role";
constexpr std::string_view select_versions = "select id, version from cameras";
constexpr std::string_view insert_camera =
    "insert into cameras (id, name_th, name_en, owner_kind, owner_name, zone, community, lat, lon, heading_deg, fov_deg, "
    "range_m, recording_mode, retention_days, enabled, approximate, notes, created_at, updated_at, audio, motion, "
    "playback_offset_ms, min_days, copies) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24) returning "
    "version";
constexpr std::string_view update_camera =
    "update cameras set name_th = $2, name_en = $3, owner_kind = $4, owner_name = $5, zone = $6, community = $7, lat = $8, "
    "lon = $9, heading_deg = $10, fov_deg = $11, range_m = $12, recording_mode = $13, retention_days = $14, enabled = $15, "
    "approximate = $16, notes = $17, created_at = $18, updated_at = $19, audio = $20, motion = $21, "
    "playback_offset_ms = $22, min_days = $23, copies = $24, version = nextval('camera_version') "
    "where id = $1 returning version";
constexpr std::string_view delete_streams = "delete from camera_streams where camera_id = $1";
constexpr std::string_view insert_stream =
    "insert into camera_streams (camera_id, role, url, username, password_sealed, transport, certificate_sha256, client) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8)";
constexpr std::string_view delete_one = "delete from cameras where id = $1";

Camera camera_of(const db::Row& row) {
  Camera camera;
  camera.id = row.text(0);
  camera.name = {row.text(1), row.text(2)};
  camera.owner = {row.text(3) == "private" ? OwnerKind::private_ : OwnerKind::public_, row.text(4)};
  camera.zone = row.text(5);
  camera.community = row.text(6);
  if (!row.is_null(7)) {
    camera.location = Location{row.f64(7), row.f64(8), row.maybe_f64(9), row.maybe_f64(10), row.maybe_f64(11)};
  }
  camera.recording = {row.text(12) == "off" ? RecordingMode::off : RecordingMode::continuous, static_cast<int>(row.i64(13)),
                      static_cast<int>(row.i64(23)), static_cast<int>(row.i64(24))};
  camera.enabled = row.boolean(14);
  camera.approximate = row.boolean(15);
  camera.notes = row.text(16);
  camera.created_at = row.utc(17);
  camera.updated_at = row.utc(18);
  camera.version = row.i64(19);
  camera.audio = row.boolean(20);
  camera.motion = row.boolean(21);
  camera.playback_offset = std::chrono::milliseconds{row.i64(22)};
  return camera;
}

}  // namespace

Result<std::map<std::string, StoredCamera, std::less<>>> read_cameras(db::Database& database, const SecretBox& secrets,
                                                                      std::vector<std::string>& problems) {
  std::map<std::string, StoredCamera, std::less<>> out;
  const auto cameras = database.query(select_cameras);
  if (!cameras) return std::unexpected(cameras.error());
  for (const auto& row : *cameras) {
    auto camera = camera_of(row);
    out[camera.id].camera = std::move(camera);
  }
  const auto streams = database.query(select_streams);
  if (!streams) return std::unexpected(streams.error());
  for (const auto& row : *streams) {
    const auto found = out.find(row.text(0));
    if (found == out.end()) continue;
    Stream stream{row.text(1), row.text(2), row.text(3), false, row.text(5), row.text(6), row.text(7)};
    if (const auto sealed = row.maybe_text(4)) {
      const auto password = secrets.unseal(*sealed);
      if (password) {
        found->second.passwords[stream.role] = *password;
        stream.has_password = true;
      } else {
        problems.push_back(found->first + "/" + stream.role + ": " + password.error().message + "; enter it again");
      }
    }
    found->second.camera.streams.push_back(std::move(stream));
  }
  return out;
}

Result<std::map<std::string, std::int64_t>> read_versions(db::Database& database) {
  const auto rows = database.query(select_versions);
  if (!rows) return std::unexpected(rows.error());
  std::map<std::string, std::int64_t> out;
  for (const auto& row : *rows) out[row.text(0)] = row.i64(1);
  return out;
}

Status write_camera(db::Transaction& transaction, const SecretBox& secrets, StoredCamera& stored, bool insert) {
  Camera& camera = stored.camera;
  const auto& place = camera.location;
  using Number = std::optional<double>;
  const db::Params params{camera.id,
                          camera.name.th,
                          camera.name.en,
                          to_string(camera.owner.kind),
                          camera.owner.name,
                          camera.zone,
                          camera.community,
                          place ? Number(place->lat) : Number(),
                          place ? Number(place->lon) : Number(),
                          place ? place->heading_deg : Number(),
                          place ? place->fov_deg : Number(),
                          place ? place->range_m : Number(),
                          to_string(camera.recording.mode),
                          camera.recording.retention_days,
                          camera.enabled,
                          camera.approximate,
                          camera.notes,
                          camera.created_at,
                          camera.updated_at,
                          camera.audio,
                          camera.motion,
                          camera.playback_offset.count(),
                          camera.recording.min_days,
                          camera.recording.copies};
  const auto rows = transaction.query(insert ? insert_camera : update_camera, params);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorCode::not_found, "there is no camera '" + camera.id + "'");
  camera.version = (*rows)[0].i64(0);
  if (const auto done = transaction.execute(delete_streams, {camera.id}); !done) return std::unexpected(done.error());
  for (const auto& stream : camera.streams) {
    std::optional<std::string> sealed;
    if (const auto password = stored.passwords.find(stream.role); password != stored.passwords.end()) {
      sealed = secrets.seal(password->second);
    }
    const auto done = transaction.execute(insert_stream, {camera.id, stream.role, stream.url, stream.username, sealed, stream.transport,
                                                          stream.certificate_sha256, stream.client});
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

Status delete_camera(db::Transaction& transaction, std::string_view id) {
  const auto done = transaction.execute(delete_one, {id});
  if (!done) return std::unexpected(done.error());
  if (*done == 0) return fail(ErrorCode::not_found, "there is no camera '" + std::string(id) + "'");
  return {};
}

}  // namespace ccoc::registry
