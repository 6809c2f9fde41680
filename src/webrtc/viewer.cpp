#include "viewer.h"

#include <atomic>
#include <utility>

#include "ccoc/base/log.h"
#include "ccoc/media/nal.h"

namespace ccoc::webrtc {
namespace {

using std::chrono::seconds;
namespace bridge = ingest::bridge;

constexpr Duration answers_within = seconds{10};
constexpr Duration tick_interval = seconds{1};
/// What may wait for a viewer's bridge; beyond the first he is skipped to the next key frame.
constexpr std::size_t enough_queued = 4 * 1024 * 1024;
constexpr std::size_t most_queued = 24 * 1024 * 1024;  ///< and one picture of the largest size
/// Between the stream's thread and the viewer's: a cached GOP, and more than ever comes at once.
constexpr int most_posted = 1500;

}  // namespace

/// Hands units from the stream's media thread to the viewer's reactor.
class Viewer::Feed final : public live::Subscriber {
 public:
  Feed(std::weak_ptr<Viewer> viewer, Reactor& reactor) : viewer_(std::move(viewer)), reactor_(reactor) {}

  void on_unit(const live::LiveUnitPtr& unit) override {
    hand_over([unit](Viewer& viewer) { viewer.show(unit); });
  }
  void on_audio(const media::AudioUnitPtr& unit) override {
    hand_over([unit](Viewer& viewer) { viewer.hear(*unit); });
  }
  void on_interrupted(media::GapCause, std::string_view) override {}
  void stop() { stopped_.store(true, std::memory_order_release); }

 private:
  template <class What>
  void hand_over(What what) {
    if (stopped_.load(std::memory_order_acquire) || posted_->load() >= most_posted) return;
    ++*posted_;
    reactor_.post([viewer = viewer_, posted = posted_, what = std::move(what)] {
      --*posted;
      if (const auto held = viewer.lock()) what(*held);
    });
  }

