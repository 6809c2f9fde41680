// Cameras in PostgreSQL: the SQL of `cameras` and `camera_streams`. Private to the registry.
#pragma once

#include <map>

#include "apply_patch.h"
#include "ccoc/db/database.h"
#include "ccoc/registry/secret_box.h"

namespace ccoc::registry {

/// All cameras, passwords unsealed. A password that cannot be unsealed is left out and reported in `problems`.
Result<std::map<std::string, StoredCamera, std::less<>>> read_cameras(db::Database& database, const SecretBox& secrets,
                                                                      std::vector<std::string>& problems);
/// id → version, for noticing what others changed.
Result<std::map<std::string, std::int64_t>> read_versions(db::Database& database);

/// Inserts or replaces; sets `camera.camera.version`. `conflict` when `insert` and the id is taken.
Status write_camera(db::Transaction& transaction, const SecretBox& secrets, StoredCamera& camera, bool insert);
/// `not_found` when there is none.
Status delete_camera(db::Transaction& transaction, std::string_view id);

}  // namespace ccoc::registry
