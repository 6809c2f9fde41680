#include "ccoc/hub/hub.h"

#include <map>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ccoc/access/access.h"
#include "ccoc/api/api.h"
#include "ccoc/api/rtsp_door.h"
#include "ccoc/archive/archive.h"
#include "ccoc/base/asio_reactor.h"
#include "ccoc/base/log.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/live/directory.h"
#include "ccoc/registry/clock_history.h"
#include "ccoc/registry/geography.h"
#include "ccoc/registry/motion_history.h"
#include "ccoc/registry/registry.h"
#include "ccoc/vision/motion_watch.h"
#include "ccoc/vision/picture_watch.h"
#include "ccoc/vision/snapshot.h"
#include "ccoc/vision/thumbnail_cache.h"
#include "ccoc/vision/transcoder.h"
#include "ccoc/webrtc/viewers.h"
#include "foundation.h"
#include "places.h"
#include "stream_plan.h"
#include "version.h"
#include "volumes.h"

namespace ccoc::hub {
namespace {

using std::chrono::seconds;

constexpr Duration housekeeping_interval = seconds{2};
constexpr Duration moving_interval = seconds{20};
constexpr Duration forecast_interval = std::chrono::minutes{5};
constexpr Duration retention_interval = seconds{20};
constexpr Duration outlived_interval = std::chrono::minutes{10};
constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;

/// Keeps the first administrator's password where only root or the hub's user can read it.
Status keep_initial_password(const std::filesystem::path& file, const std::string& password) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno_error(errno, file.string()));
  const std::string line = password + "\n";
  const auto written = ::write(fd, line.data(), line.size());
  const int problem = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size())) return std::unexpected(errno_error(problem, file.string()));
  return {};
}

}  // namespace

struct Hub::Impl {
  explicit Impl(Config settings, DataDirectory directory) : config(std::move(settings)), data(std::move(directory)) {}

  Config config;
  SystemClock clock;
  DataDirectory data;
  OpenDatabase database;
  std::unique_ptr<registry::CameraRegistry> cameras;
  std::unique_ptr<registry::Geography> geography;
  std::unique_ptr<registry::ClockHistory> clocks;
  std::unique_ptr<registry::MotionHistory> motion;
  std::unique_ptr<access::Access> access;
  std::unique_ptr<archive::Archive> archive;
  live::Directory channels;
  std::unique_ptr<vision::SnapshotService> snapshots;
  std::unique_ptr<vision::SnapshotService> thumbnailer;
  std::unique_ptr<vision::ThumbnailCache> thumbnails;
  std::unique_ptr<vision::Transcoder> transcoder;
  std::unique_ptr<vision::PictureWatch> watch;
  std::unique_ptr<vision::MotionWatch> motion_watch;
  std::vector<std::unique_ptr<AsioReactor>> reactors;
  std::unique_ptr<AsioReactor> playback_reactor;
  std::unique_ptr<WorkQueue> playback_pool;
  std::unique_ptr<ingest::Ingest> ingest;
  std::unique_ptr<webrtc::Viewers> viewers;
  api::EventFeed events;
  std::unique_ptr<api::Api> api;
  std::unique_ptr<api::RtspDoor> rtsp;

  std::mutex housekeeping_mutex;
  std::condition_variable housekeeping_wake;
  bool stopping = false;
  std::thread housekeeping;
  std::shared_ptr<std::atomic<bool>> moving_cancelled = std::make_shared<std::atomic<bool>>(false);
  std::thread mover;
  std::mutex forecast_mutex;
  std::optional<archive::Forecast> forecast;  ///< the last one
  std::map<archive::StreamKey, std::string> not_recorded;  ///< as last told; look_after()'s own
  std::string retention_problem;                           ///< likewise
  std::atomic<bool> stopped{false};

