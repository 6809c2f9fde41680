#include "live_hls.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "ccoc/api/problem.h"
#include "ccoc/media/mp4.h"

namespace ccoc::api {
namespace {

constexpr std::int64_t second = video_timescale;
constexpr std::int64_t usual_part = second / 2;
constexpr std::int64_t shortest_segment = 2 * second;
constexpr std::int64_t target_duration_s = 4;
/// Rounded it must not be more than the target (§4.4.3.1).
constexpr std::int64_t longest_segment = target_duration_s * second + second / 2 - 1;
constexpr std::int64_t window = 20 * second;  ///< of whole segments in the playlist
constexpr std::int64_t parts_listed = 3 * target_duration_s * second;
constexpr std::size_t most_bytes = 64u << 20;  ///< of one stream
constexpr std::size_t most_sound_bytes = 1u << 20;
constexpr std::size_t kept_behind = 3;  ///< segments that have left the playlist
constexpr std::int64_t longest_step = 5 * second;
constexpr Duration longest_wait = std::chrono::seconds{3 * target_duration_s};

Response problem(ProblemKind kind, std::string detail) { return problem_response(make_problem(kind, std::move(detail))); }

std::string in_seconds(std::int64_t ticks) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5f", static_cast<double>(ticks) / second);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Response media_response(SharedBytes bytes, std::string_view type) {
  Response out;
  out.headers.add("Content-Type", std::string(type));
  out.headers.add("Cache-Control", "private, max-age=60");
  out.body = std::move(bytes);
  return out;
}

bool is_carried(const media::AudioFormatPtr& format) {
  return format && (format->codec == media::AudioCodec::aac || format->codec == media::AudioCodec::opus);
}

template <class FormatPtr>
bool same(const FormatPtr& a, const FormatPtr& b) {
  return a == b || (a && b && *a == *b);
}

/// What the channel holds: passes on while the muxer lives.
class Feed final : public live::Subscriber {
 public:
  explicit Feed(std::weak_ptr<LiveHls> to) : to_(std::move(to)) {}
  void on_unit(const live::LiveUnitPtr& unit) override {
    if (const auto hls = to_.lock()) hls->on_unit(unit);
  }
  void on_audio(const media::AudioUnitPtr& unit) override {
    if (const auto hls = to_.lock()) hls->on_audio(unit);
  }
  void on_interrupted(media::GapCause cause, std::string_view reason) override {
    if (const auto hls = to_.lock()) hls->on_interrupted(cause, reason);
  }

 private:
  const std::weak_ptr<LiveHls> to_;
};

}  // namespace

LiveHls::LiveHls(Reactor& reactor, live::Directory& directory, archive::StreamKey key)
    : reactor_(reactor),
      directory_(directory),
      key_(std::move(key)),
      last_asked_(reactor.clock().now()),
      // A muxer that is made anew must not use numbers again: time goes faster than segments do.
      next_sequence_(
          static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(reactor.clock().utc_now()).time_since_epoch().count())) {}

LiveHls::~LiveHls() {
  if (channel_) channel_->unsubscribe(feed_);
}

void LiveHls::start() {
  feed_ = std::make_shared<Feed>(weak_from_this());
  attach(directory_.find(key_.camera, key_.stream));
}

void LiveHls::stop() {
  attach(nullptr);
  for (auto& waiter : std::exchange(waiters_, {})) {
    waiter.done(problem(ProblemKind::unavailable, "the stream has ended"));
  }
}

void LiveHls::attach(std::shared_ptr<live::Channel> channel) {
  if (channel_) channel_->unsubscribe(feed_);
  break_off();
  channel_ = std::move(channel);
  if (!channel_) return;
  heard_ = channel_->audio_format();
  channel_->subscribe(feed_);
}

void LiveHls::tick() {
  auto now = directory_.find(key_.camera, key_.stream);
  if (now != channel_) attach(std::move(now));
  tell_waiters();
}

void LiveHls::on_unit(const live::LiveUnitPtr& unit) {
  reactor_.post([self = shared_from_this(), unit = unit->pointer()] { self->take(unit); });
}

void LiveHls::on_audio(const media::AudioUnitPtr& unit) {
  reactor_.post([self = shared_from_this(), unit] { self->take_sound(unit); });
}

void LiveHls::on_interrupted(media::GapCause, std::string_view) {
  reactor_.post([self = shared_from_this()] { self->break_off(); });
}

