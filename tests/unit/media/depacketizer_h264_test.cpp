#include <gtest/gtest.h>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

// Parameter sets of a 1280×720 camera, and pictures of which only the first byte after the header matters.
const Bytes sps = {0x67, 0x4d, 0x00, 0x1f, 0x95, 0xa8, 0x14, 0x01, 0x6e, 0x40};
const Bytes pps = {0x68, 0xee, 0x3c, 0x80};
const Bytes other_sps = {0x67, 0x64, 0x00, 0x33, 0xac, 0xe8, 0x02, 0x80, 0x0b, 0x59};  // 2560×1440

Bytes slice(std::uint8_t header, bool first, std::size_t size = 6) {
  Bytes nal(size, 0x55);
  nal[0] = header;
  nal[1] = first ? 0x88 : 0x18;
  return nal;
}
const Bytes idr = slice(0x65, true), idr_rest = slice(0x65, false);
const Bytes p = slice(0x41, true), p_rest = slice(0x41, false);

Bytes stap_a(const std::vector<Bytes>& nals) {
  Bytes out{0x78};
  for (const auto& nal : nals) {
    out.push_back(static_cast<std::uint8_t>(nal.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(nal.size()));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

/// One FU-A of `nal`: its bytes from `from` to `to` (the header not counted), with start and end as told.
Bytes fu_a(const Bytes& nal, std::size_t from, std::size_t to, bool start, bool end) {
  Bytes out{static_cast<std::uint8_t>((nal[0] & 0xe0) | 28),
            static_cast<std::uint8_t>((start ? 0x80 : 0) | (end ? 0x40 : 0) | (nal[0] & 0x1f))};
  out.insert(out.end(), nal.begin() + 1 + static_cast<std::ptrdiff_t>(from), nal.begin() + 1 + static_cast<std::ptrdiff_t>(to));
  return out;
}

class H264Depacketizer : public testing::Test {
 protected:
  void start(const std::string& sprop = {}) {
    SdpMedia media;
    media.encoding = "H264";
    media.fmtp.emplace_back("sprop-parameter-sets", sprop);
    depacketizer = make_depacketizer(media, [this](RawUnit&& unit) { units.push_back(std::move(unit)); }).value();
  }
  void push(std::uint32_t timestamp, const Bytes& payload, bool marker = false) {
    depacketizer->push({marker, 96, sequence++, timestamp, 1, payload});
  }
  /// What camera firmware mostly does: sets and slices, the marker on the last slice.
  void push_key(std::uint32_t timestamp) {
    push(timestamp, sps);
    push(timestamp, pps);
    push(timestamp, idr, true);
  }
  std::vector<Bytes> nals(std::size_t unit) { return test::nals_of(*units.at(unit).data); }

  std::vector<RawUnit> units;
  std::unique_ptr<Depacketizer> depacketizer;
  std::uint16_t sequence = 0;
};

TEST_F(H264Depacketizer, delivers_a_key_frame_with_its_sets_on_the_marker) {
  start();
  push_key(900);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_TRUE(units[0].key);
  EXPECT_FALSE(units[0].damaged);
  EXPECT_EQ(units[0].rtp_timestamp, 900u);
  EXPECT_EQ(nals(0), (std::vector{sps, pps, idr}));
  EXPECT_EQ(units[0].data->capacity(), units[0].data->size());
  EXPECT_EQ(units[0].format->width, 1280u);
  EXPECT_EQ(units[0].format->codec_string, "avc1.4d001f");
}

TEST_F(H264Depacketizer, joins_aggregates_and_fragments) {
  start();
  const auto big = slice(0x65, true, 100);
  push(0, stap_a({sps, pps}));
  push(0, fu_a(big, 0, 40, true, false));
  push(0, fu_a(big, 40, 80, false, false));
  push(0, fu_a(big, 80, 99, false, true), true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(nals(0), (std::vector{sps, pps, big}));
  EXPECT_TRUE(units[0].key);
}

TEST_F(H264Depacketizer, takes_the_format_from_the_sdp_and_keeps_the_pointer_when_the_stream_repeats_it) {
  start("Z00AH5WoFAFuQA==,aO48gA==");
  push(0, idr, true);
  push_key(1);
  push_key(2);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_EQ(units[0].format->width, 1280u);
  EXPECT_EQ(units[0].format, units[1].format);
  EXPECT_EQ(units[1].format, units[2].format);
}

TEST_F(H264Depacketizer, makes_a_new_format_only_when_the_sets_differ) {
  start();
  push_key(0);
  push(1, other_sps);
  push(1, pps);
  push(1, idr, true);
  push(2, p, true);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_EQ(units[0].format->width, 1280u);
  EXPECT_EQ(units[1].format->width, 2560u);
  EXPECT_EQ(units[2].format, units[1].format);
}

TEST_F(H264Depacketizer, lets_the_stream_win_over_wrong_sdp_sets) {
  start("Z2QAM6zoAoALWQ==,aO48MA==");
  push_key(0);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].format->width, 1280u);
  EXPECT_EQ(units[0].format->sps.size(), 1u);
}

TEST_F(H264Depacketizer, ignores_unreadable_sprop_and_unreadable_sets_in_the_stream) {
  start("!!!,Z00=,////");
  push(0, idr, true);
  EXPECT_EQ(depacketizer->counts().dropped_before_format, 1u);
  push_key(1);
  push(2, {0x67, 0x4d, 0x00});
  push(2, idr, true);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[1].format, units[0].format);
}

TEST_F(H264Depacketizer, ends_units_at_the_timestamp_when_the_marker_is_missing) {
  start();
  push(0, stap_a({sps, pps}));
  push(0, idr);
  push(0, idr_rest);
  push(1, p);
  push(1, p_rest);
  EXPECT_EQ(units.size(), 1u);
  depacketizer->flush();
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(nals(0), (std::vector{sps, pps, idr, idr_rest}));
  EXPECT_EQ(nals(1), (std::vector{p, p_rest}));
  EXPECT_EQ(depacketizer->counts().damaged_units, 0u);
}

TEST_F(H264Depacketizer, notices_a_marker_on_every_packet) {
  start();
  const auto big = slice(0x65, true, 30);
  for (std::uint32_t t = 0; t < 5; ++t) {
    push(t, sps, true);
    push(t, pps, true);
    push(t, fu_a(big, 0, 10, true, false), true);
    push(t, fu_a(big, 10, 29, false, true), true);
    push(t, idr_rest, true);
  }
  depacketizer->flush();
  ASSERT_EQ(units.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(nals(i), (std::vector{sps, pps, big, idr_rest})) << i;
    EXPECT_TRUE(units[i].key);
    EXPECT_FALSE(units[i].damaged);
  }
}

TEST_F(H264Depacketizer, notices_markers_on_slices_and_splits_one_picture_at_most) {
  start("Z00AH5WoFAFuQA==,aO48gA==");
  for (std::uint32_t t = 0; t < 4; ++t) {
    push(t, p, true);
    push(t, p_rest, true);
  }
  depacketizer->flush();
  ASSERT_EQ(units.size(), 5u);
  EXPECT_TRUE(units[1].damaged);
  EXPECT_EQ(nals(2), (std::vector{p, p_rest}));
  EXPECT_EQ(nals(4), (std::vector{p, p_rest}));
  EXPECT_FALSE(units[4].damaged);
}

TEST_F(H264Depacketizer, believes_the_marker_again_after_a_while_of_good_ones) {
  start();
  push(0, sps, true);  // makes every marker suspect
  push(0, pps, true);
  for (std::uint32_t t = 0; t < 9; ++t) {
    push(t, t == 0 ? idr : p);
    push(t, p_rest, true);
  }
  EXPECT_EQ(units.size(), 9u);
  push(9, p);
  push(9, p_rest, true);
  EXPECT_EQ(units.size(), 10u);
}

TEST_F(H264Depacketizer, puts_sets_with_the_time_and_marker_of_the_picture_before_in_front_of_the_next) {  // C8
  start();
  push_key(0);
  for (std::uint32_t t = 1; t < 4; ++t) {
    push(t, p);
    push(t, sps, true);
    push(t, pps, true);
    push(t + 100, idr);
    push(t + 200, p);
  }
  depacketizer->flush();
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto has_sps = nals(i).front() == sps;
    EXPECT_EQ(has_sps, units[i].key) << i;
    EXPECT_FALSE(units[i].damaged);
  }
  EXPECT_EQ(units.size(), 10u);
}

