#include "ccoc/media/nal.h"

#include <gtest/gtest.h>

#include <random>

#include "ccoc/media/depacketizer.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

Bytes hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

/// The format that a camera's sprop parameter makes, as seen through the depacketizer.
VideoFormatPtr format_of_sprop(const char* encoding, std::vector<std::pair<std::string, std::string>> fmtp) {
  SdpMedia media;
  media.encoding = encoding;
  media.fmtp = std::move(fmtp);
  VideoFormatPtr format;
  auto depacketizer = make_depacketizer(media, [&](RawUnit&& unit) { format = unit.format; }).value();
  const Bytes slice = media.encoding == "H264" ? Bytes{0x65, 0x88, 1, 2} : Bytes{0x26, 1, 0x80, 1};
  depacketizer->push({true, 96, 1, 0, 1, slice});
  return format;
}

TEST(Format, reads_real_h264_cameras) {
  struct Camera {
    const char* sprop;
    std::uint32_t width, height;
    double fps;
    const char* codec;
  };
  for (const auto& camera : {
           Camera{"Z00AKZpkA8ARPyzUBAQFAAADA+gAAOpgBA==,aO48gA==", 1920, 1080, 30, "avc1.4d0029"},  // Hikvision
           Camera{"Z2QAM6zoAoALWQ==,aO48MA==", 2560, 1440, 0, "avc1.640033"},                       // Reolink
           Camera{"Z00AH5WoFAFuQA==,aO48gA==", 1280, 720, 0, "avc1.4d001f"},                        // Foscam
           Camera{"Z00AKpWoHgCJ+WbgICAgQAAAAAE=,aO48gAAAAAE=", 1920, 1080, 0, "avc1.4d002a"},       // start codes behind
           Camera{"Z2QAHqwsaoLA9puCgIKgAAADACAAAAMD0IAA,aO4xshsA", 704, 480, 15, "avc1.64001e"},    // Dahua
           Camera{"Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==", 240, 160, 24, "avc1.42c01e"},
       }) {
    const auto format = format_of_sprop("H264", {{"sprop-parameter-sets", camera.sprop}});
    ASSERT_TRUE(format) << camera.sprop;
    EXPECT_EQ(format->width, camera.width) << camera.sprop;
    EXPECT_EQ(format->height, camera.height) << camera.sprop;
    EXPECT_NEAR(format->fps, camera.fps, 0.01) << camera.sprop;
    EXPECT_EQ(format->codec_string, camera.codec);
    EXPECT_NE(format->sps.front().back(), 0);
  }
}

TEST(Format, reads_a_real_h265_camera) {
  const auto format = format_of_sprop("H265", {{"sprop-vps", "QAEMAf//AWAAAAMAsAAAAwAAAwBarAwAAAMABAAAAwAyqA=="},
                                               {"sprop-sps", "QgEBAWAAAAMAsAAAAwAAAwBaoAWCAeFja5JFL83BQYFBAAADAAEAAAMADKE="},
                                               {"sprop-pps", "RAHA8saNA7NA"}});
  ASSERT_TRUE(format);
  EXPECT_EQ(format->width, 704u);
  EXPECT_EQ(format->height, 480u);
  EXPECT_NEAR(format->fps, 12, 0.01);
  EXPECT_EQ(format->codec_string, "hvc1.1.6.L90.B0");
}

TEST(Format, reads_what_the_encoders_wrote_into_the_clips) {
  const auto h264 = test::load_clip(Codec::h264);
  EXPECT_EQ(h264.format->width, 322u);
  EXPECT_EQ(h264.format->height, 180u);
  EXPECT_NEAR(h264.format->fps, 25, 0.01);
  const auto h265 = test::load_clip(Codec::h265);
  EXPECT_EQ(h265.format->width, 320u);
  EXPECT_EQ(h265.format->height, 180u);
  EXPECT_NEAR(h265.format->fps, 15, 0.01);
  EXPECT_EQ(h265.format->codec_string.substr(0, 10), "hvc1.1.6.L");
}

TEST(Format, fails_on_every_torn_sps_and_survives_every_flipped_bit) {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto clip = test::load_clip(codec);
    const auto whole = clip.format->sps.front();
    int failed = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes torn(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      if (!make_format(codec, {}, {torn}, {})) ++failed;
    }
    EXPECT_GE(failed, 7);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      auto flipped = whole;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
      const auto format = make_format(codec, {}, {flipped}, {});
      if (format) {
        EXPECT_LE(format->width, 16384u);
        EXPECT_GT(format->height, 0u);
      }
    }
  }
  EXPECT_FALSE(make_format(Codec::h264, {}, {}, {}));
}

TEST(DecoderConfig, reads_back_what_it_writes) {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto clip = test::load_clip(codec);
    const auto record = decoder_config(*clip.format);
    const auto read = parse_decoder_config(codec, record);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, *clip.format);
    for (std::size_t size = 0; size + 4 < record.size(); ++size) {
      const auto torn = parse_decoder_config(codec, ByteView(record).first(size));
      if (torn) {
        EXPECT_EQ(torn->sps, clip.format->sps);
      }
    }
  }
}