  Status start(const HubOptions& options);
  Status first_administrator(const std::string& wished);
  void drop_initial_password_once_changed();
  Status load_geography();
  Status start_ingest();
  std::optional<rtsp::ServerOptions::Tls> tls_of_rtsp();
  void start_rtsp(const api::Services& services);
  ingest::StreamSinks make_sinks(const ingest::StreamConfig& stream, Reactor& reactor, std::function<void(bool)> set_prompt);
  void apply(const registry::Camera& camera);
  void pin_certificates(log::Throttle& throttle);
  void note_clocks(log::Throttle& throttle);
  void watch_recordings();
  void watch_retention();
  Status start_vision();
  std::vector<std::string> watched_cameras(bool only_motion);
  vision::WatchedCamera show_to_watch(const std::string& id);
  void drop_what_outlived_footage();
  archive::RetentionPolicy retention_policy();
  archive::MovePolicy move_policy();
  void move_footage();
  void look_ahead(log::Throttle& throttle);
  void keep_house();
  void stop();
};

Status Hub::Impl::first_administrator(const std::string& wished) {
  const auto made = access->ensure_first_administrator(wished);
  if (!made) return std::unexpected(made.error());
  const auto file = data.path() / "initial-admin-password";
  if (*made) {
    if (const auto kept = keep_initial_password(file, **made); !kept) return kept;
    log::info("hub", "the first administrator is 'admin'; the password is in {} until it is changed", file.string());
    // Printed once, beside the log: whoever starts the hub by hand reads it here.
    std::printf("user: admin\npassword: %s\n", (*made)->c_str());
    std::fflush(stdout);
  }
  return {};
}

void Hub::Impl::drop_initial_password_once_changed() {
  const auto file = data.path() / "initial-admin-password";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  const auto admin = access->user_by_name("admin");
  if (admin && !admin->must_change_password) std::filesystem::remove(file, ignored);
}

Status Hub::Impl::load_geography() {
  geography = std::make_unique<registry::Geography>(*database.database);
  clocks = std::make_unique<registry::ClockHistory>(*database.database);
  motion = std::make_unique<registry::MotionHistory>(*database.database);
  if (const auto loaded = geography->load(); !loaded) return loaded;
  if (geography->empty() && !config.site.geography_dir.empty()) {
    if (const auto loaded = geography->load_folder(config.site.geography_dir); !loaded) return loaded;
  }
  return {};
}

ingest::StreamSinks Hub::Impl::make_sinks(const ingest::StreamConfig& stream, Reactor& reactor,
                                          std::function<void(bool)> set_prompt) {
  ingest::StreamSinks out;
  const auto& recorded = config.archive.recorded_streams;
  if (std::find(recorded.begin(), recorded.end(), stream.role) != recorded.end()) {
    auto recorder = archive->record({stream.camera, stream.role});
    if (recorder && !(stream.enabled && stream.record)) {
      // It writes nothing but the reason why there is nothing.
      (*recorder)->on_interrupted(media::GapCause::disabled,
                                  stream.enabled ? "recording is switched off" : "the camera is switched off");
    } else if (recorder) {
      out.sinks.push_back(std::shared_ptr<media::FrameSink>(std::move(*recorder)));
    } else {
      log::error("hub", "{}/{} is not recorded: {}", stream.camera, stream.role, recorder.error().message);
    }
  }
  auto channel = std::make_shared<live::Channel>(reactor, std::move(set_prompt));
  channels.add(stream.camera, stream.role, channel);
  out.sinks.push_back(std::move(channel));
  return out;
}

void Hub::Impl::apply(const registry::Camera& camera) {
  const auto sources = cameras->sources(camera.id);
  if (!sources) {
    log::error("hub", "{}: {}", camera.id, sources.error().message);
    return;
  }
  if (camera.motion) motion_watch->start();
  ingest->apply(camera.id, streams_of(camera, *sources, config.ingest));
}

Status Hub::Impl::start_ingest() {
  std::vector<Reactor*> all;
  for (std::int64_t i = 0; i < config.ingest.threads; ++i) {
    reactors.push_back(std::make_unique<AsioReactor>("ccoc-media-" + std::to_string(i)));
    all.push_back(reactors.back().get());
  }
  ingest::IngestOptions options;
  options.refuse_local = !config.ingest.allow_loopback;
  options.allow_basic_auth = config.ingest.allow_basic_auth;
  options.follow_redirects = config.ingest.follow_redirects;
  options.bridge = find_bridge();
  options.bridge_cache = (data.path() / "gstreamer-plugins.bin").string();
  options.files = config.ingest.files;
  options.no_frame_timeout = config.ingest.no_frame_timeout;
  options.backoff_min = config.ingest.backoff_min;
  options.backoff_max = config.ingest.backoff_max;
  ingest = std::make_unique<ingest::Ingest>(
      std::move(all), options,
      [this](const ingest::StreamConfig& stream, Reactor& reactor, std::function<void(bool)> set_prompt) {
        return make_sinks(stream, reactor, std::move(set_prompt));
      },
      [this](const ingest::StreamConfig& stream) { channels.remove(stream.camera, stream.role); },
      [this](const ingest::StreamStatus& status) {
        events.stream_state(status);
      });
  return {};
}

