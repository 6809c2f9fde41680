#include "ccoc/api/rtsp_door.h"

#include <arpa/inet.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <future>
#include <map>
#include <random>
#include <set>

#include "ccoc/base/asio_reactor.h"
#include "ccoc/base/log.h"
#include "ccoc/base/metrics.h"
#include "expected_sound.h"
#include "json.h"
#include "live_relay.h"
#include "recorded_feed.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;
using access::Right;

constexpr Duration tick_interval = std::chrono::seconds{1};
constexpr int ticks_between_checks = 10;  ///< of keys, rights and cameras

std::string address_text(const PeerAddress& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), peer.address.begin())) {
    ::inet_ntop(AF_INET, peer.address.data() + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, peer.address.data(), text, sizeof text);
  }
  return text;
}

/// What the address of a request says.
struct Asked {
  archive::StreamKey key;
  std::optional<UtcTime> from, to;
};

Result<Asked> parse_path(const rtsp::ShowRequest& request) {
  const auto unknown = [] { return fail(ErrorCode::not_found, "there is no such stream"); };
  Request target;
  if (!parse_target(request.path + (request.query.empty() ? "" : "?" + request.query), target)) return unknown();
  Asked out;
  const auto slash = target.path.find('/', 1);
  out.key.camera = target.path.substr(1, slash == std::string::npos ? slash : slash - 1);
  out.key.stream = slash == std::string::npos ? "main" : target.path.substr(slash + 1);
  if ((out.key.stream != "main" && out.key.stream != "sub") || !archive::validate(out.key)) return unknown();
  for (auto [name, into] : {std::pair{"from", &out.from}, std::pair{"to", &out.to}}) {
    const auto text = target.query.get(name);
    if (!text) continue;
    const auto time = parse_rfc3339(*text);
    if (!time) return fail(ErrorCode::invalid_argument, std::string(name) + " is no RFC 3339 time");
    *into = *time;
  }
  if (out.to && (!out.from || *out.to <= *out.from)) return fail(ErrorCode::invalid_argument, "to must be after from");
  return out;
}

/// Who was admitted to what.
struct Grant {
  archive::StreamKey key;
  access::Principal principal;
  std::string secret;  ///< KEYID.SECRET, asked again now and then
  std::string address;
  std::string title;
};

}  // namespace

class RtspDoor::Impl final : public rtsp::ShowHost {
 public:
  Impl(Services given, rtsp::ServerOptions given_options) : services(std::move(given)), options(std::move(given_options)) {}
  ~Impl() override { stop(); }

  Status start();
  void stop();
  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  const rtsp::ServerCounts& counts() const { return *counts_; }

  void open(const rtsp::ShowRequest& request, Opened opened) override;

  std::shared_ptr<LiveRelay> relay_of(const archive::StreamKey& key);
  void audit(const Grant& grant, std::string_view action, json::object details);
  /// Blocking work; false when there is too much of it already.
  bool ask(std::function<void()> work) { return pool && pool->submit(std::move(work)); }

  class DoorShow;

  Services services;
  const rtsp::ServerOptions options;
  std::unique_ptr<WorkQueue> pool = make_thread_pool("rtsp-ask", 1, 256);
  std::unique_ptr<AsioReactor> reactor = std::make_unique<AsioReactor>("ccoc-rtsp");
  std::set<DoorShow*> shows;  ///< reactor's thread, as all below

 private:
  Result<Grant> admit(const rtsp::ShowRequest& request, const Asked& asked);
  /// What the stream looked like at that time, or at its end.
  Result<media::Offer> recorded_offer(const archive::StreamKey& key, std::optional<UtcTime> from);
  void opened_live(const Grant& grant, const Opened& opened);
  void tick();
  void check_grants();
  void expose(metrics::Exposition& out) const;

  std::unique_ptr<rtsp::Server> server_;
  std::shared_ptr<const rtsp::ServerCounts> counts_;
  std::uint16_t port_ = 0, tls_port_ = 0;
  std::map<archive::StreamKey, std::weak_ptr<LiveRelay>> relays_;
  std::unique_ptr<Timer> timer_;
  int ticks_ = 0;
  bool stopped_ = false;
  metrics::Registry::Token collector_;
};

