#include "ccoc/registry/registry.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "camera_store.h"
#include "ccoc/base/log.h"

namespace ccoc::registry {
namespace {

using Cameras = std::map<std::string, StoredCamera, std::less<>>;

std::string folded(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool matches(const Camera& camera, const CameraFilter& filter, const std::string& text) {
  if (!filter.zone.empty() && camera.zone != filter.zone) return false;
  if (!filter.community.empty() && camera.community != filter.community) return false;
  if (filter.owner_kind && camera.owner.kind != *filter.owner_kind) return false;
  if (filter.enabled && camera.enabled != *filter.enabled) return false;
  if (text.empty()) return true;
  for (const auto* field : {&camera.id, &camera.name.th, &camera.name.en, &camera.owner.name, &camera.notes}) {
    if (folded(*field).find(text) != std::string::npos) return true;
  }
  return false;
}

Refusal refuse(Error error) { return {std::move(error), {}}; }

Refusal refuse_fields(std::vector<FieldError> fields) {
  Refusal out{Error{ErrorCode::invalid_argument, "the camera cannot be taken as it is", {}}, std::move(fields)};
  if (!out.fields.empty()) out.error.field = out.fields.front().field;
  return out;
}

}  // namespace

class CameraRegistry::Impl {
 public:
  Impl(db::Database& database, const Clock& clock, SecretBox secrets, Rules rules)
      : database_(database), clock_(clock), secrets_(std::move(secrets)), rules_(std::move(rules)) {}

  // Reads look at `cameras_` under `mutex_`; changes are made one at a time, under `changing_`.
  Status load();
  Status refresh();
  Checked<Camera> create(CameraPatch patch);
  Checked<Camera> update(std::string_view id, const CameraPatch& patch);
  Status pin(std::string_view id, std::string_view role, std::string_view certificate_sha256);
  Status remove(std::string_view id);
  Checked<ImportReport> import_csv(std::string_view csv, bool dry_run);

  template <class Look>
  auto look(Look look_at) const -> decltype(look_at(std::declval<const Cameras&>())) {
    const std::shared_lock lock(mutex_);
    if (!loaded_) return fail(ErrorCode::unavailable, "the registry of cameras is not loaded yet");
    return look_at(cameras_);
  }
  void add_listener(std::function<void(const CameraChange&)> listener) {
    const std::lock_guard lock(listeners_mutex_);
    listeners_.push_back(std::move(listener));
  }
  const Rules& rules() const { return rules_; }

 private:
  void tell(const std::vector<CameraChange>& changes) const {
    std::vector<std::function<void(const CameraChange&)>> listeners;
    {
      const std::lock_guard lock(listeners_mutex_);
      listeners = listeners_;
    }
    for (const auto& change : changes) {
      for (const auto& listener : listeners) listener(change);
    }
  }
  Cameras copy() const {
    const std::shared_lock lock(mutex_);
    return cameras_;
  }
  void keep(const std::vector<StoredCamera>& cameras) {
    const std::unique_lock lock(mutex_);
    for (const auto& camera : cameras) cameras_[camera.camera.id] = camera;
  }

