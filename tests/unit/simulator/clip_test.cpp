#include "ccoc/simulator/clip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/rtp.h"
#include "ccoc/media/sdp.h"
#include "small_clip.h"

namespace ccoc::simulator {
namespace {

using ::testing::HasSubstr;
using testing::small_clip;
using testing::small_clip_file;
using testing::small_clip_frames;

const Stamp example{UtcTime{Duration{1'795'500'237'123'456}}, 42, 1'234'567'890'123};

class Stamps : public ::testing::TestWithParam<media::Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, Stamps, ::testing::Values(media::Codec::h264, media::Codec::h265));

TEST_P(Stamps, are_found_wherever_they_stand) {
  auto nal = make_stamp_nal(GetParam());
  const auto at = find_stamp_text(nal);
  ASSERT_TRUE(at);
  write_stamp(std::span<std::uint8_t, stamp_text_size>(nal.data() + *at, stamp_text_size), example);
  Bytes around(100, 0);
  around.insert(around.end(), nal.begin(), nal.end());
  around.insert(around.end(), 100, 0);
  EXPECT_EQ(find_stamp(nal), example);
  EXPECT_EQ(find_stamp(around), example);
}

TEST_P(Stamps, contain_no_start_code_and_need_no_emulation_prevention) {
  const auto nal = make_stamp_nal(GetParam());
  for (std::size_t i = 0; i + 2 < nal.size(); ++i) EXPECT_FALSE(nal[i] == 0 && nal[i + 1] == 0 && nal[i + 2] <= 3) << i;
}

TEST(Stamp, hostile_bytes_hold_none) {
  auto nal = make_stamp_nal(media::Codec::h264);
  EXPECT_FALSE(find_stamp({}));
  for (std::size_t cut = 0; cut < nal.size() - 1; ++cut) EXPECT_FALSE(find_stamp(ByteView(nal).first(cut))) << cut;
  nal[*find_stamp_text(nal) + 3] = 'x';
  EXPECT_FALSE(find_stamp(nal));
}

class Clips : public ::testing::TestWithParam<media::Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, Clips, ::testing::Values(media::Codec::h264, media::Codec::h265));

TEST_P(Clips, hold_every_frame_with_its_key_frames) {
  const auto clip = small_clip(GetParam());
  ASSERT_TRUE(clip);
  ASSERT_EQ(clip->frames().size(), small_clip_frames);
  EXPECT_EQ(clip->format().width, 320u);
  EXPECT_EQ(clip->fps(), 25);
  for (std::size_t i = 0; i < small_clip_frames; ++i) EXPECT_EQ(clip->frames()[i].key, i % 25 == 0) << i;
}

TEST_P(Clips, are_received_as_they_were_with_the_stamp_added) {
  const auto clip = small_clip(GetParam());
  ASSERT_TRUE(clip);
  const auto sdp = media::parse_sdp(make_sdp(*clip, "cam01 main"));
  ASSERT_TRUE(sdp);
  ASSERT_EQ(sdp->media.size(), 1u);
  EXPECT_EQ(sdp->media[0].framerate, 25);
  std::vector<media::RawUnit> units;
  auto depacketizer = media::make_depacketizer(sdp->media[0], [&](media::RawUnit&& unit) { units.push_back(std::move(unit)); });
  ASSERT_TRUE(depacketizer) << depacketizer.error().message;
  std::uint16_t sequence = 65'530;  // wraps on the way
  for (std::size_t i = 0; i < small_clip_frames; ++i) {
    const auto& frame = clip->frames()[i];
    const auto bytes = clip->prepare(frame, {sequence, static_cast<std::uint32_t>(i * 3600), 77, {example.sent, 9, i}});
    unsigned packets = 0;
    for (std::size_t at = 0; at < bytes.size(); ++packets) {
      const auto size = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
      EXPECT_LE(size, 1400u);
      const auto packet = media::parse_rtp(ByteView(bytes).subspan(at + 4, size));
      ASSERT_TRUE(packet);
      EXPECT_EQ(packet->sequence, sequence++);
      EXPECT_EQ(packet->ssrc, 77u);
      (*depacketizer)->push(*packet);
      at += 4 + size;
    }
    EXPECT_EQ(packets, frame.packets);
  }
  (*depacketizer)->flush();
  ASSERT_EQ(units.size(), small_clip_frames);

  Bytes joined;
  for (std::size_t i = 0; i < units.size(); ++i) {
    EXPECT_EQ(units[i].key, i % 25 == 0) << i;
    EXPECT_FALSE(units[i].damaged);
    EXPECT_EQ(find_stamp(*units[i].data), (Stamp{example.sent, 9, i}));
    media::for_each_nal(*units[i].data, [&](ByteView nal) {
      if (find_stamp_text(nal)) return;
      joined.insert(joined.end(), {0, 0, 0, 1});
      joined.insert(joined.end(), nal.begin(), nal.end());
    });
  }
  std::ifstream in(small_clip_file(GetParam()), std::ios::binary);
  const Bytes file{std::istreambuf_iterator<char>(in), {}};
  const auto sent = media::split_annexb(file), received = media::split_annexb(joined);
  ASSERT_EQ(received.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(std::ranges::equal(sent[i], received[i])) << "NAL unit " << i;
}

TEST(Clip, set_channel_reaches_every_packet) {
  const auto clip = small_clip();
  ASSERT_TRUE(clip);
  const auto bytes = clip->prepare(clip->frames()[0], {});
  Clip::set_channel(bytes, 6);
  for (std::size_t at = 0; at < bytes.size(); at += 4 + static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3])) {
    EXPECT_EQ(bytes[at], '$');
    EXPECT_EQ(bytes[at + 1], 6);
  }
}

TEST(Clip, what_is_no_video_is_refused_with_a_sentence) {
  const auto none = Clip::from_annexb(media::Codec::h264, as_bytes("no video at all"), 0);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::corrupt);
  EXPECT_THAT(none.error().message, HasSubstr("Annex B"));
  const auto away = Clip::load("/nowhere/clip.h264", 0);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace ccoc::simulator
