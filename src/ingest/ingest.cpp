#include "ccoc/ingest/ingest.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>

#include "ccoc/base/random.h"
#include "ccoc/ingest/stream_session.h"
#include "probe.h"

namespace ccoc::ingest {
namespace {

/// A stream as the manager keeps it. The session is made, used and destroyed on its reactor's thread only.
struct Stream {
  StreamConfig config;
  Reactor* reactor = nullptr;
  std::shared_ptr<StatusCell> cell = std::make_shared<StatusCell>();
  std::unique_ptr<StreamSession> session;
  std::string pinned;  ///< certificate as apply() was told last; under the Ingest's mutex
};

}  // namespace

struct Ingest::Impl {
  std::vector<Reactor*> reactors;
  IngestOptions options;
  SinkFactory make_sinks;
  SinkRetired retired;
  StateListener listener;

  mutable std::mutex mutex;
  std::map<std::string, std::vector<std::shared_ptr<Stream>>> cameras;
  /// A camera stays on one thread, so that the end of its old session is over before a new one begins.
  std::map<std::string, Reactor*> homes;
  std::size_t next_reactor = 0;
  bool stopped = false;

  void start_stream(const std::string& camera, StreamConfig config) {
    auto stream = std::make_shared<Stream>();
    stream->config = std::move(config);
    stream->pinned = stream->config.certificate;
    Reactor*& home = homes[camera];
    if (home == nullptr) home = reactors[next_reactor++ % reactors.size()];
    stream->reactor = home;
    StreamStatus status;
    status.camera = stream->config.camera;
    status.role = stream->config.role;
    status.state = stream->config.enabled ? StreamState::connecting : StreamState::disabled;
    status.since = stream->reactor->clock().utc_now();
    stream->cell->set(status);
    cameras[camera].push_back(stream);
    stream->reactor->post([this, stream] {
      const auto seed = static_cast<std::uint32_t>(std::hash<std::string>{}(stream->config.camera + "/" + stream->config.role));
      stream->session = std::make_unique<StreamSession>(*stream->reactor, stream->config, options, listener, stream->cell, seed);
      std::weak_ptr<Stream> weak = stream;
      stream->session->add_sinks(make_sinks(stream->config, *stream->reactor, [weak](bool prompt) {
        if (const auto held = weak.lock(); held && held->session) held->session->set_prompt(prompt);
      }));
      stream->session->start();
    });
  }

  ProbeResult probe_once(const StreamConfig& config, Duration limit);

  std::shared_ptr<Stream> find(const std::string& camera, const std::string& role) const {
    const std::lock_guard lock(mutex);
    const auto found = cameras.find(camera);
    if (found == cameras.end()) return nullptr;
    const auto at = std::ranges::find_if(found->second, [&](const auto& stream) { return stream->config.role == role; });
    return at == found->second.end() ? nullptr : *at;
  }

  void stop_stream(const std::shared_ptr<Stream>& stream) {
    stream->reactor->post([this, stream] {
      stream->session.reset();
      if (retired) retired(stream->config);
    });
  }
};

Ingest::Ingest(std::vector<Reactor*> reactors, IngestOptions options, SinkFactory make_sinks, SinkRetired retired, StateListener listener)
    : impl_(std::make_unique<Impl>()) {
  impl_->reactors = std::move(reactors);
  impl_->options = options;
  impl_->make_sinks = std::move(make_sinks);
  impl_->retired = std::move(retired);
  impl_->listener = std::move(listener);
}

Ingest::~Ingest() { stop(); }

void Ingest::apply(const std::string& camera, std::vector<StreamConfig> streams) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopped) return;
  auto& present = impl_->cameras[camera];
  std::vector<std::shared_ptr<Stream>> kept;
  for (auto& stream : present) {
    const auto same = std::find_if(streams.begin(), streams.end(), [&](const StreamConfig& wanted) {
      StreamConfig is = stream->config;
      is.certificate = stream->pinned;
      // That the certificate in use is now the pinned one is no reason to interrupt the stream.
      if (stream->pinned.empty() && stream->cell->get().certificate == wanted.certificate) is.certificate = wanted.certificate;
      return is == wanted;
    });
    if (same != streams.end()) {
      stream->pinned = same->certificate;
      streams.erase(same);
      kept.push_back(stream);
    } else {
      impl_->stop_stream(stream);
    }
  }
  present = std::move(kept);
  for (auto& config : streams) impl_->start_stream(camera, std::move(config));
  if (impl_->cameras[camera].empty()) impl_->cameras.erase(camera);
}