/// A stream of one viewer: live from the shared relay, or recorded with packets of its own.
class RtspDoor::Impl::DoorShow final : public rtsp::Show, private rtsp::RelayViewer {
 public:
  DoorShow(Impl& door, Grant grant, media::Offer offer, std::shared_ptr<LiveRelay> live, std::optional<UtcTime> from,
           std::optional<UtcTime> to)
      : door_(door),
        grant_(std::move(grant)),
        offer_(std::move(offer)),
        live_(std::move(live)),
        from_(from),
        to_(to),
        own_(door.reactor->clock(), rtsp::Relay::Timing::recorded, std::random_device{}()) {
    door_.shows.insert(this);
  }
  ~DoorShow() override {
    leave();
    door_.shows.erase(this);
  }

  const media::Offer& offer() const override { return offer_; }
  std::uint32_t ssrc(rtsp::TrackKind track) const override { return live_ && !from_ ? live_->relay().ssrc(track) : own_.ssrc(track); }

  void play(const rtsp::PlayRequest& request, rtsp::ShowListener& listener) override;
  void pause() override {
    if (feed_) {
      feed_->pause();
      own_.remove(*this);
    }
    if (on_live_) live_->relay().remove(*this);
    on_live_ = false;
    waits_ = false;
  }

  const Grant& grant() const { return grant_; }
  bool recorded() const { return feed_ != nullptr; }
  void revoke(const Error& reason) {
    if (listener_ != nullptr) listener_->on_revoked(reason);
  }

 private:
  void leave() {
    pause();
    if (feed_) feed_->stop();
    feed_.reset();
  }
  void play_live();
  void play_recorded(UtcTime from, std::optional<UtcTime> to, double scale);
  void on_recorded_unit(const media::AccessUnitPtr& unit);
  void on_recorded_end(const std::optional<Error>& error);
  void refuse(ErrorCode code, std::string message) { listener_->on_refused(Error{code, std::move(message), {}}); }

  // rtsp::RelayViewer
  void on_packets(rtsp::TrackKind track, const media::PacketBatchPtr& packets) override;
  void on_report(rtsp::TrackKind track, const SharedBytes& rtcp) override {
    if (!waits_ && listener_ != nullptr) listener_->on_report(track, rtcp);
  }

  Impl& door_;
  const Grant grant_;
  const media::Offer offer_;
  const std::shared_ptr<LiveRelay> live_;   ///< may be null
  const std::optional<UtcTime> from_, to_;  ///< of the address
  rtsp::Relay own_;
  rtsp::ShowListener* listener_ = nullptr;
  std::shared_ptr<RecordedFeed> feed_;
  bool on_live_ = false;
  bool waits_ = false;  ///< recorded: play() is answered with the first packets
  double scale_ = 1;
  std::optional<UtcTime> range_end_, first_, last_;
};

void RtspDoor::Impl::DoorShow::play(const rtsp::PlayRequest& request, rtsp::ShowListener& listener) {
  listener_ = &listener;
  double scale = request.scale.value_or(request.range ? 1.0 : scale_);
  const double size = std::clamp(std::abs(scale), playback::slowest_speed, playback::fastest_speed);
  scale = scale < 0 ? -size : size;
  const auto& range = request.range;
  if (!range && feed_ && scale != scale_)
    return play_recorded(last_.value_or(first_.value_or(from_.value_or(UtcTime{}))), range_end_, scale);
  if (!range && feed_) {  // goes on after a pause
    own_.add(*this);
    listener.on_started({rtsp::clock_range(first_.value_or(UtcTime{}), range_end_), scale_, {}, {}, true});
    return feed_->resume();
  }
  if (range && range->unit == rtsp::Range::Unit::clock) {
    // Backwards the range begins at its later end.
    if (range->to && (scale > 0 ? *range->to <= *range->from : *range->to >= *range->from)) {
      return refuse(ErrorCode::invalid_argument, "the range ends before it begins");
    }
    return play_recorded(*range->from, range->to, scale);
  }
  if (!from_) return play_live();
  auto from = *from_;
  auto to = to_;
  if (range && range->npt_from) from += *range->npt_from;
  if (range && range->npt_to) to = *from_ + *range->npt_to;
  if (scale < 0) to = *from_;
  if (scale > 0 && to && *to <= from) return refuse(ErrorCode::invalid_argument, "the range ends before it begins");
  play_recorded(from, to, scale);
}

