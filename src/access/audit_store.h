// The audit trail's rows: numbered without holes, each line's hash over its fields and the hash before it.
#pragma once

#include <vector>

#include "ccoc/access/model.h"
#include "ccoc/db/database.h"
#include "crypto.h"

namespace ccoc::access {

/// SHA-256 over the hash before and every field but `hash`, each with its length in front (so that no two lines write the
/// same bytes).
Hash audit_hash(const Hash& before, const AuditEntry& entry);

class AuditStore {
 public:
  explicit AuditStore(db::Database& database) : database_(database) {}

  /// Sets number and hash.
  Status append(AuditEntry entry);
  Result<std::vector<AuditEntry>> list(const AuditFilter& filter);
  Result<AuditCheck> check();

 private:
  db::Database& database_;
};

}  // namespace ccoc::access
