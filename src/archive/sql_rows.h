// Used by reindex: every row of `segments` and `copies` at once.
#pragma once

#include <span>

#include "ccoc/archive/types.h"
#include "move_store.h"

namespace ccoc::archive {

/// Deletes all rows and writes these, in one transaction.
Status replace_index(db::Database& database, std::span<const Segment> segments, std::span<const Copy> copies);

}  // namespace ccoc::archive