/// The hub works without it: cameras are recorded whoever has taken the port.
void Hub::Impl::start_rtsp(const api::Services& services) {
  rtsp::ServerOptions options;
  options.plain = !config.rtsp.listen.empty();
  if (!config.rtsp.tls_listen.empty()) options.tls = tls_of_rtsp();
  if (!options.plain && !options.tls) return;
  const auto address = options.plain ? parse_listen_address(config.rtsp.listen) : ListenAddress{};
  options.udp = config.rtsp.udp;
  options.max_connections = static_cast<std::size_t>(config.rtsp.max_connections);
  options.max_connections_per_address = std::max<std::size_t>(options.max_connections / 5, 16);
  if (address) {
    options.host = address->host;
    options.port = address->port;
  }
  auto started = address ? api::RtspDoor::start(services, options) : std::unexpected(address.error());
  if (!started) {
    log::error("hub", "no RTSP server: {} (rtsp.listen, rtsp.tls_listen)", started.error().message);
    return;
  }
  rtsp = std::move(*started);
  if (options.plain) log::info("hub", "RTSP at rtsp://{}", config.rtsp.listen);
  if (options.tls) {
    log::info("hub", "RTSP over TLS at rtsps://{}, certificate {} until {}", config.rtsp.tls_listen,
              options.tls->identity->fingerprint(), format_rfc3339(options.tls->identity->expires_at()));
  }
}

/// Nothing, and a line in the log, when there is no certificate to show: plain RTSP goes on.
std::optional<rtsp::ServerOptions::Tls> Hub::Impl::tls_of_rtsp() {
  const auto address = parse_listen_address(config.rtsp.tls_listen);
  if (!address) {
    log::error("hub", "no RTSP over TLS: {} (rtsp.tls_listen)", address.error().message);
    return std::nullopt;
  }
  Result<std::shared_ptr<const rtsp::TlsIdentity>> identity;
  if (!config.tls.certificate.empty() || !config.tls.key.empty()) {
    identity = rtsp::TlsIdentity::load(config.tls.certificate, config.tls.key);
  } else {
    char own[256] = "localhost";
    static_cast<void>(::gethostname(own, sizeof own - 1));
    std::vector<std::string> names{own, "localhost", "127.0.0.1", "::1"};
    if (std::ranges::find(names, address->host) == names.end() && address->host != "0.0.0.0" && address->host != "::") {
      names.push_back(address->host);
    }
    identity = rtsp::TlsIdentity::load_or_make((data.path() / "tls").string(), names, clock.utc_now());
  }
  if (!identity) {
    log::error("hub", "no RTSP over TLS: {} (tls.certificate, tls.key)", identity.error().message);
    return std::nullopt;
  }
  if ((*identity)->expires_at() <= clock.utc_now()) {
    log::warn("hub", "the certificate for RTSP over TLS has expired on {}", format_rfc3339((*identity)->expires_at()));
  }
  return rtsp::ServerOptions::Tls{address->host, address->port, std::move(*identity)};
}

