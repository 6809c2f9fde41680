// Used by reindex: every row of `segments` at once.
#pragma once

#include <span>

#include "ccoc/archive/types.h"

namespace ccoc::db {
class Database;
}

namespace ccoc::archive {

/// Deletes all rows and writes these, in one transaction.
Status replace_segments(db::Database& database, std::span<const Segment> segments);

}  // namespace ccoc::archive