TEST_F(H264Depacketizer, waits_with_lone_parameter_sets_for_their_picture) {
  start();
  push(0, sps, true);
  push(1, pps, true);
  push(2, idr, true);
  push(3, p, true);
  ASSERT_GE(units.size(), 1u);
  EXPECT_EQ(nals(0), (std::vector{sps, pps, idr}));
  EXPECT_EQ(units[0].rtp_timestamp, 2u);
}

TEST_F(H264Depacketizer, marks_the_picture_that_lost_its_tail) {
  start();
  push_key(0);
  push(1, p);
  depacketizer->lost(1);
  push(2, p, true);
  push(3, p, true);
  ASSERT_EQ(units.size(), 4u);
  EXPECT_TRUE(units[1].damaged);
  EXPECT_FALSE(units[2].damaged);
  EXPECT_FALSE(units[3].damaged);
  EXPECT_EQ(depacketizer->counts().damaged_units, 1u);
}

TEST_F(H264Depacketizer, keeps_the_start_of_a_slice_whose_fragments_were_lost) {
  start();
  push_key(0);
  const auto big = slice(0x41, true, 100);
  push(1, fu_a(big, 0, 40, true, false));
  depacketizer->lost(1);
  push(1, fu_a(big, 80, 99, false, true), true);
  push(2, p, true);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_TRUE(units[1].damaged);
  ASSERT_EQ(nals(1).size(), 1u);
  EXPECT_EQ(nals(1)[0], Bytes(big.begin(), big.begin() + 41));
  EXPECT_FALSE(units[2].damaged);
}