Status Hub::Impl::start(const HubOptions& options) {
  auto opened = open_database(config, data, 8);
  if (!opened) return std::unexpected(opened.error());
  database = std::move(*opened);
  if (const auto noted = data.leave_note(database.url); !noted) return noted;

  auto secrets = open_secrets(data);
  if (!secrets) return std::unexpected(secrets.error());
  cameras = std::make_unique<registry::CameraRegistry>(*database.database, clock, std::move(*secrets), rules_of(config));
  if (const auto loaded = cameras->load(); !loaded) return loaded;
  if (const auto loaded = load_geography(); !loaded) return loaded;
  access = std::make_unique<access::Access>(*database.database, clock);
  if (const auto made = first_administrator(options.admin_password); !made) return made;

  auto volumes = open_volumes(config, data.path(), moving_cancelled);
  if (!volumes) return std::unexpected(volumes.error());
  auto made = archive::Archive::open(std::move(*volumes), *database.database, clock, archive_options(config));
  if (!made) return std::unexpected(made.error());
  archive = std::move(*made);
  const auto recovery = archive->recover();
  if (recovery.tails_cut > 0 || recovery.files_removed > 0) {
    log::warn("archive", "after an unclean end: {} of {} files cut back to their last whole fragment ({} bytes), {} empty ones removed",
              recovery.tails_cut, recovery.files_checked, recovery.bytes_cut, recovery.files_removed);
  }
  for (const auto& problem : recovery.problems) log::warn("archive", "{}", problem);
  archive->start();

  if (const auto started = start_vision(); !started) return started;
  playback_reactor = std::make_unique<AsioReactor>("ccoc-playback");
  playback_pool = make_thread_pool("ccoc-read", 2, 1024);
  if (const auto started = start_ingest(); !started) return started;

  webrtc::ViewerOptions viewing;
  viewing.bridge = find_bridge();
  viewing.bridge_cache = (data.path() / "gstreamer-plugins.bin").string();
  viewing.refuse_local = !config.ingest.allow_loopback;
  viewing.max_viewers = static_cast<std::size_t>(config.webrtc.max_viewers);
  viewers = std::make_unique<webrtc::Viewers>(*playback_reactor, *playback_pool, channels, std::move(viewing));

  const auto address = parse_listen_address(config.http.address);
  if (!address) return std::unexpected(address.error());
  api::Services services{
      .clock = clock,
      .access = *access,
      .cameras = *cameras,
      .geography = *geography,
      .clocks = *clocks,
      .motion = *motion,
      .database = *database.database,
      .archive = *archive,
      .ingest = *ingest,
      .live = channels,
      .viewers = *viewers,
      .events = events,
      .playback_reactor = *playback_reactor,
      .playback_pool = *playback_pool,
      .snapshot = [this](const media::AccessUnit& unit, unsigned max_width) { return snapshots->jpeg(unit, max_width); },
      .thumbnail = [this](const media::AccessUnit& unit, unsigned max_width) { return thumbnailer->jpeg(unit, max_width); },
      .thumbnails = thumbnails.get(),
      .forecast =
          [this] {
            const std::lock_guard lock(forecast_mutex);
            return forecast;
          },
      .picture = [this](const std::string& id) { return watch ? watch->status(id) : std::nullopt; },
      .transcoder = transcoder.get(),
      .site = config.site,
      .data_dir = data.path().string(),
      .footage_dir = (data.path() / "footage").string(),
      .web_root = find_web_root(config),
      .version = version,
      .openapi = {},
  };
  api::ServerOptions server_options;
  server_options.host = address->host;
  server_options.port = address->port;
  start_rtsp(services);
  auto served = api::Api::start(std::move(services), server_options);
  if (!served) return std::unexpected(served.error());
  api = std::move(*served);

  cameras->on_change([this](const registry::CameraChange& change) {
    if (change.kind == registry::CameraChange::Kind::removed) {
      ingest->remove(change.camera.id);
      events.camera_deleted(change.camera.id);
    } else {
      apply(change.camera);
      events.camera_changed(change.camera.id);
    }
  });
  const auto all = cameras->all();
  if (!all) return std::unexpected(all.error());
  for (const auto& camera : *all) apply(camera);
  if (watch) watch->start();
  housekeeping = std::thread([this] { keep_house(); });
  if (config.volumes.size() > 1 || (!config.volumes.empty() && !config.volumes.contains("main"))) {
    mover = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "ccoc-mover");
      move_footage();
    });
  }
  log::info("hub", "{} cameras; console and API at http://{}", all->size(), config.http.address);
  return {};
}

