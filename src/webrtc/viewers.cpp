#include "ccoc/webrtc/viewers.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "ccoc/base/log.h"
#include "ccoc/base/random.h"
#include "viewer.h"

namespace ccoc::webrtc {
namespace {

/// A stream that is connected only while someone watches, or has just begun, is given so long to bring its first picture.
constexpr std::chrono::seconds first_picture_within{5};
/// Its sound comes about as soon; a viewer is not kept waiting for it long.
constexpr std::chrono::milliseconds first_sound_within{1500};

/// What a stream consists of, as far as it has come.
struct Begun {
  media::AccessUnitPtr key;
  media::AudioFormatPtr sound;
};

/// Waits on a pool thread for the first key unit, and the first sound.
class Beginning final : public live::Subscriber {
 public:
  explicit Beginning(Begun known) : begun_(std::move(known)) {}

  void on_unit(const live::LiveUnitPtr& unit) override {
    const std::lock_guard lock(mutex_);
    if (unit->unit().key) begun_.key = unit->pointer();
    came_.notify_all();
  }
  void on_audio(const media::AudioUnitPtr& unit) override {
    const std::lock_guard lock(mutex_);
    begun_.sound = unit->format;
    came_.notify_all();
  }
  void on_interrupted(media::GapCause, std::string_view) override {}
  Begun wait(bool expects_sound) {
    std::unique_lock lock(mutex_);
    const bool shown = came_.wait_for(lock, first_picture_within, [this] { return begun_.key != nullptr; });
    if (shown && expects_sound) came_.wait_for(lock, first_sound_within, [this] { return begun_.sound != nullptr; });
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  Begun begun_;
};

Begun begin(live::Channel& channel, bool expects_sound) {
  Begun known{channel.last_key(), channel.audio_format()};
  if (known.key && (known.sound || !expects_sound)) return known;
  const auto waiting = std::make_shared<Beginning>(std::move(known));
  channel.subscribe(waiting);
  auto begun = waiting->wait(expects_sound);
  channel.unsubscribe(waiting);
  return begun;
}

/// "avc1.640028" → "640028"
std::string profile_of(const media::VideoFormat& format) {
  return format.codec_string.substr(std::min<std::size_t>(5, format.codec_string.size()));
}

/// As x264 makes them for conversions: constrained baseline.
constexpr const char* converted_profile = "42e01f";

/// Why pictures have to be converted, for who learns that they are not.
std::string peculiarity(const media::VideoFormat& format) {
  if (format.codec != media::Codec::h264)
    return "this stream is " + std::string(to_string(format.codec)) + ", which browsers are not sent as it is";
  return "this stream has B-frames, which players by WebRTC do not show in order";
}

}  // namespace

struct Viewers::State : std::enable_shared_from_this<State> {
  State(Reactor& r, WorkQueue& p, const live::Directory& c, vision::Transcoder& t, ViewerOptions o)
      : reactor(r), pool(p), channels(c), transcoder(t), options(std::move(o)) {}

  struct Entry {
    std::shared_ptr<Viewer> viewer;
    StillAllowed still_allowed;
    std::unique_ptr<Timer> check;
  };

  Reactor& reactor;
  WorkQueue& pool;
  const live::Directory& channels;
  vision::Transcoder& transcoder;
  const ViewerOptions options;
  std::atomic<std::size_t> number{0};    ///< also those that are being let in
  std::map<std::string, Entry> entries;  ///< reactor's thread
  bool stopped = false;                  ///< reactor's thread
  std::shared_mutex asking;              ///< held while a right is asked for
  bool asks = true;                      ///< under it

  void drop(const std::string& id, const std::string& why) {
    const auto found = entries.find(id);
    if (found == entries.end()) return;
    const auto entry = std::move(found->second);
    entries.erase(found);
    --number;
    log::info("webrtc", "{}/{}: a viewer ended: {}", entry.viewer->place().camera, entry.viewer->place().stream, why);
    entry.viewer->stop();
  }

  void check_later(const std::string& id) {
    auto& entry = entries.at(id);
    entry.check = reactor.call_after(options.check_interval, [this, id] {
      const auto found = entries.find(id);
      if (found == entries.end()) return;
      const bool taken = pool.submit([self = shared_from_this(), id, ask = found->second.still_allowed] {
        const std::shared_lock lock(self->asking);
        if (!self->asks) return;
        const bool allowed = ask();
        self->reactor.post([self, id, allowed] {
          if (!self->entries.contains(id)) return;
          if (allowed)
            self->check_later(id);
          else
            self->drop(id, "he may not watch any more");
        });
      });
      if (!taken) check_later(id);
    });
  }

