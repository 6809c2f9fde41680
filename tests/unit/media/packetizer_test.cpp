#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

class Packetizer : public testing::TestWithParam<Codec> {
 protected:
  Packetizer() : clip(test::load_clip(GetParam())) {}

  std::unique_ptr<Depacketizer> depacketizer() {
    SdpMedia media;
    media.encoding = GetParam() == Codec::h264 ? "H264" : "H265";
    return make_depacketizer(media, [this](RawUnit&& unit) { units.push_back(std::move(unit)); }).value();
  }

  struct Packet {
    Bytes payload;
    std::uint32_t timestamp;
    bool marker;
  };
  std::vector<Packet> packets(std::size_t max_payload) {
    std::vector<Packet> out;
    std::uint32_t timestamp = 0;
    for (const auto& picture : clip.pictures) {
      packetize(GetParam(), test::join(picture), max_payload, [&](ByteView payload, bool last) {
        EXPECT_LE(payload.size(), max_payload);
        out.push_back({Bytes(payload.begin(), payload.end()), timestamp, last});
      });
      timestamp += 3600;
    }
    return out;
  }

  test::Clip clip;
  std::vector<RawUnit> units;
};

TEST_P(Packetizer, round_trip_gives_every_picture_back_byte_for_byte) {
  for (const std::size_t max_payload : {40u, 333u, 1400u, 65'000u}) {
    units.clear();
    auto reader = depacketizer();
    for (const auto& packet : packets(max_payload))
      reader->push({packet.marker, 96, 0, packet.timestamp, 1, packet.payload});
    ASSERT_EQ(units.size(), clip.pictures.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(*units[i].data, test::join(clip.pictures[i])) << i;
      EXPECT_EQ(units[i].rtp_timestamp, 3600 * i);
      EXPECT_FALSE(units[i].damaged);
      EXPECT_EQ(units[i].format, units[0].format);
    }
    EXPECT_EQ(*units[0].format, *clip.format);
    EXPECT_EQ(std::ranges::count_if(units, &RawUnit::key), 2);
  }
}

TEST_P(Packetizer, lost_packets_damage_only_the_pictures_they_belong_to) {
  const auto all = packets(200);
  for (std::size_t missing = 3; missing < all.size(); ++missing) {
    units.clear();
    auto reader = depacketizer();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == missing) continue;
      if (i == missing + 1) reader->lost(1);
      reader->push({all[i].marker, 96, 0, all[i].timestamp, 1, all[i].payload});
    }
    for (const auto& unit : units) {
      const auto& original = test::join(clip.pictures[unit.rtp_timestamp / 3600]);
      if (*unit.data == original) continue;
      // Delimiters and parameter sets may be missing in front of a whole picture; slices may not.
      const bool hit = unit.rtp_timestamp == all[missing].timestamp;
      EXPECT_TRUE(hit) << missing;
      const bool slice_lost = all[missing].payload.size() > 60;
      if (slice_lost) {
        EXPECT_TRUE(unit.damaged) << missing;
        EXPECT_FALSE(unit.key) << missing;
      }
    }
    const auto damaged = std::ranges::count_if(units, &RawUnit::damaged);
    EXPECT_LE(damaged, 1) << missing;
  }
}

TEST_P(Packetizer, hostile_changes_never_crash_and_every_unit_adds_up) {
  std::mt19937 random(7);
  const auto all = packets(300);
  std::size_t delivered = 0;
  for (int round = 0; round < 150; ++round) {
    units.clear();
    auto reader = depacketizer();
    for (auto packet : all) {
      switch (random() % 8) {
        case 0: packet.payload[random() % packet.payload.size()] = static_cast<std::uint8_t>(random()); break;
        case 1: packet.payload.resize(random() % packet.payload.size()); break;
        case 2: packet.marker = !packet.marker; break;
        case 3: packet.timestamp += static_cast<std::uint32_t>(random() % 3) * 3600; break;
        case 4: reader->lost(1); break;
        default: break;
      }
      reader->push({packet.marker, 96, 0, packet.timestamp, 1, packet.payload});
    }
    reader->flush();
    delivered += units.size();
    for (const auto& unit : units) {
      EXPECT_TRUE(for_each_nal(*unit.data, [](ByteView nal) { EXPECT_FALSE(nal.empty()); }));
      EXPECT_FALSE(unit.data->empty());
      EXPECT_TRUE(unit.format);
    }
  }
  EXPECT_GT(delivered, 150u);
}

TEST_P(Packetizer, marks_only_the_very_last_payload) {
  std::vector<bool> last;
  packetize(GetParam(), test::join(clip.pictures.front()), 100, [&](ByteView, bool l) { last.push_back(l); });
  EXPECT_EQ(std::ranges::count(last, true), 1);
  EXPECT_TRUE(last.back());
}

INSTANTIATE_TEST_SUITE_P(Codecs, Packetizer, testing::Values(Codec::h264, Codec::h265),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace
}  // namespace ccoc::media
