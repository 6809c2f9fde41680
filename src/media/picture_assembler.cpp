#include "ccoc/media/picture_assembler.h"

#include "ccoc/media/jpeg.h"
#include "ccoc/media/nal.h"
#include "unit_assembler.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_jpeg = 8 * 1024 * 1024;

class NalPictures final : public PictureAssembler {
 public:
  NalPictures(Codec codec, Depacketizer::Sink sink) : codec_(codec), assembler_(codec, std::move(sink)) {}

  void configure(ByteView record) override {
    const auto format = parse_decoder_config(codec_, record);
    if (!format) return assembler_.bad();
    for (const auto* kind : {&format->vps, &format->sps, &format->pps})
      for (const auto& set : *kind) assembler_.sets().add_in_band(set);
  }

  void push(const PicturePiece& piece) override {
    assembler_.expect_flush(piece.whole);
    assembler_.begin_packet(piece.time);
    if (piece.annexb) {
      for (const auto nal : split_annexb(piece.data)) assembler_.add_nal(nal);
    } else if (!for_each_nal(piece.data, [this](ByteView nal) { assembler_.add_nal(nal); })) {
      assembler_.bad();
      assembler_.lost();
    }
    assembler_.end_packet(false);
    if (piece.whole) assembler_.flush();
  }

  void lost() override { assembler_.lost(); }
  const DepacketizerCounts& counts() const override { return assembler_.counts(); }

 private:
  Codec codec_;
  UnitAssembler assembler_;
};

class JpegPictures final : public PictureAssembler {
 public:
  explicit JpegPictures(Depacketizer::Sink sink) : sink_(std::move(sink)) {}

  void configure(ByteView) override {}

  void push(const PicturePiece& piece) override {
    const auto format = parse_jpeg(piece.data);
    if (!format || piece.data.size() > max_jpeg) {
      ++counts_.bad_packets;
      return;
    }
    if (!format_ || *format_ != *format) format_ = std::make_shared<const VideoFormat>(*format);
    RawUnit unit;
    unit.format = format_;
    unit.data = std::make_shared<const Bytes>(piece.data.begin(), piece.data.end());
    unit.rtp_timestamp = piece.time;
    unit.key = true;
    ++counts_.units;
    sink_(std::move(unit));
  }

  void lost() override {}
  const DepacketizerCounts& counts() const override { return counts_; }

 private:
  Depacketizer::Sink sink_;
  VideoFormatPtr format_;
  DepacketizerCounts counts_;
};

}  // namespace

std::unique_ptr<PictureAssembler> make_picture_assembler(Codec codec, Depacketizer::Sink sink) {
  if (codec == Codec::mjpeg) return std::make_unique<JpegPictures>(std::move(sink));
  return std::make_unique<NalPictures>(codec, std::move(sink));
}

}  // namespace ccoc::media