  const std::weak_ptr<Viewer> viewer_;
  Reactor& reactor_;
  const std::shared_ptr<std::atomic<int>> posted_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> stopped_ = false;
};

Viewer::Viewer(Reactor& reactor, const live::Directory& channels, vision::Transcoder& transcoder, Place place,
               std::function<void(const std::string&)> ended)
    : reactor_(reactor), channels_(channels), transcoder_(transcoder), place_(std::move(place)), ended_(std::move(ended)) {}

Viewer::~Viewer() { stop(); }

void Viewer::start(const ViewerOptions& options, const Wanted& wanted, Answered answered) {
  answered_ = std::move(answered);
  if (wanted.convert) {
    if (auto opened = open_conversion(); !opened) return answer(std::unexpected(opened.error()));
  }
  bridge::Start order;
  order.url = "whep:";
  order.offer = wanted.offer;
  order.profile = wanted.profile;
  if (wanted.sound) {
    order.sound = true;
    order.sound_codec = wanted.sound->codec;
    order.sound_rate = wanted.sound->sample_rate;
    order.sound_channels = wanted.sound->channels;
  }
  order.refuse_local = options.refuse_local;
  auto started = ingest::BridgeProcess::start(reactor_, options.bridge, options.bridge_cache, order, *this);
  if (!started) return answer(std::unexpected(started.error()));
  process_ = *std::move(started);
  process_->connection().set_queue_limit(most_queued);
  limit_ = reactor_.call_after(answers_within, [this] {
    answer(fail(ErrorCode::timeout, "ccoc-bridge did not answer the viewer in time"));
    end("no answer was made in time");
  });
}

void Viewer::stop() {
  ended_ = nullptr;
  leave();
  limit_.reset();
  tick_.reset();
  process_.reset();
  answer(fail(ErrorCode::unavailable, "the hub stops"));
}

void Viewer::answer(Result<std::string> with) {
  limit_.reset();
  if (const auto answered = std::exchange(answered_, nullptr)) answered(std::move(with));
}

void Viewer::end(const std::string& why) {
  const auto ended = std::exchange(ended_, nullptr);
  const auto self = shared_from_this();  // who hears of the end lets go of this
  stop();
  if (ended) ended(why);
}

void Viewer::on_bytes(ByteView bytes) {
  const auto self = shared_from_this();
  reader_.feed(bytes);
  while (process_) {
    const auto message = reader_.next();
    if (!message) return end(message.error().message);
    if (!message->has_value()) return;
    std::visit([this](const auto& m) { take(m); }, **message);
  }
}

void Viewer::on_closed(const Error& reason) {
  answer(fail(ErrorCode::unavailable, "ccoc-bridge ended unexpectedly"));
  end(reason.message);
}

void Viewer::take(const bridge::Answer& message) {
  hears_ = message.sound;
  answer(message.sdp);
}

void Viewer::take(const bridge::SetUp&) {
  if (std::exchange(set_up_, true)) return;
  watch();
  tick_ = reactor_.call_after(tick_interval, [this] { tick(); });
}

void Viewer::take(const bridge::Ended& message) {
  const bool his_fault = message.cause == media::GapCause::camera;
  answer(fail(his_fault ? ErrorCode::invalid_argument : ErrorCode::unavailable, message.reason));
  end(message.reason);
}

void Viewer::take(const bridge::Silent& message) {
  hears_ = false;
  if (!std::exchange(was_silenced_, true))
    log::warn("webrtc", "{}/{}: a viewer hears nothing: {}", place_.camera, place_.stream, message.why);
}

void Viewer::watch() {
  channel_ = channels_.find(place_.camera, place_.stream);
  if (!channel_) return;
  came_at_ = reactor_.clock().utc_now();
  times_.begin(came_at_);
  needs_key_ = true;
  feed_ = std::make_shared<Feed>(weak_from_this(), reactor_);
  channel_->subscribe(feed_);
}

void Viewer::leave() {
  if (!feed_) return;
  feed_->stop();
  conversion_.reset();
  channel_->unsubscribe(std::exchange(feed_, nullptr));
  channel_.reset();
}

/// A camera that was changed has another channel.
void Viewer::tick() {
  tick_ = reactor_.call_after(tick_interval, [this] { tick(); });
  if (channels_.find(place_.camera, place_.stream) == channel_) return;
  leave();
  watch();
}

void Viewer::show(const live::LiveUnitPtr& unit) {
  if (!process_ || !feed_) return;
  const auto& picture = unit->unit();
  if (goes_as_it_is(*picture.format)) {
    conversion_.reset();
    return send(picture, *unit->annexb());
  }
  if (auto opened = open_conversion(); !opened) return end(opened.error().message);
  // Of what was cached before he came only the last is shown: the others are decoded for it.
  conversion_->push(unit->pointer(), 0, picture.capture_time < came_at_);
}

void Viewer::hear(const media::AudioUnit& sound) {
  if (!process_ || !feed_ || !hears_ || process_->connection().unsent() > enough_queued) return;
  const auto due = times_.at(sound.capture_time);
  if (!due) return;
  const auto placed = sound_times_.of(sound, *due);
  if (!placed) return;
  bridge::Sound message;
  message.codec = sound.format->codec;
  message.sample_rate = sound.format->sample_rate;
  message.channels = sound.format->channels;
  message.time = placed->time;
  message.duration = static_cast<std::uint32_t>(sound.duration * message.sample_rate / video_timescale);
  message.after_loss = placed->after_a_hole;
  message.config = sound.format->config;
  message.data = *sound.data;
  if (!bridge::is_sensible(message)) return;
  process_->connection().send(bridge::encode(message));
  if (process_) process_->connection().send(*sound.data);
}

Status Viewer::open_conversion() {
  if (conversion_) return {};
  auto opened = transcoder_.open([weak = weak_from_this(), &reactor = reactor_](const media::AccessUnitPtr& made, std::uint8_t) {
    reactor.post([weak, made] {
      if (const auto held = weak.lock(); held && held->conversion_) held->send(*made, media::to_annexb(*made));
    });
  });
  if (!opened) return std::unexpected(opened.error());
  conversion_ = *std::move(opened);
  return {};
}

void Viewer::send(const media::AccessUnit& picture, const Bytes& annexb) {
  if (!process_ || !feed_) return;
  if (process_->connection().unsent() > enough_queued) needs_key_ = true;
  if (needs_key_ && (!picture.key || process_->connection().unsent() > enough_queued)) return;
  needs_key_ = false;
  bridge::Picture message;
  message.annexb = message.whole = true;
  message.time = times_.of(picture);
  message.data = annexb;
  process_->connection().send(bridge::encode(message));
  if (process_) process_->connection().send(annexb);
}

}  // namespace ccoc::webrtc
