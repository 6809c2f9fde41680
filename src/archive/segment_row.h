// A file of footage as the first columns of a row name it: volume, path, camera, stream, starts_at, ends_at, bytes, run.
#pragma once

#include "ccoc/archive/types.h"
#include "ccoc/db/row.h"

namespace ccoc::archive {

/// A closed one.
inline Segment read_closed_segment(const db::Row& row) {
  Segment segment;
  segment.volume = row.text(0);
  segment.path = row.text(1);
  segment.key = {row.text(2), row.text(3)};
  segment.start = row.utc(4);
  segment.end = row.utc(5);
  segment.bytes = static_cast<std::uint64_t>(row.i64(6));
  segment.run = static_cast<std::uint64_t>(row.i64(7));
  segment.open = false;
  return segment;
}

/// One that the next column, closed, tells of.
inline Segment read_segment(const db::Row& row) {
  auto segment = read_closed_segment(row);
  segment.open = !row.boolean(8);
  return segment;
}

}  // namespace ccoc::archive
