// libavcodec's objects with owners, and the decoder that every task begins with.
#pragma once

#include <memory>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

namespace ccoc::vision {

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
using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

std::unexpected<Error> undecodable(const char* why);

/// `codec` as in RequestHead. One thread: a picture comes out as soon as the stream's order allows it.
Result<CodecContext> open_decoder(std::uint8_t codec);

/// A copy of the bytes, padded as decoders want it.
Result<Packet> make_packet(ByteView bytes);

/// One key frame, alone, with a fresh decoder.
Result<Frame> decode_alone(std::uint8_t codec, ByteView annexb);

/// Whether brightness goes from 0 to 255, and not from 16 to 235.
bool is_full_range(const AVFrame& frame);

}  // namespace ccoc::vision
