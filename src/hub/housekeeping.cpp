#include "housekeeping.h"

#include <pthread.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace ccoc::hub {
namespace {

using std::chrono::seconds;

constexpr Duration housekeeping_interval = seconds{2};
constexpr Duration moving_interval = seconds{20};
constexpr Duration forecast_interval = std::chrono::minutes{5};
constexpr Duration retention_interval = seconds{20};
constexpr Duration outlived_interval = std::chrono::minutes{10};
constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;

}  // namespace

Housekeeping::Housekeeping(Rooms rooms) : rooms_(std::move(rooms)) {}

Housekeeping::~Housekeeping() {
  end();
  join();
}

void Housekeeping::start() {
  keeper_ = std::thread([this] { keep_house(); });
  const auto& volumes = rooms_.config.volumes;
  if (volumes.size() <= 1 && (volumes.empty() || volumes.contains("main"))) return;
  mover_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "ccoc-mover");
    move_footage();
  });
}

void Housekeeping::end() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Housekeeping::join() {
  if (keeper_.joinable()) keeper_.join();
  if (mover_.joinable()) mover_.join();
}

std::optional<archive::Forecast> Housekeeping::forecast() const {
  const std::lock_guard lock(forecast_mutex_);
  return forecast_;
}

void Housekeeping::look_after() {
  watch_recordings();
  watch_retention();
}

void Housekeeping::drop_initial_password_once_changed() {
  const auto file = rooms_.data.path() / "initial-admin-password";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  const auto admin = rooms_.access.user_by_name("admin");
  if (admin && !admin->must_change_password) std::filesystem::remove(file, ignored);
}

/// No thumbnail, and no movement, outlives its footage by more than the time between two calls.
void Housekeeping::drop_what_outlived_footage() {
  if (const auto moved = rooms_.motion.cameras()) {
    for (const auto& camera : *moved) {
      const auto extent = rooms_.archive.catalog().extent({camera, "main"});
      if (!extent) return;
      // Without footage it is kept as long as footage would be.
      const auto known = rooms_.cameras.get(camera);
      const auto days = known ? known->recording.retention_days : static_cast<int>(rooms_.config.archive.retention_days);
      const auto oldest = *extent ? (*extent)->from : rooms_.clock.utc_now() - std::chrono::hours{24} * days;
      (void)rooms_.motion.forget(camera, oldest);
    }
  }
  for (const auto& [stream, oldest] : rooms_.thumbnails.oldest()) {
    const auto extent = rooms_.archive.catalog().extent({stream.first, stream.second});
    if (!extent) return;
    if (!*extent || (*extent)->from > oldest)
      rooms_.thumbnails.forget(stream.first, stream.second, *extent ? (*extent)->from : UtcTime::max());
  }
}

/// The certificate that a camera shows first is the only one from then on.
void Housekeeping::pin_certificates(log::Throttle& throttle) {
  for (const auto& status : rooms_.ingest.statuses()) {
    if (status.certificate.empty()) continue;
    if (const auto pinned = rooms_.cameras.pin(status.camera, status.role, status.certificate); !pinned) {
      throttle.warn("hub", "pin", pinned.error().message, rooms_.clock.now());
    }
  }
}

void Housekeeping::note_clocks(log::Throttle& throttle) {
  const auto now = rooms_.clock.utc_now();
  for (const auto& status : rooms_.ingest.statuses()) {
    if (status.state != ingest::StreamState::live || !status.clock_offset_ms) continue;
    if (const auto noted = rooms_.clocks.note(status.camera, status.role, {now, *status.clock_offset_ms}); !noted) {
      // The database is away: the rest would fail as well.
      return throttle.warn("hub", "clocks", noted.error().message, rooms_.clock.now());
    }
  }
}

void Housekeeping::watch_recordings() {
  rooms_.archive.watch();
  std::map<archive::StreamKey, std::string> now;
  for (const auto& problem : rooms_.archive.problems()) now[problem.key] = problem.reason;
  for (const auto& [key, reason] : now) {
    if (!not_recorded_.contains(key)) rooms_.events.recording_state(key.camera, key.stream, false, reason, rooms_.clock.utc_now());
  }
  for (const auto& [key, reason] : not_recorded_) {
    if (!now.contains(key)) rooms_.events.recording_state(key.camera, key.stream, true, {}, rooms_.clock.utc_now());
  }
  not_recorded_ = std::move(now);
}

void Housekeeping::watch_retention() {
  const auto problem = rooms_.archive.retention_problem();
  const auto reason = problem ? problem->reason : std::string();
  if (reason == retention_problem_) return;
  if (problem) {
    log::error("archive", "{} (since {})", reason, format_rfc3339(problem->since));
  } else {
    log::info("archive", "retention runs again");
  }
  rooms_.events.retention_state(reason, rooms_.clock.utc_now());
  retention_problem_ = reason;
}

archive::MovePolicy Housekeeping::move_policy() {
  archive::MovePolicy policy;
  for (const auto& [name, rule] : rooms_.config.lifecycle) {
    policy.rules.push_back({rule.to, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(rule.after_days * 86400)),
                            [this, rule](const std::string& id) {
                              const auto holds = [](const std::vector<std::string>& list, const std::string& value) {
                                return list.empty() || std::ranges::find(list, value) != list.end();
                              };
                              if (!holds(rule.cameras, id)) return false;
                              if (rule.zones.empty()) return true;
                              const auto camera = rooms_.cameras.get(id);
                              return camera && holds(rule.zones, camera->zone);
                            }});
  }
  policy.copies_of = [this](const std::string& id) {
    const auto camera = rooms_.cameras.get(id);
    return static_cast<unsigned>(camera ? camera->recording.copies : 1);
  };
  policy.cancelled = [this] { return rooms_.moving_cancelled->load(); };
  return policy;
}