void Ingest::remove(const std::string& camera) { apply(camera, {}); }

void Ingest::stop() {
  std::vector<std::shared_ptr<Stream>> all;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    for (auto& [camera, streams] : impl_->cameras) all.insert(all.end(), streams.begin(), streams.end());
    impl_->cameras.clear();
  }
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t left = 0;
  };
  auto waiting = std::make_shared<Waiting>();
  for (const auto& stream : all) impl_->stop_stream(stream);
  // Behind everything that was posted before, the ends of streams taken away earlier included.
  waiting->left = impl_->reactors.size();
  for (auto* reactor : impl_->reactors) {
    reactor->post([waiting] {
      const std::lock_guard lock(waiting->mutex);
      if (--waiting->left == 0) waiting->changed.notify_all();
    });
  }
  std::unique_lock lock(waiting->mutex);
  waiting->changed.wait(lock, [&] { return waiting->left == 0; });
}

std::vector<StreamStatus> Ingest::statuses() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<StreamStatus> out;
  for (const auto& [camera, streams] : impl_->cameras) {
    for (const auto& stream : streams) out.push_back(stream->cell->get());
  }
  return out;
}

std::vector<StreamStatus> Ingest::statuses_of(const std::string& camera) const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<StreamStatus> out;
  if (const auto found = impl_->cameras.find(camera); found != impl_->cameras.end()) {
    for (const auto& stream : found->second) out.push_back(stream->cell->get());
  }
  return out;
}

Result<Push> Ingest::accept_push(const std::string& camera, const std::string& role, std::string offer) {
  const auto stream = impl_->find(camera, role);
  if (!stream) return fail(ErrorCode::not_found, "the camera has no such stream");
  auto answer = std::make_shared<std::promise<Result<std::string>>>();
  auto future = answer->get_future();
  const auto id = random_name();
  stream->reactor->post([stream, answer, id, offer = std::move(offer)]() mutable {
    if (!stream->session) return answer->set_value(fail(ErrorCode::unavailable, "the stream was stopped"));
    stream->session->take_offer(id, std::move(offer), [answer](Result<std::string> sdp) { answer->set_value(std::move(sdp)); });
  });
  auto sdp = future.get();
  if (!sdp) return std::unexpected(sdp.error());
  return Push{id, *std::move(sdp)};
}

Status Ingest::end_push(const std::string& camera, const std::string& id) {
  for (const char* role : {"main", "sub"}) {
    const auto stream = impl_->find(camera, role);
    if (!stream) continue;
    auto ended = std::make_shared<std::promise<bool>>();
    auto future = ended->get_future();
    stream->reactor->post([stream, ended, id] { ended->set_value(stream->session && stream->session->end_push(id)); });
    if (future.get()) return {};
  }
  return fail(ErrorCode::not_found, "nobody sends to this camera under that name");
}

ProbeResult Ingest::probe(const StreamConfig& config, Duration limit) {
  const bool rtsp = config.url.starts_with("rtsp://") || config.url.starts_with("rtsps://");
  if (!rtsp || config.client != "native" || impl_->options.bridge.empty()) {
    auto result = impl_->probe_once(config, limit);
    if (rtsp) result.client = config.client;
    return result;
  }
  const auto began = std::chrono::steady_clock::now();
  auto first = impl_->probe_once(config, limit * 6 / 10);
  first.client = "native";
  if (first.ok || !first.another_may_help) return first;
  auto other = config;
  other.client = "gstreamer";
  const auto passed = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
  auto second = impl_->probe_once(other, limit - passed);
  second.client = "gstreamer";
  return second.ok ? second : first;
}

ProbeResult Ingest::Impl::probe_once(const StreamConfig& config, Duration limit) {
  auto answer = std::make_shared<std::promise<ProbeResult>>();
  auto future = answer->get_future();
  Reactor* reactor = nullptr;
  {
    const std::lock_guard lock(mutex);
    reactor = reactors[next_reactor++ % reactors.size()];
  }
  auto probe = std::make_shared<std::unique_ptr<Probe>>();
  reactor->post([this, reactor, probe, answer, config, limit] {
    *probe =
        std::make_unique<Probe>(*reactor, config, options, limit, [answer](ProbeResult result) { answer->set_value(std::move(result)); });
    (*probe)->start();
  });
  auto result = future.get();
  reactor->post([probe] { probe->reset(); });
  return result;
}

}  // namespace ccoc::ingest
