#include "ccoc/api/problem.h"
#include "live_hls.h"

namespace ccoc::api {
namespace {

constexpr std::size_t most_streams = 16;
constexpr Duration tick_interval = std::chrono::seconds{1};
constexpr Duration idle_limit = std::chrono::seconds{30};
constexpr Duration viewer_memory = std::chrono::minutes{2};
constexpr std::size_t most_viewers = 4096;

Response refusal(ProblemKind kind, std::string detail, unsigned retry_after_s = 0) {
  auto problem = make_problem(kind, std::move(detail));
  problem.retry_after_s = retry_after_s;
  return problem_response(problem);
}

}  // namespace

LiveHlsStreams::LiveHlsStreams(Reactor& reactor, live::Directory& directory) : reactor_(reactor), directory_(directory) {}

void LiveHlsStreams::stop() {
  reactor_.post([self = shared_from_this()] {
    self->stopped_ = true;
    self->timer_.reset();
    for (const auto& [key, hls] : self->running_) hls->stop();
    self->running_.clear();
  });
}

void LiveHlsStreams::tick() {
  const auto now = reactor_.clock().now();
  std::erase_if(running_, [&](const auto& entry) {
    const bool idle = now - entry.second->last_asked() > idle_limit;
    if (idle)
      entry.second->stop();
    else
      entry.second->tick();
    return idle;
  });
  if (running_.empty()) {
    timer_.reset();
  } else {
    timer_ = reactor_.call_after(tick_interval, [this] { tick(); });
  }
}

void LiveHlsStreams::playlist(const archive::StreamKey& key, const LiveHls::Wanted& wanted, LiveHls::Done done) {
  reactor_.post([self = shared_from_this(), key, wanted, done = std::move(done)]() mutable {
    if (self->stopped_) return done(refusal(ProblemKind::unavailable, "the hub is stopping"));
    auto& hls = self->running_[key];
    if (!hls) {
      const bool live = self->directory_.find(key.camera, key.stream) != nullptr;
      if (!live || self->running_.size() > most_streams) {
        self->running_.erase(key);
        return done(live ? refusal(ProblemKind::unavailable, "too many streams are watched by HLS", 10)
                         : refusal(ProblemKind::not_found, "the stream is not switched on"));
      }
      hls = std::make_shared<LiveHls>(self->reactor_, self->directory_, key);
      hls->start();
      if (!self->timer_) self->timer_ = self->reactor_.call_after(tick_interval, [raw = self.get()] { raw->tick(); });
    }
    hls->playlist(wanted, std::move(done));
  });
}

void LiveHlsStreams::file(const archive::StreamKey& key, const std::string& name, LiveHls::Done done) {
  reactor_.post([self = shared_from_this(), key, name, done = std::move(done)]() mutable {
    const auto found = self->running_.find(key);
    if (found == self->running_.end()) return done(refusal(ProblemKind::not_found, "there is no such segment"));
    found->second->file(name, std::move(done));
  });
}

bool LiveHlsStreams::is_new_viewer(const std::string& viewer, MonoTime now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(viewers_, [&](const auto& entry) { return now - entry.second > viewer_memory; });
  if (viewers_.size() >= most_viewers) viewers_.clear();
  const bool fresh = !viewers_.contains(viewer);
  viewers_[viewer] = now;
  return fresh;
}

}  // namespace ccoc::api
