// Footage that retention must not take: a camera and a range of time, for a reason, until somebody releases it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::db {
class Database;
}

namespace ccoc::archive {

struct Hold {
  std::int64_t id = 0;
  std::string camera;
  UtcTime from;  ///< to the millisecond; whole files that reach into the range are kept
  UtcTime to;
  std::string reason;      ///< why: a case number, a request
  std::string created_by;  ///< user
  UtcTime created_at;
  std::optional<UtcTime> released_at;
  std::string released_by;
};

/// Thread-safe; calls block on the database, `unavailable` when it is away.
class Holds {
 public:
  /// `database` outlives it.
  explicit Holds(db::Database& database) : database_(database) {}

  /// `invalid_argument` with the field ("camera", "to", "reason") for what makes no sense. Footage that is gone already is not
  /// brought back.
  Result<Hold> place(const std::string& camera, UtcTime from, UtcTime to, const std::string& reason, const std::string& by, UtcTime now);
  /// Ends it: retention may take the footage at its next turn. `not_found`; `conflict` when it was released before.
  Result<Hold> release(std::int64_t id, const std::string& by, UtcTime now);
  /// Newest first; of one camera, or of all (empty). Released ones only when asked for.
  Result<std::vector<Hold>> list(const std::string& camera, bool released, std::size_t limit);

 private:
  db::Database& database_;
};

}  // namespace ccoc::archive