  db::Database& database_;
  const Clock& clock_;
  const SecretBox secrets_;
  const Rules rules_;
  std::mutex changing_;
  mutable std::shared_mutex mutex_;
  bool loaded_ = false;
  Cameras cameras_;
  mutable std::mutex listeners_mutex_;
  std::vector<std::function<void(const CameraChange&)>> listeners_;
};

Status CameraRegistry::Impl::load() {
  const std::lock_guard changing(changing_);
  std::vector<std::string> problems;
  auto cameras = read_cameras(database_, secrets_, problems);
  if (!cameras) return std::unexpected(cameras.error());
  for (const auto& problem : problems) log::error("registry", "{}", problem);
  const std::unique_lock lock(mutex_);
  cameras_ = std::move(*cameras);
  loaded_ = true;
  return {};
}

Status CameraRegistry::Impl::refresh() {
  std::vector<CameraChange> changes;
  {
    const std::lock_guard changing(changing_);
    const auto versions = read_versions(database_);
    if (!versions) return std::unexpected(versions.error());
    const Cameras before = copy();
    const bool same = before.size() == versions->size() && std::ranges::all_of(before, [&](const auto& entry) {
                        const auto found = versions->find(entry.first);
                        return found != versions->end() && found->second == entry.second.camera.version;
                      });
    if (same) return {};
    std::vector<std::string> problems;
    auto now = read_cameras(database_, secrets_, problems);
    if (!now) return std::unexpected(now.error());
    for (const auto& [id, stored] : before) {
      if (!now->contains(id)) changes.push_back({CameraChange::Kind::removed, stored.camera, {}});
    }
    for (const auto& [id, stored] : *now) {
      const auto old = before.find(id);
      if (old == before.end()) {
        changes.push_back({CameraChange::Kind::created, stored.camera, {}});
      } else if (old->second.camera.version != stored.camera.version) {
        changes.push_back({CameraChange::Kind::changed, stored.camera, changed_fields(old->second, stored)});
      }
    }
    const std::unique_lock lock(mutex_);
    cameras_ = std::move(*now);
  }
  tell(changes);
  return {};
}

Checked<Camera> CameraRegistry::Impl::create(CameraPatch patch) {
  StoredCamera made;
  {
    const std::lock_guard changing(changing_);
    const Cameras known = copy();
    if (!patch.id) {
      const auto base = slug_of(patch.name_en.value_or("")).empty() ? std::string("camera") : slug_of(*patch.name_en);
      patch.id = base;
      for (int i = 2; known.contains(*patch.id); ++i) patch.id = base + "-" + std::to_string(i);
    }
    std::vector<FieldError> errors;
    made = apply_patch({}, patch, rules_, errors);
    if (!errors.empty()) return std::unexpected(refuse_fields(std::move(errors)));
    Error taken{ErrorCode::conflict, "there is a camera '" + made.camera.id + "' already", "id"};
    if (known.contains(made.camera.id)) return std::unexpected(refuse(std::move(taken)));
    made.camera.created_at = made.camera.updated_at = clock_.utc_now();
    const auto done = database_.transaction([&](db::Transaction& t) { return write_camera(t, secrets_, made, true); });
    if (!done) return std::unexpected(refuse(done.error().code == ErrorCode::conflict ? std::move(taken) : done.error()));
    keep({made});
  }
  tell({{CameraChange::Kind::created, made.camera, {}}});
  return made.camera;
}

Checked<Camera> CameraRegistry::Impl::update(std::string_view id, const CameraPatch& patch) {
  StoredCamera after;
  std::vector<std::string> fields;
  {
    const std::lock_guard changing(changing_);
    const Cameras known = copy();
    const auto found = known.find(id);
    if (found == known.end()) return std::unexpected(refuse({ErrorCode::not_found, "there is no camera '" + std::string(id) + "'", {}}));
    std::vector<FieldError> errors;
    if (patch.id && *patch.id != id) errors.push_back({"id", "a camera's id cannot change; its footage lies under it"});
    after = apply_patch(found->second, patch, rules_, errors);
    if (!errors.empty()) return std::unexpected(refuse_fields(std::move(errors)));
    fields = changed_fields(found->second, after);
    if (fields.empty()) return found->second.camera;
    after.camera.updated_at = clock_.utc_now();
    const auto done = database_.transaction([&](db::Transaction& t) { return write_camera(t, secrets_, after, false); });
    if (!done) return std::unexpected(refuse(done.error()));
    keep({after});
  }
  tell({{CameraChange::Kind::changed, after.camera, std::move(fields)}});
  return after.camera;
}

Status CameraRegistry::Impl::pin(std::string_view id, std::string_view role, std::string_view certificate_sha256) {
  StoredCamera after;
  {
    const std::lock_guard changing(changing_);
    {
      const std::shared_lock lock(mutex_);
      const auto found = cameras_.find(id);
      const auto* stream = found == cameras_.end() ? nullptr : found->second.camera.stream(role);
      if (stream == nullptr || !stream->certificate_sha256.empty()) return {};
      after = found->second;
    }
    std::ranges::find(after.camera.streams, role, &Stream::role)->certificate_sha256 = certificate_sha256;
    const auto done = database_.transaction([&](db::Transaction& t) { return write_camera(t, secrets_, after, false); });
    if (!done) return done;
    keep({after});
  }
  tell({{CameraChange::Kind::changed, after.camera, {"streams"}}});
  return {};
}

Status CameraRegistry::Impl::remove(std::string_view id) {
  Camera gone;
  {
    const std::lock_guard changing(changing_);
    const auto done = database_.transaction([&](db::Transaction& t) { return delete_camera(t, id); });
    if (!done) return done;
    const std::unique_lock lock(mutex_);
    if (const auto found = cameras_.find(id); found != cameras_.end()) {
      gone = found->second.camera;
      cameras_.erase(found);
    }
  }
  if (!gone.id.empty()) tell({{CameraChange::Kind::removed, gone, {}}});
  return {};
}

Checked<ImportReport> CameraRegistry::Impl::import_csv(std::string_view csv, bool dry_run) {
  auto rows = parse_camera_csv(csv);
  if (!rows) return std::unexpected(rows.error());
  ImportReport report;
  report.dry_run = dry_run;
  std::vector<CameraChange> changes;
  {
    const std::lock_guard changing(changing_);
    const Cameras known = copy();
    const auto now = clock_.utc_now();
    std::vector<std::pair<StoredCamera, bool>> to_write;  // and whether it is new
    for (auto& row : *rows) {
      ImportRow told;
      told.line = row.line;
      told.id = row.id;
      const auto found = known.find(row.id);
      const bool is_new = found == known.end();
      std::vector<FieldError> errors = std::move(row.errors);
      auto after = apply_patch(is_new ? StoredCamera{} : found->second, row.patch, rules_, errors);
      // A row without a readable main stream says so once.
      std::vector<FieldError> unique;
      for (auto& error : errors) {
        const bool known_error = std::ranges::find(unique, error) != unique.end() ||
                                 (error.field == "streams" && std::ranges::find(unique, "main_url", &FieldError::field) != unique.end());
        if (!known_error) unique.push_back(std::move(error));
      }
      if (!unique.empty()) {
        told.errors = std::move(unique);
        ++report.rejected;
      } else if (is_new) {
        told.result = RowResult::created;
        ++report.created;
        after.camera.created_at = after.camera.updated_at = now;
        to_write.emplace_back(std::move(after), true);
      } else if (told.fields = changed_fields(found->second, after); told.fields.empty()) {
        told.result = RowResult::unchanged;
        ++report.unchanged;
      } else {
        told.result = RowResult::changed;
        ++report.changed;
        after.camera.updated_at = now;
        to_write.emplace_back(std::move(after), false);
      }
      report.rows.push_back(std::move(told));
    }
    if (dry_run || to_write.empty()) return report;
    const auto done = database_.transaction([&](db::Transaction& t) -> Status {
      for (auto& [camera, is_new] : to_write) {
        if (auto written = write_camera(t, secrets_, camera, is_new); !written) {
          return std::unexpected(written.error().within(camera.camera.id));
        }
      }
      return {};
    });
    if (!done) return std::unexpected(refuse(done.error()));
    std::vector<StoredCamera> kept;
    for (auto& [camera, is_new] : to_write) {
      const auto old = known.find(camera.camera.id);
      changes.push_back({is_new ? CameraChange::Kind::created : CameraChange::Kind::changed, camera.camera,
                         is_new ? std::vector<std::string>{} : changed_fields(old->second, camera)});
      kept.push_back(std::move(camera));
    }
    keep(kept);
  }
  tell(changes);
  return report;
}

CameraRegistry::CameraRegistry(db::Database& database, const Clock& clock, SecretBox secrets, Rules rules)
    : impl_(std::make_unique<Impl>(database, clock, std::move(secrets), std::move(rules))) {}
CameraRegistry::~CameraRegistry() = default;

Status CameraRegistry::load() { return impl_->load(); }
Status CameraRegistry::refresh() { return impl_->refresh(); }

Result<CameraPage> CameraRegistry::list(const CameraFilter& filter) const {
  if (filter.limit < 1 || filter.limit > 500) return fail(ErrorCode::invalid_argument, "limit lies between 1 and 500", "limit");
  return impl_->look([&](const Cameras& cameras) -> Result<CameraPage> {
    CameraPage page;
    const auto text = folded(filter.text);
    for (auto it = filter.cursor.empty() ? cameras.begin() : cameras.upper_bound(filter.cursor); it != cameras.end(); ++it) {
      if (!matches(it->second.camera, filter, text)) continue;
      if (page.items.size() == static_cast<std::size_t>(filter.limit)) {
        page.next = page.items.back().id;
        break;
      }
      page.items.push_back(it->second.camera);
    }
    return page;
  });
}

Result<std::vector<Camera>> CameraRegistry::all() const {
  return impl_->look([](const Cameras& cameras) -> Result<std::vector<Camera>> {
    std::vector<Camera> out;
    for (const auto& [id, stored] : cameras) out.push_back(stored.camera);
    return out;
  });
}

Result<Camera> CameraRegistry::get(std::string_view id) const {
  return impl_->look([&](const Cameras& cameras) -> Result<Camera> {
    const auto found = cameras.find(id);
    if (found == cameras.end()) return fail(ErrorCode::not_found, "there is no camera '" + std::string(id.substr(0, 60)) + "'");
    return found->second.camera;
  });
}

Result<std::vector<StreamSource>> CameraRegistry::sources(std::string_view id) const {
  return impl_->look([&](const Cameras& cameras) -> Result<std::vector<StreamSource>> {
    const auto found = cameras.find(id);
    if (found == cameras.end()) return fail(ErrorCode::not_found, "there is no camera '" + std::string(id.substr(0, 60)) + "'");
    std::vector<StreamSource> out;
    for (const auto& stream : found->second.camera.streams) {
      const auto password = found->second.passwords.find(stream.role);
      out.push_back({found->first, stream.role, stream.url, stream.username,
                     password == found->second.passwords.end() ? std::string() : password->second, stream.transport,
                     stream.certificate_sha256, stream.client});
    }
    return out;
  });
}

Checked<Camera> CameraRegistry::create(const CameraPatch& camera) { return impl_->create(camera); }
Checked<Camera> CameraRegistry::update(std::string_view id, const CameraPatch& patch) { return impl_->update(id, patch); }
Status CameraRegistry::pin(std::string_view id, std::string_view role, std::string_view certificate_sha256) {
  return impl_->pin(id, role, certificate_sha256);
}
Status CameraRegistry::remove(std::string_view id) { return impl_->remove(id); }
Checked<ImportReport> CameraRegistry::import_csv(std::string_view csv, bool dry_run) { return impl_->import_csv(csv, dry_run); }
void CameraRegistry::on_change(std::function<void(const CameraChange&)> listener) {
  if (listener) impl_->add_listener(std::move(listener));
}
const Rules& CameraRegistry::rules() const { return impl_->rules(); }

}  // namespace ccoc::registry
