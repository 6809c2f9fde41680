#include "transcode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

extern "C" {
#include <libavutil/opt.h>
}

namespace ccoc::vision {
namespace {

constexpr int usual_width = 1280, usual_height = 720;
/// Bits a second for 1280×720, and in proportion; the quality is held until then.
constexpr std::int64_t most_bits = 3'000'000;
constexpr int key_interval = 100;  ///< frames, where the camera sends no key frame sooner

/// The size as shown, even on both sides, within the limits.
std::pair<int, int> size_within(const AVFrame& frame, int max_width, int max_height) {
  double width = frame.width;
  const double height = frame.height;
  if (frame.sample_aspect_ratio.num > 0 && frame.sample_aspect_ratio.den > 0) {
    const double ratio = av_q2d(frame.sample_aspect_ratio);
    if (ratio >= 0.25 && ratio <= 4) width *= ratio;
  }
  const double scale = std::min({1.0, max_width / width, max_height / height});
  const auto even = [&](double side) { return std::max(static_cast<int>(side * scale / 2 + 0.5) * 2, 16); };
  return {even(width), even(height)};
}

}  // namespace

Result<Bytes> Transcoding::push(const RequestHead& request, ByteView annexb) {
  const bool key = (request.flags & transcode_flags::key) != 0;
  const bool restart = (request.flags & transcode_flags::restart) != 0;
  if (!decoder_ || restart || request.codec != codec_) {
    if (!key) return fail(ErrorCode::invalid_argument, "a stream begins with a key frame");
    if (auto begun = begin(request); !begun) return std::unexpected(begun.error());
  }
  if ((request.flags & transcode_flags::hidden) != 0) hidden_until_ = std::max(hidden_until_, request.id);
  auto packet = make_packet(annexb);
  if (!packet) return std::unexpected(packet.error());
  (*packet)->pts = request.id;
  if (key) {
    (*packet)->flags |= AV_PKT_FLAG_KEY;
    keys_.push_back(request.id);
  }
  if (avcodec_send_packet(decoder_.get(), packet->get()) < 0) {
    decoder_.reset();
    return undecodable("it is damaged");
  }
  Bytes out;
  Frame frame(av_frame_alloc());
  while (avcodec_receive_frame(decoder_.get(), frame.get()) == 0) {
    // The decoder's own bookkeeping tells which request a picture belongs to; it may come some requests later.
    const bool was_key = std::erase_if(keys_, [&](std::int64_t id) { return id <= frame->pts; }) > 0;
    if (frame->pts > hidden_until_) {
      if (auto done = encode(*frame, was_key, request, out); !done) return std::unexpected(done.error());
    }
    av_frame_unref(frame.get());
  }
  return out;
}

Status Transcoding::begin(const RequestHead& request) {
  auto decoder = open_decoder(request.codec);
  if (!decoder) return std::unexpected(decoder.error());
  decoder_ = std::move(*decoder);
  codec_ = request.codec;
  hidden_until_ = -1;
  keys_.clear();
  want_key_ = true;
  return {};
}

Status Transcoding::open_encoder(const AVFrame& decoded, const RequestHead& limits) {
  const auto* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr) return fail(ErrorCode::unsupported, "the installed libavcodec has no x264");
  const auto [width, height] =
      size_within(decoded, limits.max_width > 0 ? limits.max_width : usual_width, limits.max_height > 0 ? limits.max_height : usual_height);
  encoder_.reset(avcodec_alloc_context3(codec));
  encoder_->width = width;
  encoder_->height = height;
  encoder_->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder_->color_range = AVCOL_RANGE_MPEG;
  encoder_->time_base = {1, 25};
  encoder_->framerate = {25, 1};
  encoder_->thread_count = 1;
  encoder_->gop_size = key_interval;
  encoder_->max_b_frames = 0;
  const auto bits = most_bits * width * height / (usual_width * usual_height);
  encoder_->rc_max_rate = std::max<std::int64_t>(bits, 200'000);
  encoder_->rc_buffer_size = static_cast<int>(encoder_->rc_max_rate);
  const auto set = [&](const char* name, const char* value) { av_opt_set(encoder_->priv_data, name, value, 0); };
  set("preset", "ultrafast");
  set("tune", "zerolatency");
  set("profile", "baseline");
  set("crf", "25");
  set("x264-params", "threads=1:sliced-threads=0:scenecut=0:force-cfr=1:repeat-headers=1:annexb=1");
  set("forced-idr", "1");
  if (avcodec_open2(encoder_.get(), codec, nullptr) < 0) {
    encoder_.reset();
    return fail(ErrorCode::internal, "the H.264 encoder does not start");
  }
  scaled_.reset(av_frame_alloc());
  scaled_->format = AV_PIX_FMT_YUV420P;
  scaled_->width = width;
  scaled_->height = height;
  if (av_frame_get_buffer(scaled_.get(), 0) < 0) return fail(ErrorCode::limit_exceeded, "the picture is too large");
  // Not SWS_FAST_BILINEAR: it writes code for some sizes, and the sandbox lets no memory be executed.
  scaler_.reset(sws_getContext(decoded.width, decoded.height, static_cast<AVPixelFormat>(decoded.format), width, height, AV_PIX_FMT_YUV420P,
                               SWS_BILINEAR, nullptr, nullptr, nullptr));
  if (!scaler_) return undecodable("its pixel format is not known");
  const int* matrix = sws_getCoefficients(SWS_CS_DEFAULT);
  sws_setColorspaceDetails(scaler_.get(), matrix, is_full_range(decoded) ? 1 : 0, matrix, 0, 0, 1 << 16, 1 << 16);
  source_width_ = decoded.width;
  source_height_ = decoded.height;
  source_format_ = decoded.format;
  next_time_ = 0;
  in_encoder_.clear();
  want_key_ = true;
  return {};
}

Status Transcoding::encode(const AVFrame& decoded, bool key, const RequestHead& limits, Bytes& out) {
  const bool same = encoder_ && decoded.width == source_width_ && decoded.height == source_height_ && decoded.format == source_format_;
  if (!same) {
    if (auto opened = open_encoder(decoded, limits); !opened) return opened;
  }
  if (av_frame_make_writable(scaled_.get()) < 0) return fail(ErrorCode::limit_exceeded, "out of memory");
  if (sws_scale(scaler_.get(), decoded.data, decoded.linesize, 0, decoded.height, scaled_->data, scaled_->linesize) <= 0)
    return undecodable("it cannot be scaled");
  // Pictures come as they are shown, which is not the order of their requests.
  scaled_->pts = next_time_++;
  in_encoder_.push_back(decoded.pts);
  scaled_->pict_type = std::exchange(want_key_, false) || key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  if (avcodec_send_frame(encoder_.get(), scaled_.get()) < 0) return fail(ErrorCode::internal, "the H.264 encoder refuses");
  return drain_encoder(out);
}

Status Transcoding::drain_encoder(Bytes& out) {
  Packet packet(av_packet_alloc());
  while (avcodec_receive_packet(encoder_.get(), packet.get()) == 0) {
    if (in_encoder_.empty()) return fail(ErrorCode::internal, "the H.264 encoder gives more than it got");
    const UnitHead head{in_encoder_.front(), static_cast<std::uint32_t>(packet->size), (packet->flags & AV_PKT_FLAG_KEY) != 0 ? 1u : 0u};
    in_encoder_.pop_front();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&head);
    out.insert(out.end(), bytes, bytes + sizeof head);
    out.insert(out.end(), packet->data, packet->data + packet->size);
    av_packet_unref(packet.get());
  }
  return {};
}

}  // namespace ccoc::vision