void RtspDoor::Impl::DoorShow::play_live() {
  if (!grant_.principal.rights.has(Right::live_view)) return refuse(ErrorCode::permission_denied, "this needs the right live.view");
  if (!live_) return refuse(ErrorCode::unavailable, "the stream is not live");
  leave();
  scale_ = 1;
  auto& relay = live_->relay();
  listener_->on_started({"npt=now-", 1, relay.start_of(rtsp::TrackKind::video), relay.start_of(rtsp::TrackKind::audio), false});
  on_live_ = true;
  relay.add(*this);
  door_.audit(grant_, "live.watched", {{"stream", grant_.key.stream}, {"by", "rtsp"}});
}

void RtspDoor::Impl::DoorShow::play_recorded(UtcTime from, std::optional<UtcTime> to, double scale) {
  if (!grant_.principal.rights.has(Right::playback_view)) {
    return refuse(ErrorCode::permission_denied, "this needs the right playback.view");
  }
  leave();
  scale_ = scale;
  range_end_ = to;
  first_.reset();
  waits_ = true;
  own_.restart(scale);
  own_.add(*this);
  RecordedFeed::Sink sink{.on_unit = [this](const media::AccessUnitPtr& unit) { on_recorded_unit(unit); },
                          .on_audio =
                              [this](const media::AudioUnitPtr& unit) {
                                if (!waits_) own_.on_audio(unit);
                              },
                          .on_end = [this](const std::optional<Error>& error) { on_recorded_end(error); }};
  feed_ = std::make_shared<RecordedFeed>(door_.services, *door_.reactor,
                                         RecordedFeed::Wanted{grant_.key, from, to, scale, offer_.audio != nullptr && scale == 1},
                                         std::move(sink));
  feed_->start();
  door_.audit(grant_, "playback.opened", {{"stream", grant_.key.stream}, {"position", format_rfc3339(from)}, {"by", "rtsp"}});
}

void RtspDoor::Impl::DoorShow::on_recorded_unit(const media::AccessUnitPtr& unit) {
  if (offer_.video && unit->format->codec != offer_.video->codec) {
    return on_recorded_end(Error{ErrorCode::unsupported, "the codec changes in the middle of it", {}});
  }
  if (!first_) first_ = unit->capture_time;
  last_ = unit->capture_time;
  own_.on_unit(unit);
}

void RtspDoor::Impl::DoorShow::on_packets(rtsp::TrackKind track, const media::PacketBatchPtr& packets) {
  if (listener_ == nullptr) return;
  if (std::exchange(waits_, false)) {
    rtsp::PlayStart start{rtsp::clock_range(first_.value_or(UtcTime{}), range_end_), scale_, {}, {}, false};
    start.video = rtsp::TrackStart{packets->first_sequence, packets->timestamp};
    listener_->on_started(start);
  }
  listener_->on_packets(track, packets);
}

void RtspDoor::Impl::DoorShow::on_recorded_end(const std::optional<Error>& error) {
  const auto over = std::exchange(feed_, nullptr);
  if (over) over->stop();
  if (std::exchange(waits_, false)) {
    own_.remove(*this);
    return listener_->on_refused(error.value_or(Error{ErrorCode::not_found, "nothing was recorded in that range", {}}));
  }
  own_.end();
  own_.remove(*this);
  listener_->on_finished();
}

Result<Grant> RtspDoor::Impl::admit(const rtsp::ShowRequest& request, const Asked& asked) {
  Grant grant{asked.key, {}, request.credentials.user + "." + request.credentials.password, address_text(request.from), {}};
  auto principal = services.access.key(grant.secret);
  if (!principal) return std::unexpected(principal.error());
  grant.principal = std::move(*principal);
  const auto& rights = grant.principal.rights;
  const bool live = rights.has(Right::live_view), playback = rights.has(Right::playback_view);
  if (!(playback || (live && !asked.from))) {
    return fail(ErrorCode::permission_denied,
                "this needs the right " + std::string(access::to_string(asked.from ? Right::playback_view : Right::live_view)));
  }
  const auto camera = services.cameras.get(asked.key.camera);
  if (!camera) return std::unexpected(camera.error());
  if (camera->stream(asked.key.stream) == nullptr) return fail(ErrorCode::not_found, "there is no such stream");
  grant.title = camera->name.en.empty() ? camera->id : camera->name.en;
  return grant;
}

