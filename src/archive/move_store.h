// The index as the mover needs it: files under way, and second copies. Thread-safe; calls block; `unavailable` when away.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ccoc/archive/segment_store.h"

namespace ccoc::archive {

struct Move {
  SegmentId from;
  std::string target;  ///< volume; that of `from`: a second copy is being made there
};

struct Copy {
  SegmentId of;
  SegmentId copy;
};

/// A file that is damaged, and another with the same content that may be whole.
struct Mendable {
  Segment damaged;
  Segment other;
  SegmentId first;  ///< which of them the index of footage names
};

class MoveStore {
 public:
  virtual ~MoveStore() = default;
  /// Held by retention from a file's removal until the index has forgotten it, and by whoever makes the same content anew from asking
  /// whether it is still known until that is found: what retention took does not come back.
  std::mutex keeping;

  virtual Status begin(const Move& move) = 0;
  virtual Status end(const Move& move) = 0;
  /// What was begun and has no end.
  virtual Result<std::vector<Move>> pending() = 0;

  /// Closed files of a camera from `since` on that have no copy, oldest first.
  virtual Result<std::vector<Segment>> uncopied(const std::string& camera, UtcTime since, std::size_t limit) = 0;
  /// Ends what was begun of it, too.
  virtual Status add(const Copy& copy) = 0;
  virtual Result<std::vector<Copy>> copies_of(std::span<const SegmentId> files) = 0;
  /// Files known to be damaged of which there is a second one.
  virtual Result<std::vector<Mendable>> mendable(std::size_t limit) = 0;
  /// Forgets the damage of a file: it was made anew.
  virtual Status mended(const SegmentId& file) = 0;
  /// Forgets the copies of these files.
  virtual Status remove_copies(std::span<const SegmentId> files) = 0;
};

/// `database` must outlive the store.
std::unique_ptr<MoveStore> make_sql_move_store(db::Database& database);

}  // namespace ccoc::archive
