#include <gtest/gtest.h>

#include "ccoc/media/depacketizer.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

class H265Depacketizer : public testing::Test {
 protected:
  H265Depacketizer() : clip(test::load_clip(Codec::h265)), picture(clip.pictures.front()) {}

  void start(std::vector<std::pair<std::string, std::string>> fmtp = {}) {
    SdpMedia media;
    media.encoding = "H265";
    media.fmtp = std::move(fmtp);
    depacketizer = make_depacketizer(media, [this](RawUnit&& unit) { units.push_back(std::move(unit)); }).value();
  }
  void push(std::uint32_t timestamp, const Bytes& payload, bool marker = false) {
    depacketizer->push({marker, 98, 0, timestamp, 1, payload});
  }
  std::vector<Bytes> nals(std::size_t unit) { return test::nals_of(*units.at(unit).data); }

  test::Clip clip;
  std::vector<Bytes> picture;  ///< VPS, SPS, PPS, SEI, IDR
  std::vector<RawUnit> units;
  std::unique_ptr<Depacketizer> depacketizer;
};

Bytes aggregate(const std::vector<Bytes>& nals, bool with_don = false) {
  Bytes out{0x60, 0x01};
  std::uint8_t number = 0;
  for (const auto& nal : nals) {
    if (with_don) {
      if (number == 0) out.push_back(0);
      out.push_back(number++);
    }
    out.push_back(static_cast<std::uint8_t>(nal.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(nal.size()));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

TEST_F(H265Depacketizer, joins_an_aggregate_of_parameter_sets_and_a_slice) {
  start();
  const std::vector<Bytes> sets(picture.begin(), picture.end() - 1);
  push(5, aggregate(sets));
  push(5, picture.back(), true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_TRUE(units[0].key);
  EXPECT_EQ(nals(0), picture);
  EXPECT_EQ(*units[0].format, *clip.format);
}

TEST_F(H265Depacketizer, reads_decoding_order_numbers_where_they_are_announced) {
  start({{"sprop-max-don-diff", "1"}});
  const std::vector<Bytes> sets(picture.begin(), picture.end() - 1);
  push(5, aggregate(sets, true));
  const auto& idr = picture.back();
  Bytes single{idr[0], idr[1], 0, 9};
  single.insert(single.end(), idr.begin() + 2, idr.end());
  push(5, single, true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(nals(0), picture);
}

TEST_F(H265Depacketizer, takes_a_fragment_that_is_start_and_end_at_once) {
  start();
  const auto& idr = picture.back();
  push(0, aggregate({picture.begin(), picture.end() - 1}));
  Bytes whole{static_cast<std::uint8_t>((idr[0] & 0x81) | 49 << 1), idr[1], static_cast<std::uint8_t>(0xc0 | (idr[0] >> 1 & 0x3f))};
  whole.insert(whole.end(), idr.begin() + 2, idr.end());
  push(0, whole, true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(nals(0), picture);
  EXPECT_TRUE(units[0].key);
}

TEST_F(H265Depacketizer, waits_for_all_three_kinds_of_parameter_sets) {
  start();
  push(0, picture[1]);
  push(0, picture[2]);
  push(0, picture.back(), true);
  EXPECT_EQ(units.size(), 0u);
  EXPECT_EQ(depacketizer->counts().dropped_before_format, 1u);
  push(1, picture[0]);
  push(1, picture.back(), true);
  ASSERT_EQ(units.size(), 1u);
}

TEST_F(H265Depacketizer, ignores_parameter_sets_of_another_layer) {
  start();
  push(0, aggregate({picture.begin(), picture.end() - 1}));
  auto layered = picture[1];
  layered[1] |= 0x08;
  layered.back() ^= 0x10;
  push(0, layered);
  push(0, picture.back(), true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(*units[0].format, *clip.format);
}

TEST_F(H265Depacketizer, counts_packets_that_make_no_sense) {
  start();
  for (const Bytes& bad :
       {Bytes{0x62}, Bytes{0x62, 1}, Bytes{0x62, 1, 0xf1, 2}, Bytes{0x64, 1, 2}, Bytes{0x60, 1, 0xff, 0xff}, Bytes{0x62, 1, 0xd3}})
    push(0, bad);
  EXPECT_EQ(depacketizer->counts().bad_packets, 6u);
}

}  // namespace
}  // namespace ccoc::media