Result<media::Offer> RtspDoor::Impl::recorded_offer(const archive::StreamKey& key, std::optional<UtcTime> from) {
  auto& catalog = services.archive.catalog();
  auto segment = from ? catalog.at_or_after(key, *from) : catalog.before(key, services.clock.utc_now());
  if (!segment) return std::unexpected(segment.error());
  if (!*segment) return fail(ErrorCode::not_found, "nothing was recorded in that range");
  const auto reader = catalog.open(**segment);
  if (!reader) return std::unexpected(reader.error());
  const auto& header = (*reader)->header();
  if (header.formats.empty() || !rtsp::Relay::can_send(*header.formats.front())) {
    return fail(ErrorCode::unsupported, "only H.264 and H.265 are sent by RTSP");
  }
  media::Offer offer;
  offer.video = header.formats.front();
  if (!header.audio_formats.empty()) offer.audio = header.audio_formats.front();
  return offer;
}

void RtspDoor::Impl::open(const rtsp::ShowRequest& request, Opened opened) {
  auto parsed = parse_path(request);
  // Strangers are told nothing: the key is looked at first, whatever the path.
  const bool taken = ask([this, request, opened, parsed = std::move(parsed)] {
    if (!parsed) {
      const auto key = services.access.key(request.credentials.user + "." + request.credentials.password);
      reactor->post([opened, error = key ? parsed.error() : key.error()] { opened(std::unexpected(error)); });
      return;
    }
    auto grant = admit(request, *parsed);
    if (!grant) {
      reactor->post([opened, error = grant.error()] { opened(std::unexpected(error)); });
      return;
    }
    if (!parsed->from) {
      reactor->post([this, opened, grant = std::move(*grant)] { opened_live(grant, opened); });
      return;
    }
    auto offer = recorded_offer(parsed->key, parsed->from);
    reactor->post([this, opened, grant = std::move(*grant), asked = *parsed, offer = std::move(offer)] {
      if (!offer) return opened(std::unexpected(offer.error()));
      auto described = *offer;
      described.name = grant.title;
      char length[32];
      if (asked.to) {
        std::snprintf(length, sizeof length, "%.3f", std::chrono::duration<double>(*asked.to - *asked.from).count());
      }
      described.range = std::string("npt=0-") + (asked.to ? length : "");
      opened(std::make_unique<DoorShow>(*this, grant, std::move(described), nullptr, asked.from, asked.to));
    });
  });
  if (!taken) opened(fail(ErrorCode::unavailable, "too many at once"));
}

void RtspDoor::Impl::opened_live(const Grant& grant, const Opened& opened) {
  auto relay = relay_of(grant.key);
  relay->when_ready([this, grant, opened, relay](const std::optional<Error>& error) {
    if (!error) {
      media::Offer offer;
      offer.name = grant.title;
      offer.video = relay->relay().video();
      offer.framerate = offer.video->fps;
      offer.audio = relay->relay().audio();
      return opened(std::make_unique<DoorShow>(*this, grant, std::move(offer), relay, std::nullopt, std::nullopt));
    }
    // A camera that is away may still have footage.
    const bool may = grant.principal.rights.has(Right::playback_view) && error->code != ErrorCode::unsupported;
    const bool asked = may && ask([this, grant, opened, error = *error] {
                         auto offer = recorded_offer(grant.key, std::nullopt);
                         reactor->post([this, grant, opened, error, offer = std::move(offer)] {
                           if (!offer) return opened(std::unexpected(error));
                           auto described = *offer;
                           described.name = grant.title;
                           opened(std::make_unique<DoorShow>(*this, grant, std::move(described), nullptr, std::nullopt, std::nullopt));
                         });
                       });
    if (!asked) opened(std::unexpected(*error));
  });
}

std::shared_ptr<LiveRelay> RtspDoor::Impl::relay_of(const archive::StreamKey& key) {
  auto& known = relays_[key];
  if (auto relay = known.lock()) return relay;
  auto relay = std::make_shared<LiveRelay>(*reactor, services.live, key, expects_sound(services, key.camera, key.stream));
  known = relay;
  relay->start();
  return relay;
}

void RtspDoor::Impl::audit(const Grant& grant, std::string_view action, json::object details) {
  ask([this, actor = access::Actor{grant.principal.name, grant.address}, action = std::string(action), camera = grant.key.camera,
       details = std::move(details)] {
    const auto noted = services.access.audit(actor, action, camera, to_text(details));
    if (!noted) log::warn("api", "the audit trail did not take {}: {}", action, noted.error().message);
  });
}