/// What has come so far is a segment, however short.
void LiveHls::break_off() {
  if (last_) samples_.push_back({std::exchange(last_, nullptr), last_ticks_});
  if (!samples_.empty()) part_ticks_ += samples_.back().ticks;
  close_part();
  close_segment();
  sound_.clear();
  sound_bytes_ = 0;
  broken_ = true;
  tell_waiters();
}

void LiveHls::take(const media::AccessUnitPtr& unit) {
  wrong_codec_ = unit->format->codec == media::Codec::mjpeg;
  if (wrong_codec_) return tell_waiters();
  const bool open = !segments_.empty() && !segments_.back().whole;
  if (last_) {
    const auto step = unit->media_time - last_->media_time;
    const bool continuous = !unit->discontinuity && step > 0 && step <= longest_step;
    if (continuous) last_ticks_ = step;
    samples_.push_back({last_, last_ticks_});
    part_ticks_ += last_ticks_;
    last_ = nullptr;
    if (!continuous) {
      close_part();
      close_segment();
      broken_ = true;
    }
  }
  if (part_target_ == 0 && part_ticks_ > 0) {
    part_target_ = std::max(usual_part, last_ticks_ + last_ticks_ / 4);  // at less than three pictures a second
  }
  const auto length = open ? segments_.back().ticks + part_ticks_ : 0;
  const bool other_format = !same(unit->format, video_);
  // One that had to begin without a key frame ends at the next.
  const bool torn = open && !segments_.back().parts.empty() && !segments_.back().parts.front().independent;
  const bool begin_here = unit->key && (length >= shortest_segment || torn || other_format);
  if (begin_here || (part_ticks_ > 0 && part_ticks_ + last_ticks_ > part_target_)) close_part();
  if (begin_here || length + std::max(part_target_, last_ticks_) > longest_segment) {
    close_part();
    close_segment();
  }
  if (segments_.empty() || segments_.back().whole) {
    const bool joins = unit->key || (!broken_ && !segments_.empty() && !other_format);
    if (!joins) return;
    begin_segment(unit);
  }
  last_ = unit;
  tell_waiters();
}

void LiveHls::begin_segment(const media::AccessUnitPtr& unit) {
  Segment segment;
  segment.sequence = next_sequence_++;
  segment.start = unit->capture_time + from_ticks(unit->composition_offset, video_timescale);
  const auto sound = is_carried(heard_) ? heard_ : nullptr;
  const bool other = !same(unit->format, video_) || (unit->key && !same(sound, audio_));
  if (other) {
    video_ = unit->format;
    audio_ = sound;
    std::vector<media::AudioFormatPtr> formats;
    if (audio_) formats.push_back(audio_);
    inits_[++init_] = std::make_shared<const Bytes>(media::make_init_segment({video_}, std::nullopt, formats));
  }
  segment.init = init_;
  segment.discontinuity = !segments_.empty() && (other || unit->discontinuity || broken_);
  broken_ = false;
  segments_.push_back(std::move(segment));
}

void LiveHls::take_sound(const media::AudioUnitPtr& unit) {
  heard_ = unit->format;
  if (!audio_ || !same(audio_, unit->format)) return;
  sound_bytes_ += unit->data->size();
  sound_.push_back(unit);
  if (sound_bytes_ > most_sound_bytes) {
    sound_.clear();
    sound_bytes_ = 0;
  }
}

