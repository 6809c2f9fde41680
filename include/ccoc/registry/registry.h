// The cameras. PostgreSQL holds them; a copy in memory answers all reads, so that the wall and the recorders
// go on while the database is away. Thread-safe; reads never block on the database, changes do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/db/database.h"
#include "ccoc/registry/camera.h"
#include "ccoc/registry/csv_import.h"
#include "ccoc/registry/rules.h"
#include "ccoc/registry/secret_box.h"

namespace ccoc::registry {

struct CameraFilter {
  std::string text{};  ///< found in id, names, owner or notes, without case
  std::string zone{};
  std::string community{};
  std::optional<OwnerKind> owner_kind{};
  std::optional<bool> enabled{};
  std::string cursor{};  ///< `CameraPage::next` of the page before
  int limit = 100;       ///< 1…500
};

struct CameraPage {
  std::vector<Camera> items{};  ///< sorted by id
  std::string next{};           ///< "" at the end
};

/// What happened to a camera.
struct CameraChange {
  enum class Kind { created, changed, removed };
  Kind kind = Kind::created;
  Camera camera{};                    ///< after; for `removed` as it was
  std::vector<std::string> fields{};  ///< `changed`: which ("zone", "location.lat", "streams", "streams.password", …)
};

class CameraRegistry {
 public:
  CameraRegistry(db::Database& database, const Clock& clock, SecretBox secrets, Rules rules);
  ~CameraRegistry();
  CameraRegistry(const CameraRegistry&) = delete;
  CameraRegistry& operator=(const CameraRegistry&) = delete;

  /// Reads all cameras into memory; before it, reads say `unavailable`.
  Status load();
  /// Notices what other programs changed (`ccoc cameras import` beside a running hub) and tells the listener;
  /// cheap, to be called every few seconds.
  Status refresh();

  Result<CameraPage> list(const CameraFilter& filter) const;
  Result<std::vector<Camera>> all() const;
  Result<Camera> get(std::string_view id) const;
  /// How to reach its streams, passwords included. For ingest and probe only.
  Result<std::vector<StreamSource>> sources(std::string_view id) const;

  /// Every wrong field is reported at once; `conflict` (field "id") when the id is taken.
  Checked<Camera> create(const CameraPatch& camera);
  Checked<Camera> update(std::string_view id, const CameraPatch& patch);
  Status remove(std::string_view id);
  /// Remembers the certificate a stream's camera showed, if none was known before; listeners are told.
  Status pin(std::string_view id, std::string_view role, std::string_view certificate_sha256);

  /// Takes a CSV file (docs in csv_import.h). Right rows are taken in one transaction, wrong ones reported;
  /// `dry_run` reports the same and changes nothing. An Error: the file as a whole cannot be read.
  Checked<ImportReport> import_csv(std::string_view csv, bool dry_run);

  /// Called after every committed change, on the thread that made it, outside all locks.
  void on_change(std::function<void(const CameraChange&)> listener);

  const Rules& rules() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::registry
