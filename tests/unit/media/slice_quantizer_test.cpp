#include "ccoc/media/slice_quantizer.h"

#include <gtest/gtest.h>

#include <random>

#include "streams.h"

namespace ccoc::media {
namespace {

struct Coded {
  VideoFormatPtr format;
  std::vector<Bytes> slices;  ///< as access units of one slice
};

Coded load(const std::string& name) {
  Coded out;
  std::vector<Bytes> sps, pps;
  const auto bytes = test::read_data("clips/" + name);
  for (const auto nal : split_annexb(bytes)) {
    const int type = nal_type(Codec::h264, nal);
    if (type == 7 && sps.empty()) sps.emplace_back(nal.begin(), nal.end());
    if (type == 8 && pps.empty()) pps.emplace_back(nal.begin(), nal.end());
    if (is_vcl(Codec::h264, nal)) out.slices.push_back(test::join({Bytes{9, 0xf0}, Bytes(nal.begin(), nal.end())}));
  }
  out.format = std::make_shared<const VideoFormat>(make_format(Codec::h264, {}, sps, pps).value());
  return out;
}

/// Coded with a fixed quantiser (tests/data/clips/README.md).
TEST(SliceQuantizer, reads_what_the_encoder_was_told) {
  for (const auto& [name, wanted] : {std::pair{"qp31_high_b.h264", 31u}, {"qp24_interlaced.h264", 24u}, {"qp37_baseline.h264", 37u}}) {
    const auto clip = load(name);
    const SliceQuantizer quantizer(*clip.format);
    ASSERT_GE(clip.slices.size(), 16u);
    for (const auto& slice : clip.slices) EXPECT_EQ(quantizer.of(slice), wanted) << name;
  }
}

TEST(SliceQuantizer, knows_nothing_of_other_codecs_and_of_pictures_without_their_parameter_sets) {
  const auto clip = load("qp37_baseline.h264");
  EXPECT_FALSE(SliceQuantizer(*test::load_clip(Codec::h265).format).of(clip.slices[0]));
  VideoFormat bare = *clip.format;
  bare.pps.clear();
  EXPECT_FALSE(SliceQuantizer(bare).of(clip.slices[0]));
  EXPECT_FALSE(SliceQuantizer(*clip.format).of({}));
  EXPECT_FALSE(SliceQuantizer(*clip.format).of(Bytes{0, 0, 0, 200, 0x65}));
}

TEST(SliceQuantizer, survives_hostile_bytes) {
  std::mt19937 random(3);
  for (const char* name : {"qp31_high_b.h264", "qp24_interlaced.h264"}) {
    const auto clip = load(name);
    for (int round = 0; round < 20'000; ++round) {
      auto format = *clip.format;
      auto& set = random() % 2 == 0 ? format.sps[0] : format.pps[0];
      set[random() % set.size()] = static_cast<std::uint8_t>(random());
      auto slice = clip.slices[random() % clip.slices.size()];
      for (int i = 0; i < 3; ++i) slice[6 + random() % (std::min<std::size_t>(slice.size(), 30) - 6)] = static_cast<std::uint8_t>(random());
      const auto qp = SliceQuantizer(format).of(slice);
      EXPECT_TRUE(!qp || *qp <= 51);
    }
  }
}

}  // namespace
}  // namespace ccoc::media