void LiveHls::close_part() {
  if (samples_.empty() || segments_.empty() || segments_.back().whole) {
    samples_.clear();
    part_ticks_ = 0;
    return;
  }
  const auto& first = *samples_.front().unit;
  media::FragmentPlan plan;
  plan.sequence = ++fragment_;
  plan.decode_time = decode_time_;
  plan.utc = first.capture_time + from_ticks(first.composition_offset, video_timescale);
  std::vector<ByteView> pieces;
  for (const auto& sample : samples_) {
    plan.samples.push_back({static_cast<std::uint32_t>(sample.unit->data->size()), static_cast<std::uint32_t>(sample.ticks),
                            sample.unit->composition_offset, sample.unit->key});
    pieces.emplace_back(*sample.unit->data);
  }
  // Sound up to the part's end, on the pictures' clock; each frame lasts until the next.
  const auto end = first.capture_time + from_ticks(part_ticks_, video_timescale);
  std::size_t heard = 0;
  while (heard < sound_.size() && sound_[heard]->capture_time < end) ++heard;
  const auto place = [&](const media::AudioUnitPtr& unit) {
    return std::max(sound_end_, decode_time_ + to_ticks(unit->capture_time - first.capture_time, video_timescale));
  };
  if (heard > 0) plan.audio.decode_time = place(sound_.front());
  auto at = plan.audio.decode_time;
  for (std::size_t i = 0; i < heard; ++i) {
    const auto next = i + 1 < sound_.size() ? place(sound_[i + 1]) : at + sound_[i]->duration;
    const auto until = std::max(at + 1, std::min(next, at + 2 * sound_[i]->duration));
    plan.audio.samples.push_back({static_cast<std::uint32_t>(sound_[i]->data->size()), static_cast<std::uint32_t>(until - at)});
    pieces.emplace_back(*sound_[i]->data);
    at = until;
  }
  if (heard > 0) sound_end_ = at;
  auto bytes = media::make_fragment_header(plan);
  for (const auto piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  for (std::size_t i = 0; i < heard; ++i) sound_bytes_ -= sound_[i]->data->size();
  sound_.erase(sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(heard));

  auto& segment = segments_.back();
  segment.bytes += bytes.size();
  segment.ticks += part_ticks_;
  segment.parts.push_back({std::make_shared<const Bytes>(std::move(bytes)), part_ticks_, first.key});
  decode_time_ += part_ticks_;
  samples_.clear();
  part_ticks_ = 0;
}

void LiveHls::close_segment() {
  if (segments_.empty() || segments_.back().whole) return;
  if (segments_.back().parts.empty()) {
    segments_.pop_back();
    --next_sequence_;
    return;
  }
  segments_.back().whole = true;
  drop_old();
}

void LiveHls::drop_old() {
  std::int64_t ticks = 0;
  std::size_t bytes = 0;
  for (const auto& segment : segments_) {
    ticks += segment.ticks;
    bytes += segment.bytes;
  }
  // Those that have left the playlist stay a little longer: somebody may be about to fetch them.
  while (segments_.size() > kept_behind + 1 &&
         (ticks - segments_.front().ticks > window + static_cast<std::int64_t>(kept_behind) * longest_segment || bytes > most_bytes)) {
    ticks -= segments_.front().ticks;
    bytes -= segments_.front().bytes;
    if (segments_.front().discontinuity) ++discontinuities_gone_;
    segments_.pop_front();
  }
  std::erase_if(inits_, [&](const auto& entry) { return entry.first < segments_.front().init; });
}

bool LiveHls::reached(const Wanted& wanted) const {
  if (segments_.empty()) return false;
  if (!wanted.sequence) return segments_.front().whole;
  const auto& last = segments_.back();
  if (last.sequence > *wanted.sequence || (last.sequence == *wanted.sequence && last.whole)) return true;
  return last.sequence == *wanted.sequence && wanted.part && last.parts.size() > *wanted.part;
}

std::string LiveHls::playlist_text(const std::string& token) const {
  std::int64_t total = 0;
  for (const auto& segment : segments_) total += segment.ticks;
  std::size_t first = 0;
  std::uint64_t gone = discontinuities_gone_;
  for (auto listed = total; first + 1 < segments_.size() && listed - segments_[first].ticks > window; ++first) {
    listed -= segments_[first].ticks;
    if (segments_[first].discontinuity) ++gone;
  }
  const std::string folder = "live/" + key_.stream + "/";
  const auto target = std::max(part_target_, usual_part);
  std::string out =
      "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:" + std::to_string(std::max(target_duration_s, (target + second - 1) / second)) +
      "\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=" + in_seconds(3 * target) +
      "\n#EXT-X-PART-INF:PART-TARGET=" + in_seconds(target) + "\n#EXT-X-MEDIA-SEQUENCE:" + std::to_string(segments_[first].sequence) +
      "\n#EXT-X-DISCONTINUITY-SEQUENCE:" + std::to_string(gone) + "\n";
  unsigned init = 0;
  std::int64_t behind = 0;
  for (std::size_t i = 0; i < first; ++i) behind += segments_[i].ticks;
  for (std::size_t i = first; i < segments_.size(); ++i) {
    const auto& segment = segments_[i];
    // One that has nothing yet is only announced: its tags come with its first part.
    if (segment.parts.empty()) break;
    if (segment.discontinuity) out += "#EXT-X-DISCONTINUITY\n";
    if (segment.init != init) {
      init = segment.init;
      out += "#EXT-X-MAP:URI=\"" + folder + "init-" + std::to_string(init) + ".mp4" + token + "\"\n";
    }
    out += "#EXT-X-PROGRAM-DATE-TIME:" + format_rfc3339(segment.start) + "\n";
    const auto name = folder + std::to_string(segment.sequence);
    behind += segment.ticks;
    for (std::size_t k = 0; k < segment.parts.size() && total - behind < parts_listed; ++k) {
      out += "#EXT-X-PART:DURATION=" + in_seconds(segment.parts[k].ticks) + ",URI=\"" + name + "." + std::to_string(k) + ".m4s" + token +
             "\"" + (segment.parts[k].independent ? ",INDEPENDENT=YES\n" : "\n");
    }
    if (segment.whole) out += "#EXTINF:" + in_seconds(segment.ticks) + ",\n" + name + ".m4s" + token + "\n";
  }
  const auto& last = segments_.back();
  const auto next =
      last.whole ? std::to_string(last.sequence + 1) + ".0" : std::to_string(last.sequence) + "." + std::to_string(last.parts.size());
  return out + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"" + folder + next + ".m4s" + token + "\"\n";
}

void LiveHls::playlist(const Wanted& wanted, Done done) {
  last_asked_ = reactor_.clock().now();
  if (wanted.sequence && !segments_.empty() && *wanted.sequence > segments_.back().sequence + 2) {
    return done(problem(ProblemKind::malformed, "_HLS_msn is too far ahead"));
  }
  answer_or_wait(
      [this, wanted]() -> std::optional<Response> {
        if (wrong_codec_) return problem(ProblemKind::invalid, "HLS does not carry Motion JPEG");
        if (!reached(wanted)) return std::nullopt;
        Response out;
        out.headers.add("Content-Type", "application/vnd.apple.mpegurl");
        out.headers.add("Cache-Control", "private, no-cache");
        out.body = playlist_text(wanted.token);
        return out;
      },
      std::move(done));
}

const LiveHls::Segment* LiveHls::find_segment(std::uint64_t sequence) const {
  if (segments_.empty() || sequence < segments_.front().sequence || sequence > segments_.back().sequence) return nullptr;
  return &segments_[static_cast<std::size_t>(sequence - segments_.front().sequence)];
}

/// Nothing: it is announced and not there yet.
std::optional<Response> LiveHls::find_file(const std::string& name) const {
  const auto unknown = [] { return problem(ProblemKind::not_found, "there is no such segment"); };
  if (name.starts_with("init-") && name.ends_with(".mp4")) {
    const auto wanted = number(std::string_view(name).substr(5, name.size() - 9));
    const auto found = wanted && *wanted <= init_ ? inits_.find(static_cast<unsigned>(*wanted)) : inits_.end();
    return found == inits_.end() ? unknown() : media_response(found->second, "video/mp4");
  }
  if (!name.ends_with(".m4s")) return unknown();
  const auto stem = std::string_view(name).substr(0, name.size() - 4);
  const auto dot = stem.find('.');
  const auto sequence = number(stem.substr(0, dot));
  if (!sequence) return unknown();
  const auto* segment = find_segment(*sequence);
  if (dot == std::string_view::npos) {
    if (segment == nullptr || !segment->whole) return unknown();
    auto bytes = std::make_shared<Bytes>();
    bytes->reserve(segment->bytes);
    for (const auto& part : segment->parts) bytes->insert(bytes->end(), part.bytes->begin(), part.bytes->end());
    return media_response(std::move(bytes), "video/iso.segment");
  }
  const auto part = number(stem.substr(dot + 1));
  if (!part) return unknown();
  if (segment != nullptr && *part < segment->parts.size()) return media_response(segment->parts[*part].bytes, "video/iso.segment");
  const auto open = segments_.empty() ? next_sequence_ : segments_.back().whole ? segments_.back().sequence + 1 : segments_.back().sequence;
  const std::size_t next = segment != nullptr ? segment->parts.size() : 0;
  if (*sequence == open && *part == next) return std::nullopt;
  return unknown();
}

void LiveHls::file(const std::string& name, Done done) {
  last_asked_ = reactor_.clock().now();
  answer_or_wait([this, name] { return find_file(name); }, std::move(done));
}

void LiveHls::answer_or_wait(std::function<std::optional<Response>()> look, Done done) {
  if (auto answer = look()) return done(std::move(*answer));
  waiters_.push_back({std::move(look), std::move(done), reactor_.clock().now() + longest_wait});
}

void LiveHls::tell_waiters() {
  if (waiters_.empty()) return;
  const auto now = reactor_.clock().now();
  std::vector<std::pair<Done, Response>> told;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    auto answer = waiter.look();
    if (!answer && waiter.until <= now) answer = problem(ProblemKind::unavailable, "no pictures come");
    if (!answer) return false;
    told.emplace_back(std::move(waiter.done), std::move(*answer));
    return true;
  });
  for (auto& [done, answer] : told) done(std::move(answer));
}

}  // namespace ccoc::api
