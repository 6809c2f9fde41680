#include "ccoc/media/picture_assembler.h"

#include <gtest/gtest.h>

#include <fstream>

#include "ccoc/media/nal.h"

namespace ccoc::media {
namespace {

/// Access units of the clip: each begins with a delimiter.
std::vector<Bytes> clip_units() {
  std::ifstream in(CCOC_TEST_DATA "/clips/pattern_bframes.h264", std::ios::binary);
  const Bytes all{std::istreambuf_iterator<char>(in), {}};
  std::vector<Bytes> units;
  for (const auto nal : split_annexb(all)) {
    if (nal_type(Codec::h264, nal) == 9) units.emplace_back();
    const std::uint8_t start[] = {0, 0, 0, 1};
    units.back().insert(units.back().end(), start, start + 4);
    units.back().insert(units.back().end(), nal.begin(), nal.end());
  }
  return units;
}

Bytes with_lengths(const Bytes& annexb) {
  Bytes out;
  for (const auto nal : split_annexb(annexb)) {
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

class Pictures : public testing::Test {
 protected:
  std::vector<RawUnit> got_;
  std::unique_ptr<PictureAssembler> assembler_ =
      make_picture_assembler(Codec::h264, [this](RawUnit&& unit) { got_.push_back(std::move(unit)); });
  const std::vector<Bytes> units_ = clip_units();
};

TEST_F(Pictures, passes_whole_units_on_at_once_and_byte_for_byte) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    assembler_->push({.data = units_[i], .annexb = true, .whole = true, .time = static_cast<std::uint32_t>(i * 3600)});
    ASSERT_EQ(got_.size(), i + 1);
    EXPECT_EQ(*got_[i].data, with_lengths(units_[i]));
    EXPECT_EQ(got_[i].rtp_timestamp, i * 3600);
    EXPECT_EQ(got_[i].key, i == 0 || i == 25);
    EXPECT_FALSE(got_[i].damaged);
  }
  EXPECT_EQ(got_.front().format->width, 322u);
}

TEST_F(Pictures, finds_where_units_end_when_they_come_in_pieces) {
  Bytes all;
  for (const auto& unit : units_) all.insert(all.end(), unit.begin(), unit.end());
  const auto nals = split_annexb(all);
  std::size_t index = 0;
  for (const auto nal : nals) {
    if (nal_type(Codec::h264, nal) == 9) ++index;
    Bytes piece{0, 0, 1};
    piece.insert(piece.end(), nal.begin(), nal.end());
    assembler_->push({.data = piece, .annexb = true, .time = static_cast<std::uint32_t>(index * 3600)});
  }
  ASSERT_EQ(got_.size(), units_.size() - 1) << "the last one may go on";
  for (std::size_t i = 0; i < got_.size(); ++i) EXPECT_EQ(*got_[i].data, with_lengths(units_[i]));
}

TEST_F(Pictures, takes_parameter_sets_from_a_configuration_record) {
  const auto nals = split_annexb(units_[0]);
  VideoFormat format;
  for (const auto nal : nals) {
    if (nal_type(Codec::h264, nal) == 7) format.sps.emplace_back(nal.begin(), nal.end());
    if (nal_type(Codec::h264, nal) == 8) format.pps.emplace_back(nal.begin(), nal.end());
  }
  Bytes slices;
  for (const auto nal : nals) {
    if (!is_vcl(Codec::h264, nal)) continue;
    slices.insert(slices.end(), {0, 0, static_cast<std::uint8_t>(nal.size() >> 8), static_cast<std::uint8_t>(nal.size())});
    slices.insert(slices.end(), nal.begin(), nal.end());
  }
  assembler_->push({.data = slices, .whole = true});
  EXPECT_TRUE(got_.empty()) << "nobody can decode it yet";
  assembler_->configure(decoder_config(format));
  assembler_->push({.data = slices, .whole = true, .time = 3600});
  ASSERT_EQ(got_.size(), 1u);
  EXPECT_EQ(*got_[0].data, slices) << "nothing is put in";
  EXPECT_EQ(got_[0].format->sps, format.sps);
  EXPECT_TRUE(got_[0].key);
}

TEST_F(Pictures, marks_what_comes_after_a_loss_as_damaged_until_a_key_frame) {
  for (std::size_t i = 0; i < 26; ++i) {
    if (i == 10 || i == 25) assembler_->lost();
    assembler_->push({.data = units_[i], .annexb = true, .whole = true, .time = static_cast<std::uint32_t>(i * 3600)});
  }
  ASSERT_EQ(got_.size(), 26u);
  EXPECT_TRUE(got_[10].damaged);
  EXPECT_FALSE(got_[11].damaged);
  EXPECT_FALSE(got_[25].damaged);
  EXPECT_TRUE(got_[25].key);
}

TEST_F(Pictures, drops_lengths_that_do_not_add_up) {
  assembler_->push({.data = units_[0], .annexb = true, .whole = true});
  const Bytes nonsense{0, 0, 1, 0, 65, 1, 2, 3};
  assembler_->push({.data = nonsense, .whole = true, .time = 3600});
  EXPECT_EQ(got_.size(), 1u);
  EXPECT_EQ(assembler_->counts().bad_packets, 1u);
}

TEST(JpegPictures, carry_their_size_and_are_all_key_frames) {
  const Bytes jpeg{0xff, 0xd8, 0xff, 0xe0, 0, 4, 'J', 'F', 0xff, 0xff, 0xc0, 0, 11, 8, 0, 180, 1, 64, 1, 1, 0x11, 0, 0xff, 0xd9};
  std::vector<RawUnit> got;
  const auto assembler = make_picture_assembler(Codec::mjpeg, [&](RawUnit&& unit) { got.push_back(std::move(unit)); });
  assembler->push({.data = jpeg, .whole = true, .time = 9});
  assembler->push({.data = ByteView(jpeg).first(9), .whole = true, .time = 10});
  assembler->push({.data = ByteView(jpeg).subspan(1), .whole = true, .time = 11});
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(assembler->counts().bad_packets, 2u);
  EXPECT_EQ(*got[0].data, jpeg);
  EXPECT_TRUE(got[0].key);
  EXPECT_EQ(got[0].rtp_timestamp, 9u);
  EXPECT_EQ(got[0].format->codec, Codec::mjpeg);
  EXPECT_EQ(got[0].format->width, 320u);
  EXPECT_EQ(got[0].format->height, 180u);
  EXPECT_EQ(got[0].format->codec_string, "mp4v.6C");
}

}  // namespace
}  // namespace ccoc::media
