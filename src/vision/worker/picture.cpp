#include "picture.h"

#include <algorithm>
#include <cstring>
#include <memory>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

namespace ccoc::vision {
namespace {

constexpr std::int64_t max_pixels = 64ll * 1024 * 1024;

template <auto Free>
struct FreeByPointer {
  template <class T>
  void operator()(T* object) const {
    Free(&object);
  }
};
struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using CodecContext = std::unique_ptr<AVCodecContext, FreeByPointer<avcodec_free_context>>;
using Frame = std::unique_ptr<AVFrame, FreeByPointer<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, FreeByPointer<av_packet_free>>;

std::unexpected<Error> undecodable(const char* why) {
  return fail(ErrorCode::corrupt, std::string("the picture cannot be decoded: ") + why);
}

Result<CodecContext> open_decoder(std::uint8_t codec) {
  constexpr AVCodecID ids[] = {AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MJPEG};
  if (codec >= std::size(ids)) return fail(ErrorCode::unsupported, "this codec is not known");
  const auto* decoder = avcodec_find_decoder(ids[codec]);
  if (decoder == nullptr) return fail(ErrorCode::unsupported, "the installed libavcodec cannot decode this codec");
  CodecContext context(avcodec_alloc_context3(decoder));
  context->thread_count = 1;
  context->max_pixels = max_pixels;
  if (avcodec_open2(context.get(), decoder, nullptr) < 0) return undecodable("the decoder does not start");
  return context;
}

Result<Frame> decode(std::uint8_t codec, ByteView annexb) {
  auto decoder = open_decoder(codec);
  if (!decoder) return std::unexpected(decoder.error());
  Packet packet(av_packet_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(annexb.size())) < 0) return undecodable("out of memory");
  std::memcpy(packet->data, annexb.data(), annexb.size());
  packet->flags |= AV_PKT_FLAG_KEY;
  if (avcodec_send_packet(decoder->get(), packet.get()) < 0) return undecodable("it is damaged");
  avcodec_send_packet(decoder->get(), nullptr);
  Frame frame(av_frame_alloc());
  if (avcodec_receive_frame(decoder->get(), frame.get()) < 0) return undecodable("there is no whole picture in it");
  if (frame->width <= 0 || frame->height <= 0) return undecodable("it has no size");
  return frame;
}

struct Size {
  int width, height;
};

/// The size as shown (pixels of some cameras are not square), at most `max_width` wide, both sides even.
Size shown_size(const AVFrame& frame, int max_width) {
  double width = frame.width;
  const double height = frame.height;
  const auto aspect = frame.sample_aspect_ratio;
  if (aspect.num > 0 && aspect.den > 0) {
    const double ratio = av_q2d(aspect);
    if (ratio >= 0.25 && ratio <= 4) width *= ratio;
  }
  const double scale = max_width > 0 && width > max_width ? max_width / width : 1;
  const auto even = [](double side) { return std::clamp(static_cast<int>(side / 2 + 0.5) * 2, 2, 16'384); };
  return {even(width * scale), even(height * scale)};
}

/// Scaled, in full range, as the JPEG encoder wants it.
Result<Frame> convert(const AVFrame& source, Size size) {
  Frame out(av_frame_alloc());
  out->format = AV_PIX_FMT_YUVJ420P;
  out->width = size.width;
  out->height = size.height;
  out->color_range = AVCOL_RANGE_JPEG;
  if (av_frame_get_buffer(out.get(), 0) < 0) return fail(ErrorCode::limit_exceeded, "the picture is too large");
  std::unique_ptr<SwsContext, FreeScaler> scaler(
      sws_getContext(source.width, source.height, static_cast<AVPixelFormat>(source.format), size.width, size.height,
                     AV_PIX_FMT_YUVJ420P, SWS_AREA, nullptr, nullptr, nullptr));
  if (!scaler) return undecodable("its pixel format is not known");
  const int* matrix = sws_getCoefficients(SWS_CS_DEFAULT);
  const bool full_range = source.color_range == AVCOL_RANGE_JPEG || source.format == AV_PIX_FMT_YUVJ420P ||
                          source.format == AV_PIX_FMT_YUVJ422P || source.format == AV_PIX_FMT_YUVJ444P;
  sws_setColorspaceDetails(scaler.get(), matrix, full_range ? 1 : 0, matrix, 1, 0, 1 << 16, 1 << 16);
  if (sws_scale(scaler.get(), source.data, source.linesize, 0, source.height, out->data, out->linesize) <= 0)
    return undecodable("it cannot be scaled");
  return out;
}

Result<Bytes> encode(AVFrame& frame, unsigned quality) {
  const auto* encoder = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (encoder == nullptr) return fail(ErrorCode::unsupported, "the installed libavcodec cannot write JPEG");
  CodecContext context(avcodec_alloc_context3(encoder));
  context->width = frame.width;
  context->height = frame.height;
  context->pix_fmt = AV_PIX_FMT_YUVJ420P;
  context->color_range = AVCOL_RANGE_JPEG;
  context->time_base = {1, 25};
  context->thread_count = 1;
  // Quality 100 to 1 becomes quantizer 2 to 31.
  const int quantizer = 2 + static_cast<int>((100 - std::clamp(quality, 1u, 100u)) * 29 / 99);
  context->flags |= AV_CODEC_FLAG_QSCALE;
  context->global_quality = FF_QP2LAMBDA * quantizer;
  frame.quality = context->global_quality;
  frame.pts = 0;
  frame.pict_type = AV_PICTURE_TYPE_NONE;
  if (avcodec_open2(context.get(), encoder, nullptr) < 0)
    return fail(ErrorCode::internal, "JPEG encoder does not start");
  Packet packet(av_packet_alloc());
  if (avcodec_send_frame(context.get(), &frame) < 0 || avcodec_receive_packet(context.get(), packet.get()) < 0)
    return fail(ErrorCode::internal, "the picture cannot be written as JPEG");
  return Bytes(packet->data, packet->data + packet->size);
}

}  // namespace

Result<Bytes> make_jpeg(const RequestHead& request, ByteView annexb) {
  const auto decoded = decode(request.codec, annexb);
  if (!decoded) return std::unexpected(decoded.error());
  const auto picture = convert(**decoded, shown_size(**decoded, request.max_width));
  if (!picture) return std::unexpected(picture.error());
  return encode(**picture, request.quality);
}

}  // namespace ccoc::vision