Status Hub::Impl::start_vision() {
  const auto worker = find_vision_worker();
  snapshots = std::make_unique<vision::SnapshotService>(worker);
  // Whoever sweeps over a timeline asks for many and waits for none for long.
  thumbnailer = std::make_unique<vision::SnapshotService>(
      vision::SnapshotOptions{.worker = worker, .timeout = seconds{3}, .max_waiting = 1, .quality = 70});
  auto disk = open_disk((data.path() / "thumbnails").string());
  if (!disk) return std::unexpected(disk.error().within("the folder of thumbnails"));
  thumbnails = std::make_unique<vision::ThumbnailCache>(std::shared_ptr<Disk>(std::move(*disk)),
                                                        static_cast<std::uint64_t>(config.vision.thumbnails_mib) << 20);
  transcoder = std::make_unique<vision::Transcoder>(
      vision::TranscoderOptions{.worker = worker, .max_sessions = static_cast<unsigned>(config.vision.transcodings)});
  motion_watch = std::make_unique<vision::MotionWatch>(
      vision::MotionWatchOptions{.worker = worker, .interval = config.vision.motion_interval}, clock,
      [this] { return watched_cameras(true); }, [this](const std::string& id) { return show_to_watch(id); },
      [this](const std::string& id, UtcTime at, const vision::MotionCells& cells) { motion->note(id, at, cells); });
  if (config.vision.look_interval == Duration{0}) return {};
  watch = std::make_unique<vision::PictureWatch>(
      vision::PictureWatchOptions{
          .worker = worker, .interval = config.vision.look_interval, .frozen_after = config.vision.frozen_after},
      clock, [this] { return watched_cameras(false); }, [this](const std::string& id) { return show_to_watch(id); },
      [this](const vision::PictureStatus& status) { events.picture_state(status); });
  return {};
}

std::vector<std::string> Hub::Impl::watched_cameras(bool only_motion) {
  std::vector<std::string> out;
  if (const auto all = cameras->all()) {
    for (const auto& camera : *all) {
      if (camera.enabled && (camera.motion || !only_motion)) out.push_back(camera.id);
    }
  }
  return out;
}

/// The small stream where it is running: it costs a tenth of the large one to decode.
vision::WatchedCamera Hub::Impl::show_to_watch(const std::string& id) {
  vision::WatchedCamera out{id, "main", nullptr};
  for (const auto& status : ingest->statuses_of(id)) {
    if (status.state != ingest::StreamState::live || (out.key && status.role != "sub")) continue;
    if (const auto channel = channels.find(id, status.role)) {
      if (auto key = channel->last_key()) out = {id, status.role, std::move(key)};
    }
  }
  return out;
}

/// No thumbnail, and no movement, outlives its footage by more than the time between two calls.
void Hub::Impl::drop_what_outlived_footage() {
  if (const auto moved = motion->cameras()) {
    for (const auto& camera : *moved) {
      const auto extent = archive->catalog().extent({camera, "main"});
      if (!extent) return;
      // Without footage it is kept as long as footage would be.
      const auto known = cameras->get(camera);
      const auto days = known ? known->recording.retention_days : static_cast<int>(config.archive.retention_days);
      const auto oldest = *extent ? (*extent)->from : clock.utc_now() - std::chrono::hours{24} * days;
      (void)motion->forget(camera, oldest);
    }
  }
  for (const auto& [stream, oldest] : thumbnails->oldest()) {
    const auto extent = archive->catalog().extent({stream.first, stream.second});
    if (!extent) return;
    if (!*extent || (*extent)->from > oldest)
      thumbnails->forget(stream.first, stream.second, *extent ? (*extent)->from : UtcTime::max());
  }
}

/// The certificate that a camera shows first is the only one from then on.
void Hub::Impl::pin_certificates(log::Throttle& throttle) {
  for (const auto& status : ingest->statuses()) {
    if (status.certificate.empty()) continue;
    if (const auto pinned = cameras->pin(status.camera, status.role, status.certificate); !pinned) {
      throttle.warn("hub", "pin", pinned.error().message, clock.now());
    }
  }
}

void Hub::Impl::note_clocks(log::Throttle& throttle) {
  const auto now = clock.utc_now();
  for (const auto& status : ingest->statuses()) {
    if (status.state != ingest::StreamState::live || !status.clock_offset_ms) continue;
    if (const auto noted = clocks->note(status.camera, status.role, {now, *status.clock_offset_ms}); !noted) {
      // The database is away: the rest would fail as well.
      return throttle.warn("hub", "clocks", noted.error().message, clock.now());
    }
  }
}