void Housekeeping::move_footage() {
  const auto policy = move_policy();
  log::Throttle throttle;
  Duration wait{0};  // first of all what an earlier process left half done
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, wait, [this] { return stopping_; })) {
    lock.unlock();
    const auto report = rooms_.archive.move_footage(policy);
    wait = moving_interval;
    if (!report) {
      throttle.warn("archive", "moving", report.error().message, rooms_.clock.now());
    } else {
      if (!report->problem.empty()) throttle.warn("archive", "moving", report->problem, rooms_.clock.now());
      if (report->files_moved + report->files_copied + report->mended.size() > 0) {
        log::info("archive", "{} files moved, {} MiB; {} copied, {} mended", report->files_moved, report->bytes_moved >> 20,
                  report->files_copied, report->mended.size());
      }
      if (report->more && report->problem.empty()) wait = Duration{0};
    }
    lock.lock();
  }
}

void Housekeeping::look_ahead(log::Throttle& throttle) {
  auto made = rooms_.archive.forecast(retention_policy(), move_policy());
  if (!made) return throttle.warn("archive", "forecast", made.error().message, rooms_.clock.now());
  std::set<std::string> before;
  {
    const std::lock_guard lock(forecast_mutex_);
    if (forecast_) {
      for (const auto& camera : forecast_->cameras) {
        if (camera.promise_at_risk) before.insert(camera.camera);
      }
    }
    forecast_ = *made;
  }
  for (const auto& camera : made->cameras) {
    if (camera.promise_at_risk == before.contains(camera.camera)) continue;
    rooms_.events.promise_state(camera.camera, camera.promise_at_risk, camera.lasting_days, camera.promised_days, made->made_at);
    if (camera.promise_at_risk) {
      log::error("archive", "{}: at today's rate its footage lasts {:.1f} days; {:.0f} were promised", camera.camera, camera.lasting_days,
                 camera.promised_days);
    } else {
      log::info("archive", "{}: its footage will be kept as long as was promised", camera.camera);
    }
  }
}

archive::RetentionPolicy Housekeeping::retention_policy() {
  archive::RetentionPolicy policy;
  policy.max_bytes = static_cast<std::uint64_t>(rooms_.config.archive.quota_gib * bytes_per_gib);
  policy.days_of = [this](const std::string& id) {
    const auto camera = rooms_.cameras.get(id);
    // Of a camera that is no longer registered the default applies.
    return static_cast<unsigned>(camera ? camera->recording.retention_days : rooms_.config.archive.retention_days);
  };
  policy.promised_days_of = [this](const std::string& id) {
    const auto camera = rooms_.cameras.get(id);
    return static_cast<unsigned>(camera ? camera->recording.min_days : 0);
  };
  return policy;
}

void Housekeeping::keep_house() {
  const auto policy = retention_policy();
  log::Throttle throttle;
  MonoTime next_retention = rooms_.clock.now();
  MonoTime next_outlived = rooms_.clock.now();
  MonoTime next_forecast = rooms_.clock.now() + forecast_interval / 5;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, housekeeping_interval, [this] { return stopping_; })) {
    lock.unlock();
    if (const auto fresh = rooms_.cameras.refresh(); !fresh) {
      throttle.warn("hub", "refresh", fresh.error().message, rooms_.clock.now());
    }
    drop_initial_password_once_changed();
    pin_certificates(throttle);
    note_clocks(throttle);
    if (const auto scrubbed = rooms_.archive.scrub(); !scrubbed)
      throttle.warn("archive", "scrub", scrubbed.error().message, rooms_.clock.now());
    if (const auto kept = rooms_.motion.flush(); !kept) throttle.warn("hub", "motion", kept.error().message, rooms_.clock.now());
    if (rooms_.clock.now() >= next_retention) {
      const auto report = rooms_.archive.enforce_retention(policy);
      if (!report) throttle.warn("archive", "retention", report.error().message, rooms_.clock.now());
      if (report && report->files_removed > 0) {
        log::info("archive", "retention removed {} files, {} MiB", report->files_removed, report->bytes_removed >> 20);
      }
      next_retention = rooms_.clock.now() + (report && report->more ? Duration{0} : retention_interval);
      if (const auto tidy = rooms_.access.tidy(); !tidy) throttle.warn("access", "tidy", tidy.error().message, rooms_.clock.now());
      if (const auto tidy = rooms_.clocks.tidy(rooms_.clock.utc_now()); !tidy)
        throttle.warn("hub", "tidy", tidy.error().message, rooms_.clock.now());
    }
    if (rooms_.clock.now() >= next_forecast) {
      look_ahead(throttle);
      next_forecast = rooms_.clock.now() + forecast_interval;
    }
    if (rooms_.clock.now() >= next_outlived) {
      drop_what_outlived_footage();
      next_outlived = rooms_.clock.now() + outlived_interval;
    }
    lock.lock();
  }
}

}  // namespace ccoc::hub
