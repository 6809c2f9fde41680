#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "ccoc/media/depacketizer.h"

namespace ccoc::media {
namespace {

using testing::ElementsAre;

SdpMedia track(std::string encoding, std::uint32_t rate, int channels, std::vector<std::pair<std::string, std::string>> fmtp = {}) {
  SdpMedia out;
  out.kind = "audio";
  out.payload_type = 97;
  out.encoding = std::move(encoding);
  out.clock_rate = rate;
  out.channels = channels;
  out.fmtp = std::move(fmtp);
  return out;
}

const std::vector<std::pair<std::string, std::string>> hbr = {
    {"mode", "AAC-hbr"}, {"config", "1408"}, {"sizelength", "13"}, {"indexlength", "3"}, {"indexdeltalength", "3"}};

/// A depacketizer and what came out of it.
class Heard {
 public:
  explicit Heard(const SdpMedia& media) {
    auto made = make_audio_depacketizer(media, [this](RawAudio&& sound) { frames.push_back(std::move(sound)); });
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    depacketizer = std::move(*made);
  }
  void push(Bytes payload, std::uint32_t timestamp, bool marker = true) {
    depacketizer->push({marker, 97, sequence++, timestamp, 1, payload});
  }
  std::vector<Bytes> bytes() const {
    std::vector<Bytes> out;
    for (const auto& frame : frames) out.push_back(*frame.data);
    return out;
  }
  std::vector<RawAudio> frames;
  std::unique_ptr<Depacketizer> depacketizer;
  std::uint16_t sequence = 0;
};

/// RFC 3640, hbr: the table of sizes, then the frames.
Bytes hbr_packet(std::vector<Bytes> frames) {
  Bytes out{0, static_cast<std::uint8_t>(16 * frames.size())};
  for (const auto& frame : frames) {
    out.push_back(static_cast<std::uint8_t>(frame.size() >> 5));
    out.push_back(static_cast<std::uint8_t>(frame.size() << 3));
  }
  for (const auto& frame : frames) out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

TEST(AacDepacketizer, gives_each_frame_its_own_time) {
  Heard heard(track("MPEG4-GENERIC", 16000, 1, hbr));
  heard.push(hbr_packet({{1, 2, 3}, {4, 5}}), 5000);
  EXPECT_THAT(heard.bytes(), ElementsAre(Bytes{1, 2, 3}, Bytes{4, 5}));
  EXPECT_EQ(heard.frames[0].rtp_timestamp, 5000u);
  EXPECT_EQ(heard.frames[1].rtp_timestamp, 6024u);
  EXPECT_EQ(heard.frames[0].duration, 1024u);
  const auto& format = *heard.frames[0].format;
  EXPECT_EQ(format.sample_rate, 16000u);
  EXPECT_EQ(format.channels, 1u);
  EXPECT_EQ(format.codec_string, "mp4a.40.2");
  EXPECT_EQ(format.config, (Bytes{0x14, 0x08}));
}

TEST(AacDepacketizer, joins_a_frame_of_several_packets) {
  Heard heard(track("MPEG4-GENERIC", 16000, 1, hbr));
  const Bytes frame(3000, 7);
  Bytes first = hbr_packet({frame}), second = first;
  first.resize(4 + 2000);
  second.erase(second.begin() + 4, second.begin() + 4 + 2000);
  heard.push(first, 100, false);
  EXPECT_TRUE(heard.frames.empty());
  heard.push(second, 100);
  EXPECT_THAT(heard.bytes(), ElementsAre(frame));

  // The second half is lost: nothing of that frame is given out, and the next is whole.
  heard.push(first, 1124, false);
  heard.depacketizer->lost(1);
  heard.push(hbr_packet({{9}}), 2148);
  ASSERT_EQ(heard.frames.size(), 2u);
  EXPECT_EQ(*heard.frames[1].data, Bytes{9});
  EXPECT_TRUE(heard.frames[1].after_loss);
}

TEST(AacDepacketizer, assumes_low_complexity_where_nothing_is_described) {
  Heard heard(track("MPEG4-GENERIC", 44100, 2));
  heard.push(hbr_packet({{1}}), 0);
  ASSERT_EQ(heard.frames.size(), 1u);
  EXPECT_EQ(heard.frames[0].format->config, (Bytes{0x12, 0x10}));
  EXPECT_EQ(heard.frames[0].format->channels, 2u);
}

TEST(AacDepacketizer, with_sbr_counts_in_the_clock_of_the_track) {
  // HE-AAC: a core of 8000 Hz, put out at 16000 Hz, which is the track's clock.
  Heard heard(track("MPEG4-GENERIC", 16000, 1,
                    {{"mode", "AAC-hbr"}, {"config", "2d8c1000"}, {"sizelength", "13"}, {"indexlength", "3"}, {"indexdeltalength", "3"}}));
  heard.push(hbr_packet({{1}}), 0);
  ASSERT_EQ(heard.frames.size(), 1u);
  EXPECT_EQ(heard.frames[0].format->codec_string, "mp4a.40.5");
  EXPECT_EQ(heard.frames[0].duration % 1024, 0u);
}

TEST(AacDepacketizer, reads_latm) {
  // StreamMuxConfig of AAC LC, 16000 Hz, mono.
  Heard heard(track("MP4A-LATM", 16000, 1, {{"cpresent", "0"}, {"config", "400028103fc0"}}));
  Bytes element{3, 1, 2, 3};
  heard.push(element, 1000);
  Bytes large{255, 45};
  large.insert(large.end(), 300, 9);
  heard.push(Bytes(large.begin(), large.begin() + 100), 2024, false);
  heard.push(Bytes(large.begin() + 100, large.end()), 2024);
  EXPECT_THAT(heard.bytes(), ElementsAre(Bytes{1, 2, 3}, Bytes(300, 9)));
  EXPECT_EQ(heard.frames[0].format->sample_rate, 16000u);
  EXPECT_EQ(heard.frames[0].format->codec_string, "mp4a.40.2");
  EXPECT_EQ(heard.frames[0].format->config.size(), 2u);
}

TEST(AacDepacketizer, reads_latm_that_signals_the_absence_of_sbr_and_ends_early) {
  // As gst-plugins-good's rtpmp4apay writes it.
  Heard heard(track("MP4A-LATM", 16000, 1, {{"cpresent", "0"}, {"config", "40002810adca00"}}));
  heard.push({2, 1, 2}, 0);
  ASSERT_EQ(heard.frames.size(), 1u);
  EXPECT_EQ(heard.frames[0].format->config, (Bytes{0x14, 0x08}));
}

TEST(G711Depacketizer, takes_packets_as_they_are) {
  for (const auto& [encoding, name] : {std::pair{"PCMU", "ulaw"}, {"PCMA", "alaw"}}) {
    Heard heard(track(encoding, 8000, 1));
    heard.push(Bytes(160, 0x55), 160);
    ASSERT_EQ(heard.frames.size(), 1u);
    EXPECT_EQ(heard.frames[0].duration, 160u);
    EXPECT_EQ(heard.frames[0].clock_rate, 8000u);
    EXPECT_EQ(heard.frames[0].format->codec_string, name);
  }
}

TEST(OpusDepacketizer, tells_the_duration_from_the_first_byte) {
  Heard heard(track("OPUS", 48000, 2));
  heard.push({0x78, 1}, 0);        // CELT, 20 ms, one frame
  heard.push({0x08 | 1, 1}, 960);  // SILK, 20 ms, two frames
  heard.push({0xe3, 4, 1}, 0);     // CELT, 2.5 ms, four frames
  ASSERT_EQ(heard.frames.size(), 3u);
  EXPECT_EQ(heard.frames[0].duration, 960u);
  EXPECT_EQ(heard.frames[1].duration, 1920u);
  EXPECT_EQ(heard.frames[2].duration, 480u);
  heard.push({0x1b, 63, 1}, 0);  // 63 frames of 60 ms: longer than 120 ms
  EXPECT_EQ(heard.frames.size(), 3u);
  EXPECT_EQ(heard.depacketizer->counts().bad_packets, 1u);
}

TEST(AudioDepacketizer, leaves_out_what_it_does_not_know) {
  for (const auto& media :
       {track("G726-32", 8000, 1), track("MP4A-LATM", 16000, 1, {{"config", "zz"}}), track("PCMU", 0, 1),
        track("MPEG4-GENERIC", 16000, 1, {{"config", "14"}}), track("MPEG4-GENERIC", 16000, 1, {{"config", "1408"}, {"sizelength", "40"}}),
        track("MPEG4-GENERIC", 12345, 1)}) {
    EXPECT_FALSE(make_audio_depacketizer(media, nullptr)) << media.encoding;
    EXPECT_FALSE(is_understood(media)) << media.encoding;
  }
  EXPECT_TRUE(is_understood(track("PCMA", 8000, 1)));
}

TEST(AudioDepacketizer, survives_any_packet) {
  std::mt19937 random(7);
  for (const auto& media :
       {track("MPEG4-GENERIC", 16000, 1, hbr), track("MP4A-LATM", 16000, 1, {{"cpresent", "0"}, {"config", "400028103fc0"}}),
        track("OPUS", 48000, 2), track("PCMA", 8000, 1)}) {
    Heard heard(media);
    for (int i = 0; i < 20'000; ++i) {
      Bytes noise(random() % 40);
      for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
      if (random() % 10 == 0) heard.depacketizer->lost(1);
      heard.push(noise, static_cast<std::uint32_t>(random() % 3), random() % 2 == 0);
    }
    for (const auto& frame : heard.frames) ASSERT_TRUE(frame.duration > 0 && !frame.data->empty());
  }
}

}  // namespace
}  // namespace ccoc::media
