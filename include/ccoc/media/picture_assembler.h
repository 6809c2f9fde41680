// Coded pictures as a demultiplexer yields them (files, transport streams, multipart) to RawUnits like those from RTP.
#pragma once

#include <memory>

#include "ccoc/media/depacketizer.h"

namespace ccoc::media {

/// Some bytes of a stream, in decode order.
struct PicturePiece {
  ByteView data;           ///< NAL units; of Motion JPEG, one JPEG file
  bool annexb = false;     ///< behind start codes; else behind lengths in 4 bytes
  bool whole = false;      ///< exactly one access unit; else a unit ends where the next picture or time begins
  std::uint32_t time = 0;  ///< of the presentation, 90 kHz
};

/// One stream's. One thread. Takes any bytes: what cannot be read is dropped and counted. Bounded as a Depacketizer.
class PictureAssembler {
 public:
  virtual ~PictureAssembler() = default;
  /// Parameter sets of a configuration record (see decoder_config); they hold from the next unit on.
  virtual void configure(ByteView record) = 0;
  virtual void push(const PicturePiece& piece) = 0;
  /// Something is missing before the next piece.
  virtual void lost() = 0;
  virtual const DepacketizerCounts& counts() const = 0;
};

std::unique_ptr<PictureAssembler> make_picture_assembler(Codec codec, Depacketizer::Sink sink);

}  // namespace ccoc::media
