// The timeline by hours (table timeline_hours): which hours a change of the index touches, and their rows read.
#pragma once

#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "ccoc/archive/segment_store.h"
#include "ccoc/db/row.h"

namespace ccoc::archive {

/// Camera, stream, hour in seconds since 1970.
using TouchedHours = std::set<std::tuple<std::string, std::string, std::int64_t>>;

void touch(TouchedHours& hours, const StreamKey& key, UtcTime start, UtcTime end);
/// As fill_timeline_hours() takes them.
std::string touched_json(const TouchedHours& hours);

/// A row of (camera, hour, spans as numbers between blanks, peaks): its spans that overlap [from, to), and, where `activity`
/// is wanted, its peaks.
void add_hour(const db::Row& row, UtcTime from, UtcTime to, std::vector<Span>& spans, ActivityBuckets* activity);

}  // namespace ccoc::archive
