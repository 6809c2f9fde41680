// The timeline by hours and days (tables timeline_hours, timeline_days): which hours a change of the index touches, and what
// they answer.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "ccoc/archive/segment_store.h"

namespace ccoc::db {
class Database;
class Transaction;
}  // namespace ccoc::db

namespace ccoc::archive {

/// Camera, stream, hour in seconds since 1970.
using TouchedHours = std::set<std::tuple<std::string, std::string, std::int64_t>>;

void touch(TouchedHours& hours, const StreamKey& key, UtcTime start, UtcTime end);
/// Their rows are made anew.
Status fill_timeline(db::Transaction& transaction, const TouchedHours& hours);

/// Footage and activity of cameras in a range, without gaps. The longer the range and the more the cameras, the coarser the
/// activity: levels of a second, a minute or five minutes.
Result<std::map<std::string, StoredTimeline>> read_timeline(db::Database& database, std::span<const std::string> cameras,
                                                            const std::string& stream, UtcTime from, UtcTime to, unsigned buckets);

}  // namespace ccoc::archive