void RtspDoor::Impl::tick() {
  for (auto entry = relays_.begin(); entry != relays_.end();) {
    if (const auto relay = entry->second.lock()) {
      relay->tick();
      ++entry;
    } else {
      entry = relays_.erase(entry);
    }
  }
  if (++ticks_ % ticks_between_checks == 0) check_grants();
  timer_ = reactor->call_after(tick_interval, [this] { tick(); });
}

/// Ends shows whose key, right or camera is gone. A database that is away is no reason.
void RtspDoor::Impl::check_grants() {
  struct Question {
    std::string secret;
    archive::StreamKey key;
    Right needed;
    bool operator<(const Question& other) const { return std::tie(secret, key, needed) < std::tie(other.secret, other.key, other.needed); }
  };
  const auto question_of = [](const DoorShow& show) {
    const bool live = !show.recorded() && show.grant().principal.rights.has(Right::live_view);
    return Question{show.grant().secret, show.grant().key, live ? Right::live_view : Right::playback_view};
  };
  std::set<Question> questions;
  for (const auto* show : shows) questions.insert(question_of(*show));
  if (questions.empty()) return;
  ask([this, questions, question_of] {
    std::set<Question> gone;
    for (const auto& question : questions) {
      const auto principal = services.access.key(question.secret);
      const bool may = principal ? principal->rights.has(question.needed) : principal.error().code != ErrorCode::unauthenticated;
      const auto camera = services.cameras.get(question.key.camera);
      const bool there = camera || camera.error().code != ErrorCode::not_found;
      if (!may || !there) gone.insert(question);
    }
    if (gone.empty()) return;
    reactor->post([this, gone, question_of] {
      for (auto* show : std::vector(shows.begin(), shows.end())) {
        if (gone.contains(question_of(*show))) show->revoke(Error{ErrorCode::permission_denied, "the right has ended", {}});
      }
    });
  });
}

void RtspDoor::Impl::expose(metrics::Exposition& out) const {
  const auto value = [](const std::atomic<std::uint64_t>& count) { return static_cast<double>(count.load()); };
  out.gauge("ccoc_rtsp_connections", "Open connections to the RTSP server", {}, value(counts_->connections));
  out.gauge("ccoc_rtsp_viewers", "Streams playing to viewers by RTSP", {}, value(counts_->viewers));
  out.counter("ccoc_rtsp_sent_bytes_total", "Media sent by RTSP", {}, value(counts_->bytes_sent));
  out.counter("ccoc_rtsp_skipped_units_total", "Units not sent by RTSP because the viewer was late", {}, value(counts_->units_skipped));
}

Status RtspDoor::Impl::start() {
  std::promise<Status> outcome;
  auto known = outcome.get_future();
  reactor->post([&] {
    auto server = rtsp::Server::start(*reactor, options, *this);
    if (server) {
      server_ = std::move(*server);
      port_ = server_->port();
      tls_port_ = server_->tls_port();
      counts_ = server_->counts();
      tick();
    }
    outcome.set_value(server ? Status{} : Status{std::unexpected(server.error())});
  });
  if (auto status = known.get(); !status) return status;
  collector_ = metrics::global().add_collector([this](metrics::Exposition& out) { expose(out); });
  return {};
}

void RtspDoor::Impl::stop() {
  if (std::exchange(stopped_, true)) return;
  collector_.reset();
  const auto on = [](Reactor& where, std::function<void()> task) {
    std::promise<void> done;
    where.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  };
  on(*reactor, [this] {
    timer_.reset();
    server_.reset();
    for (const auto& [key, known] : relays_) {
      if (const auto relay = known.lock()) relay->stop();
    }
  });
  pool.reset();  // what was asked posts its answers
  on(*reactor, [] {});
  // Players end on their reactor; what they still say is posted before this.
  on(services.playback_reactor, [] {});
  on(*reactor, [this] { relays_.clear(); });
}

RtspDoor::RtspDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RtspDoor::~RtspDoor() = default;
void RtspDoor::stop() { impl_->stop(); }

Result<std::unique_ptr<RtspDoor>> RtspDoor::start(Services services, const rtsp::ServerOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(services), options);
  if (auto started = impl->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<RtspDoor>(new RtspDoor(std::move(impl)));
}

std::uint16_t RtspDoor::port() const { return impl_->port(); }
std::uint16_t RtspDoor::tls_port() const { return impl_->tls_port(); }
const rtsp::ServerCounts& RtspDoor::counts() const { return impl_->counts(); }

}  // namespace ccoc::api