void Hub::Impl::watch_recordings() {
  archive->watch();
  std::map<archive::StreamKey, std::string> now;
  for (const auto& problem : archive->problems()) now[problem.key] = problem.reason;
  for (const auto& [key, reason] : now) {
    if (!not_recorded.contains(key)) events.recording_state(key.camera, key.stream, false, reason, clock.utc_now());
  }
  for (const auto& [key, reason] : not_recorded) {
    if (!now.contains(key)) events.recording_state(key.camera, key.stream, true, {}, clock.utc_now());
  }
  not_recorded = std::move(now);
}

void Hub::Impl::watch_retention() {
  const auto problem = archive->retention_problem();
  const auto reason = problem ? problem->reason : std::string();
  if (reason == retention_problem) return;
  if (problem) {
    log::error("archive", "{} (since {})", reason, format_rfc3339(problem->since));
  } else {
    log::info("archive", "retention runs again");
  }
  events.retention_state(reason, clock.utc_now());
  retention_problem = reason;
}

archive::MovePolicy Hub::Impl::move_policy() {
  archive::MovePolicy policy;
  for (const auto& [name, rule] : config.lifecycle) {
    policy.rules.push_back({rule.to, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(rule.after_days * 86400)),
                            [this, rule](const std::string& id) {
                              const auto holds = [](const std::vector<std::string>& list, const std::string& value) {
                                return list.empty() || std::ranges::find(list, value) != list.end();
                              };
                              if (!holds(rule.cameras, id)) return false;
                              if (rule.zones.empty()) return true;
                              const auto camera = cameras->get(id);
                              return camera && holds(rule.zones, camera->zone);
                            }});
  }
  policy.copies_of = [this](const std::string& id) {
    const auto camera = cameras->get(id);
    return static_cast<unsigned>(camera ? camera->recording.copies : 1);
  };
  policy.cancelled = [this] { return moving_cancelled->load(); };
  return policy;
}

void Hub::Impl::move_footage() {
  const auto policy = move_policy();
  log::Throttle throttle;
  Duration wait{0};  // first of all what an earlier process left half done
  std::unique_lock lock(housekeeping_mutex);
  while (!housekeeping_wake.wait_for(lock, wait, [this] { return stopping; })) {
    lock.unlock();
    const auto report = archive->move_footage(policy);
    wait = moving_interval;
    if (!report) {
      throttle.warn("archive", "moving", report.error().message, clock.now());
    } else {
      if (!report->problem.empty()) throttle.warn("archive", "moving", report->problem, clock.now());
      if (report->files_moved + report->files_copied > 0) {
        log::info("archive", "{} files moved, {} MiB; {} copied", report->files_moved, report->bytes_moved >> 20, report->files_copied);
      }
      if (report->more && report->problem.empty()) wait = Duration{0};
    }
    lock.lock();
  }
}

void Hub::Impl::look_ahead(log::Throttle& throttle) {
  auto made = archive->forecast(retention_policy(), move_policy());
  if (!made) return throttle.warn("archive", "forecast", made.error().message, clock.now());
  std::set<std::string> before;
  {
    const std::lock_guard lock(forecast_mutex);
    if (forecast) {
      for (const auto& camera : forecast->cameras) {
        if (camera.promise_at_risk) before.insert(camera.camera);
      }
    }
    forecast = *made;
  }
  for (const auto& camera : made->cameras) {
    if (camera.promise_at_risk == before.contains(camera.camera)) continue;
    events.promise_state(camera.camera, camera.promise_at_risk, camera.lasting_days, camera.promised_days, made->made_at);
    if (camera.promise_at_risk) {
      log::error("archive", "{}: at today's rate its footage lasts {:.1f} days; {:.0f} were promised", camera.camera,
                 camera.lasting_days, camera.promised_days);
    } else {
      log::info("archive", "{}: its footage will be kept as long as was promised", camera.camera);
    }
  }
}

archive::RetentionPolicy Hub::Impl::retention_policy() {
  archive::RetentionPolicy policy;
  policy.max_bytes = static_cast<std::uint64_t>(config.archive.quota_gib * bytes_per_gib);
  policy.days_of = [this](const std::string& id) {
    const auto camera = cameras->get(id);
    // Of a camera that is no longer registered the default applies.
    return static_cast<unsigned>(camera ? camera->recording.retention_days : config.archive.retention_days);
  };
  policy.promised_days_of = [this](const std::string& id) {
    const auto camera = cameras->get(id);
    return static_cast<unsigned>(camera ? camera->recording.min_days : 0);
  };
  return policy;
}

