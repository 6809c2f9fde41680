#include "ccoc/archive/forecast.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ccoc::archive {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
/// A promise is at risk when this much of a day is missing: rates are no exact science.
constexpr double tolerance_days = 0.05;

struct Flow {
  double rate = 0;   ///< bytes a day
  double least = 0;  ///< days that are kept before others
  double most = 0;   ///< days after which it goes anyway
};

double filled(const std::vector<Flow>& flows, double age) {
  double sum = 0;
  for (const auto& flow : flows) {
    const auto days = std::min(std::max(age, flow.least), flow.most);
    if (flow.rate > 0) sum += flow.rate * days;
  }
  return sum;
}

/// The age that footage reaches where `capacity` bytes hold it: infinity when age takes it before.
double reached_age(const std::vector<Flow>& flows, double capacity) {
  if (filled(flows, endless) <= capacity) return endless;
  double low = 0, high = 1;
  while (filled(flows, high) <= capacity) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (filled(flows, middle) <= capacity ? low : high) = middle;
  }
  return low;
}

UtcTime later(UtcTime t, double days) {
  constexpr double most = 365.0 * 500;
  return t + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(days, most) * 86400));
}

/// Of volumes that share what is free.
Room room_of(const std::vector<const VolumeRoom*>& volumes) {
  Room room{volumes.front()->volume, 0, 0};
  double free = endless, below_quota = 0;
  for (const auto* volume : volumes) {
    room.used_bytes += volume->used_bytes;
    room.capacity_bytes += std::min(volume->used_bytes, volume->quota_bytes);
    free = std::min(free, volume->free_bytes);
    below_quota += std::max(volume->quota_bytes - volume->used_bytes, 0.0);
  }
  room.capacity_bytes += std::min(std::max(free, 0.0), below_quota);
  return room;
}

}  // namespace

Rooms join_rooms(const std::vector<VolumeRoom>& volumes) {
  std::map<std::pair<std::uint64_t, std::string>, std::vector<const VolumeRoom*>> sharing;
  for (const auto& volume : volumes) {
    sharing[{volume.file_system, volume.file_system == 0 ? volume.volume : std::string{}}].push_back(&volume);
  }
  Rooms rooms;
  for (const auto& [place, together] : sharing) {
    const auto room = room_of(together);
    const bool recorded = std::ranges::any_of(together, &VolumeRoom::recorded);
    for (const auto* volume : together) rooms.room_of[volume->volume] = recorded ? std::string{} : room.volume;
    if (!recorded) {
      rooms.colder.push_back(room);
      continue;
    }
    rooms.recorded.capacity_bytes += room.capacity_bytes;
    rooms.recorded.used_bytes += room.used_bytes;
  }
  return rooms;
}

Forecast make_forecast(UtcTime now, const std::vector<CameraFootage>& cameras, const Room& recorded, const std::vector<Room>& colder) {
  Forecast forecast;
  forecast.made_at = now;
  forecast.capacity_bytes = recorded.capacity_bytes;
  forecast.used_bytes = recorded.used_bytes;
  const auto max_of = [](const CameraFootage& c) { return c.max_days > 0 ? c.max_days : endless; };
  const auto stays_of = [&](const CameraFootage& c) {
    return c.moves_after_days > 0 ? std::min(c.moves_after_days, max_of(c)) : max_of(c);
  };

  std::vector<Flow> flows;
  for (const auto& camera : cameras) {
    forecast.bytes_per_day += camera.bytes_per_day;
    const double stays = stays_of(camera);
    flows.push_back({camera.bytes_per_day, std::min(camera.promised_days, stays), stays});
  }
  // When not even the promises fit, the oldest goes first, whosever it is.
  const bool promises_fit = filled(flows, 0) <= recorded.capacity_bytes;
  if (!promises_fit) {
    for (auto& flow : flows) flow.least = 0;
  }
  const double age = reached_age(flows, recorded.capacity_bytes);
  const double left = std::max(0.0, recorded.capacity_bytes - recorded.used_bytes);
  if (age != endless && forecast.bytes_per_day > 0) forecast.full_at = later(now, left / forecast.bytes_per_day);

  std::vector<std::pair<std::string, double>> colder_ages;
  for (const auto& room : colder) {
    std::vector<Flow> moved;
    for (const auto& camera : cameras) {
      if (camera.moves_to == room.volume && max_of(camera) > stays_of(camera)) {
        moved.push_back({camera.bytes_per_day, 0, max_of(camera) - stays_of(camera)});
      }
    }
    colder_ages.emplace_back(room.volume, reached_age(moved, room.capacity_bytes));
  }

  for (std::size_t i = 0; i < cameras.size(); ++i) {
    const auto& camera = cameras[i];
    CameraForecast out{camera.camera, camera.bytes_per_day, camera.oldest, camera.max_days, camera.promised_days, 0, {}, false};
    const double here = std::min(std::max(age, flows[i].least), flows[i].most);
    out.lasting_days = here;
    const bool for_want_of_room = here < flows[i].most;
    if (!for_want_of_room && max_of(camera) > here) {
      const auto room = std::ranges::find(colder_ages, camera.moves_to, &std::pair<std::string, double>::first);
      const double there = room == colder_ages.end() ? endless : room->second;
      out.lasting_days = std::min(max_of(camera), here + there);
    }
    out.promise_at_risk = camera.bytes_per_day > 0 && out.lasting_days < camera.promised_days - tolerance_days;
    if (camera.oldest) {
      std::optional<UtcTime> goes;
      if (max_of(camera) != endless) goes = later(*camera.oldest, camera.max_days);
      if (for_want_of_room && forecast.full_at) {
        auto by_room = std::max(*forecast.full_at, now);
        if (promises_fit) by_room = std::max(by_room, later(*camera.oldest, camera.promised_days));
        goes = goes ? std::min(*goes, by_room) : by_room;
      }
      out.oldest_goes_at = goes;
    }
    forecast.cameras.push_back(std::move(out));
  }
  return forecast;
}

}  // namespace ccoc::archive