TEST(DecoderConfig, says_chroma_and_depth_for_high_profile) {
  const auto clip = test::load_clip(Codec::h264);
  const auto record = decoder_config(*clip.format);
  EXPECT_EQ(record[0], 1);
  EXPECT_EQ(record[1], 100);
  EXPECT_EQ(record[4], 0xff);
  EXPECT_EQ(Bytes(record.end() - 4, record.end()), (Bytes{0xfd, 0xf8, 0xf8, 0}));
}

TEST(Nal, classifies_h264) {
  EXPECT_EQ(nal_type(Codec::h264, {}), 0);
  EXPECT_TRUE(is_random_access(Codec::h264, Bytes{0x65, 0x88}));
  EXPECT_FALSE(is_random_access(Codec::h264, Bytes{0x41, 0x9a}));
  EXPECT_TRUE(starts_picture(Codec::h264, Bytes{0x41, 0x9a}));
  EXPECT_FALSE(starts_picture(Codec::h264, Bytes{0x41, 0x1a}));
  EXPECT_FALSE(starts_picture(Codec::h264, Bytes{0x41}));
  EXPECT_FALSE(is_vcl(Codec::h264, Bytes{0x06, 0x80}));
  EXPECT_TRUE(is_parameter_set(Codec::h264, Bytes{0x67}));
}

TEST(Nal, classifies_h265) {
  EXPECT_TRUE(is_random_access(Codec::h265, Bytes{0x26, 1, 0x80}));
  EXPECT_TRUE(starts_picture(Codec::h265, Bytes{0x02, 1, 0x80}));
  EXPECT_FALSE(starts_picture(Codec::h265, Bytes{0x02, 1, 0x00}));
  EXPECT_TRUE(is_parameter_set(Codec::h265, Bytes{0x40, 1}));
  EXPECT_FALSE(is_vcl(Codec::h265, Bytes{0x40, 1}));
  EXPECT_FALSE(is_vcl(Codec::h265, {}));
}

TEST(Nal, finds_recovery_points_in_sei) {
  EXPECT_EQ(recovery_point(Codec::h264, hex("060601c480")), 0);
  EXPECT_EQ(recovery_point(Codec::h264, hex("06050301020306012480")), 3);  // behind another message
  EXPECT_EQ(recovery_point(Codec::h264, hex("0605030102038080")), std::nullopt);
  EXPECT_EQ(recovery_point(Codec::h264, hex("06ffffff")), std::nullopt);
  EXPECT_EQ(recovery_point(Codec::h265, hex("4e01060180")), 0);
  EXPECT_EQ(recovery_point(Codec::h264, hex("65060180")), std::nullopt);
}

TEST(Nal, walks_length_prefixed_data_and_notices_what_does_not_add_up) {
  const auto data = test::join({{1, 2}, {3}});
  EXPECT_EQ(test::nals_of(data), (std::vector<Bytes>{{1, 2}, {3}}));
  const auto ignore = [](ByteView) {};
  EXPECT_TRUE(for_each_nal(data, ignore));
  EXPECT_TRUE(for_each_nal({}, ignore));
  for (std::size_t size = 1; size < data.size(); ++size) EXPECT_EQ(for_each_nal(ByteView(data).first(size), ignore), size == 6) << size;
  EXPECT_FALSE(for_each_nal(hex("ffffffff01"), ignore));
}

TEST(AnnexB, splits_at_long_and_short_start_codes_and_drops_trailing_zeros) {
  const auto bytes =
      hex("00000001670000010068000000"
          "01"
          "6511000000000001"
          "41");
  std::vector<Bytes> nals;
  for (const auto nal : split_annexb(bytes)) nals.emplace_back(nal.begin(), nal.end());
  EXPECT_EQ(nals, (std::vector<Bytes>{hex("67"), hex("0068"), hex("6511"), hex("41")}));
  EXPECT_TRUE(split_annexb(hex("656565")).empty());
  EXPECT_TRUE(split_annexb(hex("000001")).empty());
}

AccessUnit unit_of(const test::Clip& clip, const std::vector<Bytes>& nals, bool key) {
  AccessUnit unit;
  unit.format = clip.format;
  unit.data = std::make_shared<const Bytes>(test::join(nals));
  unit.key = key;
  return unit;
}

TEST(AnnexB, puts_parameter_sets_in_front_of_a_bare_key_frame_but_behind_its_delimiter) {
  const auto clip = test::load_clip(Codec::h264);
  const auto types = [](const Bytes& annexb) {
    std::vector<int> all;
    for (const auto nal : split_annexb(annexb)) all.push_back(nal_type(Codec::h264, nal));
    return all;
  };
  EXPECT_EQ(types(to_annexb(unit_of(clip, {{0x65, 0x88}}, true))), (std::vector{7, 8, 5}));
  EXPECT_EQ(types(to_annexb(unit_of(clip, {{0x09, 0xf0}, {0x65, 0x88}}, true))), (std::vector{9, 7, 8, 5}));
  EXPECT_EQ(types(to_annexb(unit_of(clip, {{0x41, 0x9a}}, false))), (std::vector{1}));
  const auto own = clip.pictures.front();
  EXPECT_EQ(to_annexb(unit_of(clip, own, true)).size(), test::join(own).size());
}

}  // namespace
}  // namespace ccoc::media