void Hub::Impl::keep_house() {
  const auto policy = retention_policy();
  log::Throttle throttle;
  MonoTime next_retention = clock.now();
  MonoTime next_outlived = clock.now();
  MonoTime next_forecast = clock.now() + forecast_interval / 5;
  std::unique_lock lock(housekeeping_mutex);
  while (!housekeeping_wake.wait_for(lock, housekeeping_interval, [this] { return stopping; })) {
    lock.unlock();
    if (const auto fresh = cameras->refresh(); !fresh) {
      throttle.warn("hub", "refresh", fresh.error().message, clock.now());
    }
    drop_initial_password_once_changed();
    pin_certificates(throttle);
    note_clocks(throttle);
    if (const auto scrubbed = archive->scrub(); !scrubbed) throttle.warn("archive", "scrub", scrubbed.error().message, clock.now());
    if (const auto kept = motion->flush(); !kept) throttle.warn("hub", "motion", kept.error().message, clock.now());
    if (clock.now() >= next_retention) {
      const auto report = archive->enforce_retention(policy);
      if (!report) throttle.warn("archive", "retention", report.error().message, clock.now());
      if (report && report->files_removed > 0) {
        log::info("archive", "retention removed {} files, {} MiB", report->files_removed, report->bytes_removed >> 20);
      }
      next_retention = clock.now() + (report && report->more ? Duration{0} : retention_interval);
      if (const auto tidy = access->tidy(); !tidy) throttle.warn("access", "tidy", tidy.error().message, clock.now());
      if (const auto tidy = clocks->tidy(clock.utc_now()); !tidy) throttle.warn("hub", "tidy", tidy.error().message, clock.now());
    }
    if (clock.now() >= next_forecast) {
      look_ahead(throttle);
      next_forecast = clock.now() + forecast_interval;
    }
    if (clock.now() >= next_outlived) {
      drop_what_outlived_footage();
      next_outlived = clock.now() + outlived_interval;
    }
    lock.lock();
  }
}

void Hub::Impl::stop() {
  if (stopped.exchange(true)) return;
  {
    const std::lock_guard lock(housekeeping_mutex);
    stopping = true;
  }
  moving_cancelled->store(true);
  housekeeping_wake.notify_all();
  if (cameras) cameras->on_change({});
  if (viewers) viewers->stop();
  if (watch) watch->end();
  if (motion_watch) motion_watch->end();
  if (api) api->stop();
  if (rtsp) rtsp->stop();
  if (ingest) ingest->stop();
  if (archive) archive->stop();
  if (housekeeping.joinable()) housekeeping.join();
  if (mover.joinable()) mover.join();
  api.reset();
  viewers.reset();
  ingest.reset();
  reactors.clear();
  rtsp.reset();
  playback_pool.reset();
  playback_reactor.reset();
  snapshots.reset();
  thumbnailer.reset();
  thumbnails.reset();
  watch.reset();
  motion_watch.reset();
  transcoder.reset();
  archive.reset();
  access.reset();
  geography.reset();
  clocks.reset();
  motion.reset();
  cameras.reset();
  database.database.reset();
  if (database.server) database.server->stop();
}

Result<std::unique_ptr<Hub>> Hub::start(const Config& config, const HubOptions& options) {
  auto data = DataDirectory::open(config.data.dir, true);
  if (!data) return std::unexpected(data.error());
  auto impl = std::make_unique<Impl>(config, std::move(*data));
  if (const auto started = impl->start(options); !started) {
    impl->stop();
    return std::unexpected(started.error());
  }
  return std::unique_ptr<Hub>(new Hub(std::move(impl)));
}

Hub::Hub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Hub::~Hub() { stop(); }

std::uint16_t Hub::http_port() const { return impl_->api ? impl_->api->port() : std::uint16_t{0}; }

void Hub::look_after() {
  impl_->watch_recordings();
  impl_->watch_retention();
}

void Hub::stop() { impl_->stop(); }

}  // namespace ccoc::hub