TEST_F(H264Depacketizer, counts_a_key_frame_only_when_it_is_whole) {
  start("Z00AH5WoFAFuQA==,aO48gA==");
  push(0, idr);
  depacketizer->lost(2);
  push(0, idr_rest, true);
  push(1, idr);
  push(1, idr_rest, true);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_TRUE(units[0].damaged);
  EXPECT_FALSE(units[0].key);
  EXPECT_TRUE(units[1].key);
}

TEST_F(H264Depacketizer, blames_a_whole_key_frame_for_nothing_that_was_lost_before_it) {
  start();
  push_key(0);
  depacketizer->lost(7);
  push_key(1);
  depacketizer->lost(7);
  push(2, p, true);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_TRUE(units[1].key);
  EXPECT_FALSE(units[1].damaged);
  EXPECT_TRUE(units[2].damaged);  // a picture before it is missing
}

TEST_F(H264Depacketizer, takes_no_picture_for_a_key_frame_whose_recovery_point_belonged_to_a_lost_one) {
  start();
  push_key(0);
  push(1, stap_a({sps, pps, {0x06, 0x06, 0x01, 0xc4, 0x80}}));
  depacketizer->lost(1);
  push(2, p, true);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_FALSE(units[1].key);
  EXPECT_TRUE(units[1].damaged);
  EXPECT_EQ(nals(1), (std::vector<Bytes>{p}));
}