  void let_in(const std::string& id, const Viewer::Place& place, const std::string& offer, const Begun& begun, StillAllowed allowed,
              Viewer::Answered answered) {
    if (stopped) {
      --number;
      return answered(fail(ErrorCode::unavailable, "the hub stops"));
    }
    auto viewer = std::make_shared<Viewer>(reactor, channels, transcoder, place, [this, id](const std::string& why) { drop(id, why); });
    entries[id] = Entry{viewer, std::move(allowed), nullptr};
    check_later(id);
    const auto& format = *begun.key->format;
    const bool convert = !goes_as_it_is(format);
    const Viewer::Wanted wanted{offer, convert ? converted_profile : profile_of(format), convert, begun.sound};
    viewer->start(options, wanted, [this, id, answered = std::move(answered)](Result<std::string> sdp) {
      const bool good = sdp.has_value();
      answered(std::move(sdp));
      if (!good) reactor.post([self = shared_from_this(), id] { self->drop(id, "he was not let in"); });
    });
  }
};

Viewers::Viewers(Reactor& reactor, WorkQueue& pool, const live::Directory& channels, vision::Transcoder& transcoder, ViewerOptions options)
    : state_(std::make_shared<State>(reactor, pool, channels, transcoder, std::move(options))) {}

Viewers::~Viewers() { stop(); }

void Viewers::stop() {
  {
    const std::lock_guard lock(state_->asking);
    state_->asks = false;
  }
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  state_->reactor.post([state = state_, done] {
    state->stopped = true;
    while (!state->entries.empty()) state->drop(std::string(state->entries.begin()->first), "the hub stops");
    done->set_value();
  });
  ended.wait_for(std::chrono::seconds{2});
}

Result<Admitted> Viewers::admit(const std::string& camera, const std::string& stream, std::string offer, bool expects_sound,
                                StillAllowed still_allowed) {
  const auto channel = state_->channels.find(camera, stream);
  if (!channel) return fail(ErrorCode::not_found, "the camera has no such stream, or it is switched off");
  if (++state_->number > state_->options.max_viewers) {
    --state_->number;
    return fail(ErrorCode::limit_exceeded, "as many viewers watch by WebRTC as may (webrtc.max_viewers)");
  }
  const auto begun = begin(*channel, expects_sound);
  if (!begun.key) {
    --state_->number;
    return fail(ErrorCode::unavailable, "no picture of this stream has come yet");
  }
  auto answer = std::make_shared<std::promise<Result<std::string>>>();
  auto future = answer->get_future();
  const auto id = random_name();
  state_->reactor.post([state = state_, id, place = Viewer::Place{camera, stream}, offer = std::move(offer), begun,
                        allowed = std::move(still_allowed), answer]() mutable {
    state->let_in(id, place, offer, begun, std::move(allowed), [answer](Result<std::string> sdp) { answer->set_value(std::move(sdp)); });
  });
  const auto& format = *begun.key->format;
  auto sdp = future.get();
  if (!sdp && sdp.error().code == ErrorCode::unsupported) return std::unexpected(sdp.error().within(peculiarity(format)));
  if (!sdp) return std::unexpected(sdp.error());
  log::info("webrtc", "{}/{}: a viewer came{}", camera, stream, goes_as_it_is(format) ? "" : "; the pictures are converted for him");
  return Admitted{id, *std::move(sdp)};
}

Status Viewers::end(const std::string& camera, const std::string& id) {
  auto answer = std::make_shared<std::promise<bool>>();
  auto future = answer->get_future();
  state_->reactor.post([state = state_, camera, id, answer] {
    const auto found = state->entries.find(id);
    const bool his = found != state->entries.end() && found->second.viewer->place().camera == camera;
    if (his) state->drop(id, "he left");
    answer->set_value(his);
  });
  if (future.get()) return {};
  return fail(ErrorCode::not_found, "nobody watches this camera under that name");
}

std::size_t Viewers::count() const { return state_->number.load(); }

}  // namespace ccoc::webrtc
