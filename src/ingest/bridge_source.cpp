#include "bridge_source.h"

#include <algorithm>
#include <utility>

#include "ccoc/media/audio.h"

namespace ccoc::ingest {
namespace {

using std::chrono::seconds;

Result<media::AudioFormat> format_of(const bridge::Sound& sound) {
  if (sound.codec == media::AudioCodec::aac) return media::make_aac_format(sound.config);
  media::AudioFormat out;
  out.codec = sound.codec;
  out.sample_rate = sound.sample_rate;
  out.channels = sound.channels;
  const auto name = sound.codec == media::AudioCodec::pcmu ? "ulaw" : sound.codec == media::AudioCodec::pcma ? "alaw" : "opus";
  out.codec_string = name;
  return out;
}

}  // namespace

BridgeSource::BridgeSource(Reactor& reactor, StreamConfig config, const IngestOptions& options, SourceListener& listener)
    : reactor_(reactor),
      config_(std::move(config)),
      options_(options),
      listener_(listener),
      rtsp_transport_(config_.transport.value_or(rtsp::MediaTransport::tcp)) {}

BridgeSource::~BridgeSource() { end_process(); }

void BridgeSource::start() {
  end_process();
  attempt_ = std::make_shared<const int>(0);
  if (awaits_offer()) {
    report_.waiting = "nobody sends by WebRTC (WHIP) yet";
    return;
  }
  const auto started = start_process({});
  if (started) return;
  refusal_ = reactor_.call_after(Duration{0}, [this, reason = started.error().message] { end(media::GapCause::hub, reason, seconds{30}); });
}

Status BridgeSource::start_process(std::string offer) {
  auto message = order();
  message.offer = std::move(offer);
  auto started = BridgeProcess::start(reactor_, options_.bridge, options_.bridge_cache, message, *this);
  if (!started) return std::unexpected(started.error());
  process_ = *std::move(started);
  process_->connection().set_prompt(prompt_);
  return {};
}

void BridgeSource::take_offer(std::string offer, OfferAnswered answered) {
  if (!awaits_offer() || !attempt_) return Source::take_offer(std::move(offer), std::move(answered));
  if (process_) return answered(fail(ErrorCode::conflict, "someone sends to this stream already"));
  answered_ = std::move(answered);
  answer_limit_ =
      reactor_.call_after(seconds{10}, [this] { end(media::GapCause::hub, "ccoc-bridge did not answer the sender in time", Duration{0}); });
  if (const auto started = start_process(std::move(offer)); !started) answer(std::unexpected(started.error()));
}

void BridgeSource::answer(Result<std::string> with) {
  answer_limit_.reset();
  if (const auto answered = std::exchange(answered_, nullptr)) answered(std::move(with));
}

bridge::Start BridgeSource::order() const {
  bridge::Start out;
  out.url = config_.url;
  out.username = config_.username;
  out.password = config_.password;
  out.transport = to_string(rtsp_transport_);
  out.certificate = config_.certificate;
  out.files = options_.files;
  out.refuse_local = options_.refuse_local;
  out.follow_redirects = options_.follow_redirects;
  out.connect_timeout_ms = static_cast<std::uint32_t>(options_.connect_timeout / std::chrono::milliseconds{1});
  return out;
}

void BridgeSource::stop(bool silent) {
  end_process();
  if (silent && !config_.transport) {
    using enum rtsp::MediaTransport;
    rtsp_transport_ = rtsp_transport_ == tcp ? udp : tcp;
  }
}

void BridgeSource::set_prompt(bool prompt) {
  prompt_ = prompt;
  if (process_) process_->connection().set_prompt(prompt);
}

void BridgeSource::end_process() {
  answer(fail(ErrorCode::unavailable, "the stream was stopped"));
  attempt_.reset();
  refusal_.reset();
  process_.reset();
  reader_ = {};
  assembler_.reset();
  pictures_.clear();
  sound_format_.reset();
  report_.waiting.clear();
}

void BridgeSource::end(media::GapCause cause, const std::string& reason, Duration at_least) {
  end_process();
  listener_.on_source_ended(cause, reason, at_least);
}

void BridgeSource::on_bytes(ByteView bytes) {
  report_.bytes += bytes.size();
  reader_.feed(bytes);
  const std::weak_ptr<const int> attempt = attempt_;
  while (!attempt.expired()) {
    const auto message = reader_.next();
    if (!message) return end(media::GapCause::hub, message.error().message, Duration{0});
    if (!message->has_value()) return;
    std::visit([this](const auto& m) { take(m); }, **message);
  }
}

void BridgeSource::on_closed(const Error&) {
  answer(fail(ErrorCode::unavailable, "ccoc-bridge ended unexpectedly"));
  end(media::GapCause::hub, "the program that received this stream (ccoc-bridge) ended unexpectedly", Duration{0});
}

void BridgeSource::take(const bridge::Start&) { end(media::GapCause::hub, "ccoc-bridge sends what only the hub may send", Duration{0}); }

void BridgeSource::take(const bridge::SetUp& message) {
  report_.transport = message.transport;
  if (!message.certificate.empty()) report_.certificate = message.certificate;
  report_.waiting.clear();
  listener_.on_set_up();
}

media::PictureAssembler& BridgeSource::assembler_for(media::Codec codec) {
  if (!assembler_ || codec != codec_) {
    codec_ = codec;
    assembler_ = media::make_picture_assembler(codec, [this](media::RawUnit&& unit) { pictures_.push_back(std::move(unit)); });
  }
  return *assembler_;
}

void BridgeSource::take(const bridge::Configuration& message) { assembler_for(message.codec).configure(message.record); }

void BridgeSource::take(const bridge::Picture& message) {
  auto& assembler = assembler_for(message.codec);
  if (message.after_loss) assembler.lost();
  assembler.push({.data = message.data, .annexb = message.annexb, .whole = message.whole, .time = message.time});
  deliver_pictures();
}

/// Not from within the assembler: the listener may end all of this.
void BridgeSource::deliver_pictures() {
  const std::weak_ptr<const int> attempt = attempt_;
  for (auto& picture : std::exchange(pictures_, {})) {
    listener_.on_picture(std::move(picture));
    if (attempt.expired()) return;
  }
}

void BridgeSource::take(const bridge::Sound& message) {
  if (!config_.audio) return;
  auto format = format_of(message);
  if (!format) return;  // sound that cannot be described is no reason to lose the pictures
  if (!sound_format_ || *sound_format_ != *format) sound_format_ = std::make_shared<const media::AudioFormat>(*std::move(format));
  media::RawAudio sound;
  sound.format = sound_format_;
  sound.data = std::make_shared<const Bytes>(message.data.begin(), message.data.end());
  sound.rtp_timestamp = message.time;
  sound.clock_rate = message.sample_rate;
  sound.duration = message.duration;
  sound.after_loss = message.after_loss;
  listener_.on_sound(std::move(sound));
}

void BridgeSource::take(const bridge::Answer& message) { answer(message.sdp); }

void BridgeSource::take(const bridge::Ended& message) {
  const bool his_fault = message.cause == media::GapCause::camera;
  answer(fail(his_fault ? ErrorCode::invalid_argument : ErrorCode::unavailable, message.reason));
  end(message.cause, message.reason, seconds{message.wait_seconds});
}

std::unique_ptr<Source> make_bridge_source(Reactor& reactor, const StreamConfig& config, const IngestOptions& options,
                                           SourceListener& listener) {
  return std::make_unique<BridgeSource>(reactor, config, options, listener);
}

}  // namespace ccoc::ingest