TEST_F(H264Depacketizer, drops_fragments_until_a_start_when_it_joins_in_mid_fragment) {  // C8
  start("Z00AH5WoFAFuQA==,aO48gA==");
  const auto big = slice(0x65, true, 100);
  push(0, fu_a(big, 40, 80, false, false));
  push(0, fu_a(big, 80, 99, false, true), true);
  push(1, idr, true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_TRUE(units[0].key);
  EXPECT_FALSE(units[0].damaged);
  EXPECT_EQ(nals(0), (std::vector<Bytes>{idr}));
}

TEST_F(H264Depacketizer, takes_a_fragment_that_is_start_and_end_at_once_and_an_empty_end) {  // C8
  start("Z00AH5WoFAFuQA==,aO48gA==");
  push(0, fu_a(idr, 0, 5, true, true), true);
  push(1, fu_a(p, 0, 5, true, false));
  push(1, fu_a(p, 5, 5, false, true), true);
  push(2, {0x7c, 0x85 | 0x20, 0x88});  // reserved bit
  push(2, {0x7c, 0x45, 0x01}, true);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_EQ(nals(0), (std::vector<Bytes>{idr}));
  EXPECT_EQ(nals(1), (std::vector<Bytes>{p}));
  EXPECT_EQ(nals(2), (std::vector<Bytes>{Bytes{0x65, 0x88, 0x01}}));
  EXPECT_EQ(depacketizer->counts().damaged_units, 0u);
}

TEST_F(H264Depacketizer, takes_recovery_points_with_sets_for_key_frames) {
  start();
  const Bytes recovery = {0x06, 0x06, 0x01, 0x24, 0x80};
  push(0, stap_a({sps, pps, recovery}));
  push(0, p, true);
  push(1, recovery);
  push(1, p, true);
  push(2, {0x06, 0x06, 0x01, 0xc4, 0x80});
  push(2, p, true);
  ASSERT_EQ(units.size(), 3u);
  EXPECT_TRUE(units[0].key);
  EXPECT_FALSE(units[1].key);  // gradual refresh, and no sets
  EXPECT_TRUE(units[2].key);   // exact
}

TEST_F(H264Depacketizer, takes_annexb_inside_packets) {
  start();
  const Bytes joined = [] {
    Bytes out = sps;
    for (const auto& nal : {pps, idr}) {
      out.insert(out.end(), {0, 0, 0, 1});
      out.insert(out.end(), nal.begin(), nal.end());
    }
    return out;
  }();
  push(0, joined, true);
  Bytes with_code{0, 0, 0, 1};
  with_code.insert(with_code.end(), joined.begin(), joined.end());
  push(1, with_code, true);
  push(2, fu_a(joined, 0, 12, true, false));
  push(2, fu_a(joined, 12, joined.size() - 1, false, true), true);
  ASSERT_EQ(units.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(nals(i), (std::vector{sps, pps, idr})) << i;
    EXPECT_TRUE(units[i].key);
  }
}

TEST_F(H264Depacketizer, keeps_every_other_nal_unit_where_it_was) {
  start();
  const Bytes aud = {0x09, 0xf0}, sei = {0x06, 0x05, 0x01, 0x42, 0x80}, filler = {0x0c, 0xff, 0x80};
  push(0, stap_a({aud, sps, pps, sei}));
  push(0, idr);
  push(0, filler, true);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(nals(0), (std::vector{aud, sps, pps, sei, idr, filler}));
}

TEST_F(H264Depacketizer, drops_a_picture_over_8_mib_and_goes_on) {
  start();
  push_key(0);
  const Bytes much(60'000, 0x55);
  push(1, fu_a(much, 0, 59'000, true, false));
  Bytes more = fu_a(much, 0, 59'000, false, false);
  push(1, [&] {
    auto first = fu_a(p, 0, 5, true, false);
    return first;
  }());
  more[1] = 0x01;
  for (int i = 0; i < 150; ++i) push(1, more);
  more[1] = 0x41;
  push(1, more, true);
  push(2, p, true);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[1].rtp_timestamp, 2u);
  EXPECT_EQ(depacketizer->counts().damaged_units, 1u);
}

TEST_F(H264Depacketizer, does_not_hoard_sets_whose_picture_never_comes) {
  start();
  Bytes sei(60'000, 0x11);
  sei[0] = 0x06;
  for (std::uint32_t i = 0; i < 500; ++i) push(i, sei);
  push_key(1000);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_LT(units[0].data->size(), 3'000'000u);
}

TEST_F(H264Depacketizer, counts_packets_that_make_no_sense) {
  start();
  for (const Bytes& bad :
       {Bytes{0x00, 1}, Bytes{0x7e, 1, 2}, Bytes{0x7c}, Bytes{0x7c, 0xc5}, Bytes{0x78, 0xff, 0xff, 1}, Bytes{0x78, 0}, Bytes{0x79, 1, 2}})
    push(0, bad);
  EXPECT_EQ(depacketizer->counts().bad_packets, 7u);
  push(1, {});
  push_key(2);
  EXPECT_EQ(units.size(), 1u);
}

TEST_F(H264Depacketizer, delivers_only_what_is_whole_at_the_end) {
  start();
  push_key(0);
  push(1, p);
  depacketizer->flush();
  EXPECT_EQ(units.size(), 1u);
  push_key(2);
  EXPECT_EQ(units.size(), 2u);
}

TEST_F(H264Depacketizer, passes_the_timestamp_around_its_end) {
  start();
  push_key(0xffffff00);
  push(100, p, true);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[1].rtp_timestamp, 100u);
}

TEST(MakeDepacketizer, refuses_other_encodings) {
  SdpMedia media;
  media.encoding = "MP4V-ES";
  const auto made = make_depacketizer(media, [](RawUnit&&) {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace ccoc::media
