#include "picture.h"

#include <algorithm>

#include "av.h"

namespace ccoc::vision {
namespace {

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
  const Scaler scaler(sws_getContext(source.width, source.height, static_cast<AVPixelFormat>(source.format), size.width, size.height,
                                     AV_PIX_FMT_YUVJ420P, SWS_AREA, nullptr, nullptr, nullptr));
  if (!scaler) return undecodable("its pixel format is not known");
  const int* matrix = sws_getCoefficients(SWS_CS_DEFAULT);
  sws_setColorspaceDetails(scaler.get(), matrix, is_full_range(source) ? 1 : 0, matrix, 1, 0, 1 << 16, 1 << 16);
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
  if (avcodec_open2(context.get(), encoder, nullptr) < 0) return fail(ErrorCode::internal, "JPEG encoder does not start");
  Packet packet(av_packet_alloc());
  if (avcodec_send_frame(context.get(), &frame) < 0 || avcodec_receive_packet(context.get(), packet.get()) < 0)
    return fail(ErrorCode::internal, "the picture cannot be written as JPEG");
  return Bytes(packet->data, packet->data + packet->size);
}

}  // namespace

Result<Bytes> make_jpeg(const RequestHead& request, ByteView annexb) {
  const auto decoded = decode_alone(request.codec, annexb);
  if (!decoded) return std::unexpected(decoded.error());
  const auto picture = convert(**decoded, shown_size(**decoded, request.max_width));
  if (!picture) return std::unexpected(picture.error());
  return encode(**picture, request.quality);
}

}  // namespace ccoc::vision
