#include "ccoc/media/packetizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/rtp.h"
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
    for (const auto& packet : packets(max_payload)) reader->push({packet.marker, 96, 0, packet.timestamp, 1, packet.payload});
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

/// The packets of a batch, without their framing.
std::vector<RtpPacket> packets_of(const PacketBatch& batch) {
  std::vector<RtpPacket> out;
  const ByteView framed(*batch.framed);
  for (std::size_t at = 0, size = 0; (size = framed_size(framed, at)) != 0; at += size) {
    EXPECT_EQ(framed[at], '$');
    EXPECT_EQ(framed[at + 1], batch.channel);
    EXPECT_LE(size, most_rtp_bytes + interleaved_header);
    out.push_back(parse_rtp(framed.subspan(at + interleaved_header, size - interleaved_header)).value());
  }
  EXPECT_EQ(out.size(), batch.packets);
  return out;
}

TEST_P(Packetizer, writes_key_units_with_their_parameter_sets_and_numbers_without_a_hole) {
  RtpWriter writer(96, 0x12345678, 65'533, 0);
  auto reader = depacketizer();
  std::uint16_t sequence = 65'533;
  for (std::size_t i = 0; i < clip.pictures.size(); ++i) {
    AccessUnit unit;
    unit.format = clip.format;
    auto nals = clip.pictures[i];
    std::erase_if(nals, [](const Bytes& nal) { return is_parameter_set(GetParam(), nal); });
    unit.data = std::make_shared<const Bytes>(test::join(nals));
    unit.key = std::ranges::any_of(nals, [](const Bytes& nal) { return is_random_access(GetParam(), nal); });
    const auto batch = writer.video(unit, static_cast<std::uint32_t>(i * 3600));
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->key, unit.key);
    EXPECT_EQ(batch->first_sequence, sequence);
    const auto packets = packets_of(*batch);
    for (const auto& packet : packets) {
      EXPECT_EQ(packet.sequence, sequence++);
      EXPECT_EQ(packet.ssrc, 0x12345678u);
      EXPECT_EQ(packet.marker, &packet == &packets.back());
      reader->push(packet);
    }
  }
  ASSERT_EQ(units.size(), clip.pictures.size());
  EXPECT_EQ(*units.front().format, *clip.format) << "read from the stream alone";
  EXPECT_EQ(reader->counts().damaged_units, 0u);
  const auto other = with_channel(*writer.video(AccessUnit{clip.format, units[0].data, 0, {}, 0, true, false, false}, 1)->framed, 7);
  EXPECT_EQ(other[1], 7);
}

AudioUnit sound(AudioCodec codec, std::uint32_t rate, unsigned channels, std::size_t bytes) {
  AudioUnit unit;
  unit.format = std::make_shared<const AudioFormat>(AudioFormat{.codec = codec,
                                                                .sample_rate = rate,
                                                                .channels = channels,
                                                                .config = codec == AudioCodec::aac ? Bytes{0x14, 0x08} : Bytes{},
                                                                .codec_string = {}});
  auto data = std::make_shared<Bytes>(bytes);
  for (std::size_t i = 0; i < bytes; ++i) (*data)[i] = static_cast<std::uint8_t>(i * 7);
  unit.data = std::move(data);
  return unit;
}

TEST(RtpWriter, sound_round_trips_in_every_codec_that_is_offered) {
  for (const auto& unit :
       {sound(AudioCodec::aac, 16000, 1, 300), sound(AudioCodec::aac, 16000, 1, 5000), sound(AudioCodec::pcmu, 8000, 1, 160),
        sound(AudioCodec::pcma, 16000, 2, 640), sound(AudioCodec::opus, 48000, 2, 80)}) {
    const auto what = to_string(unit.format->codec);
    const auto described = parse_sdp(make_sdp({.name = "x", .video = nullptr, .audio = unit.format}));
    ASSERT_TRUE(described) << what;
    ASSERT_EQ(described->media.size(), 1u) << what;
    EXPECT_EQ(described->media[0].payload_type, payload_type_of(*unit.format));
    std::vector<RawAudio> heard;
    auto reader = make_audio_depacketizer(described->media[0], [&](RawAudio&& raw) { heard.push_back(std::move(raw)); });
    ASSERT_TRUE(reader) << what;
    RtpWriter writer(payload_type_of(*unit.format), 1, 5, 2);
    const auto batch = writer.audio(unit, 9000);
    ASSERT_TRUE(batch) << what;
    for (const auto& packet : packets_of(*batch)) (*reader)->push(packet);
    (*reader)->flush();
    ASSERT_EQ(heard.size(), 1u) << what;
    EXPECT_EQ(*heard[0].data, *unit.data) << what;
    EXPECT_EQ(heard[0].rtp_timestamp, 9000u) << what;
    EXPECT_EQ(*heard[0].format, [&] {
      auto format = *unit.format;
      format.codec_string = heard[0].format->codec_string;
      return format;
    }()) << what;
  }
}

TEST(RtpWriter, long_pieces_of_g711_are_timed_by_their_samples) {
  RtpWriter writer(0, 1, 5, 2);
  const auto batch = writer.audio(sound(AudioCodec::pcmu, 8000, 1, 4000), 100);
  const auto packets = packets_of(*batch);
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(packets[0].timestamp, 100u);
  EXPECT_EQ(packets[1].timestamp, 100u + packets[0].payload.size());
}

}  // namespace
}  // namespace ccoc::media
