#include "av.h"

#include <cstring>
#include <iterator>

namespace ccoc::vision {
namespace {

constexpr std::int64_t max_pixels = 64ll * 1024 * 1024;

}  // namespace

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

Result<Packet> make_packet(ByteView bytes) {
  Packet packet(av_packet_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) return undecodable("out of memory");
  std::memcpy(packet->data, bytes.data(), bytes.size());
  return packet;
}

Result<Frame> decode_alone(std::uint8_t codec, ByteView annexb) {
  const auto decoder = open_decoder(codec);
  if (!decoder) return std::unexpected(decoder.error());
  auto packet = make_packet(annexb);
  if (!packet) return std::unexpected(packet.error());
  (*packet)->flags |= AV_PKT_FLAG_KEY;
  if (avcodec_send_packet(decoder->get(), packet->get()) < 0) return undecodable("it is damaged");
  avcodec_send_packet(decoder->get(), nullptr);
  Frame frame(av_frame_alloc());
  if (avcodec_receive_frame(decoder->get(), frame.get()) < 0) return undecodable("there is no whole picture in it");
  if (frame->width <= 0 || frame->height <= 0) return undecodable("it has no size");
  return frame;
}

bool is_full_range(const AVFrame& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || frame.format == AV_PIX_FMT_YUVJ420P || frame.format == AV_PIX_FMT_YUVJ422P ||
         frame.format == AV_PIX_FMT_YUVJ444P;
}

}  // namespace ccoc::vision
