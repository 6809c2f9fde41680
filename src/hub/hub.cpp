#include "ccoc/hub/hub.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

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
#include "housekeeping.h"
#include "places.h"
#include "stream_plan.h"
#include "version.h"
#include "volumes.h"

namespace ccoc::hub {
namespace {

using std::chrono::seconds;

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

  std::shared_ptr<std::atomic<bool>> moving_cancelled = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Housekeeping> housekeeping;
  std::atomic<bool> stopped{false};

  Status start(const HubOptions& options);
  Status first_administrator(const std::string& wished);
  Status load_geography();
  Status start_ingest();
  std::optional<rtsp::ServerOptions::Tls> tls_of_rtsp();
  void start_rtsp(const api::Services& services);
  ingest::StreamSinks make_sinks(const ingest::StreamConfig& stream, Reactor& reactor, std::function<void(bool)> set_prompt);
  void apply(const registry::Camera& camera);
  Status start_vision();
  std::vector<std::string> watched_cameras(bool only_motion);
  vision::WatchedCamera show_to_watch(const std::string& id);
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

ingest::StreamSinks Hub::Impl::make_sinks(const ingest::StreamConfig& stream, Reactor& reactor, std::function<void(bool)> set_prompt) {
  ingest::StreamSinks out;
  const auto& recorded = config.archive.recorded_streams;
  if (std::find(recorded.begin(), recorded.end(), stream.role) != recorded.end()) {
    auto recorder = archive->record({stream.camera, stream.role});
    if (recorder && !(stream.enabled && stream.record)) {
      // It writes nothing but the reason why there is nothing.
      (*recorder)->on_interrupted(media::GapCause::disabled, stream.enabled ? "recording is switched off" : "the camera is switched off");
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
      [this](const ingest::StreamStatus& status) { events.stream_state(status); });
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
    log::info("hub", "RTSP over TLS at rtsps://{}, certificate {} until {}", config.rtsp.tls_listen, options.tls->identity->fingerprint(),
              format_rfc3339(options.tls->identity->expires_at()));
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
  viewers = std::make_unique<webrtc::Viewers>(*playback_reactor, *playback_pool, channels, *transcoder, std::move(viewing));

  housekeeping = std::make_unique<Housekeeping>(Housekeeping::Rooms{
      .config = config,
      .data = data,
      .clock = clock,
      .cameras = *cameras,
      .clocks = *clocks,
      .motion = *motion,
      .access = *access,
      .archive = *archive,
      .ingest = *ingest,
      .thumbnails = *thumbnails,
      .events = events,
      .moving_cancelled = moving_cancelled,
  });

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
      .forecast = [this] { return housekeeping->forecast(); },
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
  housekeeping->start();
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
      vision::PictureWatchOptions{.worker = worker, .interval = config.vision.look_interval, .frozen_after = config.vision.frozen_after},
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

void Hub::Impl::stop() {
  if (stopped.exchange(true)) return;
  moving_cancelled->store(true);
  if (housekeeping) housekeeping->end();
  if (cameras) cameras->on_change({});
  if (viewers) viewers->stop();
  if (watch) watch->end();
  if (motion_watch) motion_watch->end();
  if (api) api->stop();
  if (rtsp) rtsp->stop();
  if (ingest) ingest->stop();
  if (archive) archive->stop();
  if (housekeeping) housekeeping->join();
  api.reset();
  viewers.reset();
  ingest.reset();
  reactors.clear();
  rtsp.reset();
  housekeeping.reset();
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

void Hub::look_after() { impl_->housekeeping->look_after(); }

void Hub::stop() { impl_->stop(); }

}  // namespace ccoc::hub
