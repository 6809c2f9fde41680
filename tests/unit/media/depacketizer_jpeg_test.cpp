#include <gtest/gtest.h>

#include <random>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/jpeg.h"

namespace ccoc::media {
namespace {

SdpMedia jpeg_track() {
  SdpMedia out;
  out.kind = "video";
  out.encoding = "JPEG";
  out.payload_type = 26;
  return out;
}

/// RFC 2435 §3.1, without restart markers.
Bytes packet(std::size_t offset, unsigned type, unsigned quality, Bytes scan, Bytes tables = {}) {
  Bytes out{0,
            static_cast<std::uint8_t>(offset >> 16),
            static_cast<std::uint8_t>(offset >> 8),
            static_cast<std::uint8_t>(offset),
            static_cast<std::uint8_t>(type),
            static_cast<std::uint8_t>(quality),
            320 / 8,
            240 / 8};
  if (type >= 64) out.insert(out.end(), {0, 10, 0xff, 0xff});
  if (quality >= 128 && offset == 0) {
    out.insert(out.end(), {0, 0, static_cast<std::uint8_t>(tables.size() >> 8), static_cast<std::uint8_t>(tables.size())});
    out.insert(out.end(), tables.begin(), tables.end());
  }
  out.insert(out.end(), scan.begin(), scan.end());
  return out;
}

class JpegDepacketizerTest : public testing::Test {
 protected:
  void push(const Bytes& payload, std::uint32_t timestamp, bool marker) {
    depacketizer->push({marker, 26, sequence++, timestamp, 1, payload});
  }
  std::vector<RawUnit> pictures;
  std::unique_ptr<Depacketizer> depacketizer =
      make_depacketizer(jpeg_track(), [this](RawUnit&& unit) { pictures.push_back(std::move(unit)); }).value();
  std::uint16_t sequence = 0;
};

TEST_F(JpegDepacketizerTest, makes_a_file_of_the_scan) {
  push(packet(0, 1, 80, Bytes(1000, 1)), 90, false);
  push(packet(1000, 1, 80, Bytes(500, 2)), 90, true);
  ASSERT_EQ(pictures.size(), 1u);
  const auto& file = *pictures[0].data;
  EXPECT_TRUE(pictures[0].key);
  EXPECT_EQ(pictures[0].rtp_timestamp, 90u);
  EXPECT_EQ((Bytes{file.end() - 3, file.end()}), (Bytes{2, 0xff, 0xd9}));
  const auto format = parse_jpeg(file);
  ASSERT_TRUE(format);
  EXPECT_EQ(format->width, 320u);
  EXPECT_EQ(format->height, 240u);
  EXPECT_EQ(*format, *pictures[0].format);
}

TEST_F(JpegDepacketizerTest, takes_tables_from_the_packet_and_remembers_them) {
  push(packet(0, 64, 200, {5}, Bytes(128, 3)), 1, true);
  push(packet(0, 64, 200, {6}), 2, true);
  push(packet(0, 64, 201, {7}), 3, true);  // never described
  push(packet(0, 1, 255, {8}), 4, true);   // described in each packet, but not in this one
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(depacketizer->counts().dropped_before_format, 2u);
}

TEST_F(JpegDepacketizerTest, drops_a_picture_with_a_hole_and_takes_the_next) {
  push(packet(0, 1, 50, Bytes(100, 1)), 1, false);
  push(packet(200, 1, 50, Bytes(100, 1)), 1, true);
  push(packet(0, 1, 50, Bytes(100, 1)), 2, false);
  depacketizer->lost(1);
  push(packet(100, 1, 50, Bytes(100, 1)), 2, true);
  EXPECT_TRUE(pictures.empty());
  EXPECT_EQ(depacketizer->counts().damaged_units, 2u);
  push(packet(0, 1, 50, Bytes(100, 1)), 3, true);
  EXPECT_EQ(pictures.size(), 1u);
}

TEST_F(JpegDepacketizerTest, survives_any_packet) {
  std::mt19937 random(3);
  for (int i = 0; i < 50'000; ++i) {
    Bytes noise(random() % 160);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    if (noise.size() > 8 && random() % 2 == 0) {
      noise[1] = noise[2] = noise[3] = 0;
      noise[4] = static_cast<std::uint8_t>(noise[4] & 65);
    }
    push(noise, static_cast<std::uint32_t>(random() % 4), random() % 2 == 0);
  }
  for (const auto& picture : pictures) ASSERT_TRUE(parse_jpeg(*picture.data));
}

TEST(Jpeg, refuses_what_is_no_picture) {
  for (const Bytes& bytes : {Bytes{}, Bytes{0xff, 0xd8}, Bytes{0xff, 0xd8, 0xff, 0xd9}, Bytes{0xff, 0xd8, 0xff, 0xc0, 0, 2, 8, 0},
                             Bytes{0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff}, Bytes(100, 0xff)}) {
    EXPECT_FALSE(parse_jpeg(bytes));
  }
}

}  // namespace
}  // namespace ccoc::media
