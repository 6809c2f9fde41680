// How long footage will last at today's rate, and whether what was promised of it can be kept. Pure functions over numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/time.h"

namespace ccoc::archive {

/// A camera's footage as the forecast sees it.
struct CameraFootage {
  std::string camera;
  double bytes_per_day = 0;
  std::optional<UtcTime> oldest;  ///< empty: there is none
  double max_days = 0;            ///< after which it goes; 0: never
  double promised_days = 0;       ///< 0: none
  double moves_after_days = 0;    ///< to a colder room; 0: it stays
  std::string moves_to;           ///< the room
};

/// Room of the volumes that are recorded to, and of a colder one or several on one file system.
struct Room {
  std::string volume;         ///< the first of it; empty: all that are recorded to, together
  double capacity_bytes = 0;  ///< for footage, what is there included; infinity: no limit
  double used_bytes = 0;
};

/// A volume, and what it can still take.
struct VolumeRoom {
  std::string volume;
  bool recorded = false;          ///< streams are written to it
  double used_bytes = 0;          ///< by footage
  double free_bytes = 0;          ///< beyond the least that is left free; infinity: no limit
  double quota_bytes = 0;         ///< of footage; infinity: none
  std::uint64_t file_system = 0;  ///< volumes with the same share what is free; 0: it shares with none
};

struct Rooms {
  Room recorded;
  std::vector<Room> colder;
  std::map<std::string, std::string> room_of;  ///< by volume, the name of its room; empty: it is recorded to
};

/// What is free on a file system counts once, however many volumes are on it. What shares one with a volume that is recorded to is of
/// the same room: footage that moves there makes no room.
Rooms join_rooms(const std::vector<VolumeRoom>& volumes);

struct CameraForecast {
  std::string camera;
  double bytes_per_day = 0;
  std::optional<UtcTime> oldest;
  double max_days = 0;
  double promised_days = 0;
  /// How old footage becomes before it goes, once the room is used up; infinity: it does not go.
  double lasting_days = 0;
  /// When the oldest goes; empty: not at today's rate.
  std::optional<UtcTime> oldest_goes_at;
  bool promise_at_risk = false;  ///< it goes before it may
};

struct Forecast {
  UtcTime made_at;
  double capacity_bytes = 0;  ///< of the volumes that are recorded to; infinity: no limit
  double used_bytes = 0;
  double bytes_per_day = 0;
  std::optional<UtcTime> full_at;  ///< when the oldest goes for want of room; empty: age comes first
  std::vector<CameraForecast> cameras;
};

/// `recorded`: the volumes that are recorded to; `colder`: those that footage is moved to. Retention's order is assumed: by age, then
/// what nothing was promised of, then the oldest.
Forecast make_forecast(UtcTime now, const std::vector<CameraFootage>& cameras, const Room& recorded, const std::vector<Room>& colder);

}  // namespace ccoc::archive
