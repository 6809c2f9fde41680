#include "ccoc/media/rtp.h"

#include <gtest/gtest.h>

namespace ccoc::media {
namespace {

Bytes packet(std::uint8_t first, const Bytes& rest) {
  Bytes out{first, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef};
  for (const auto byte : rest) out.push_back(byte);
  return out;
}

TEST(Rtp, reads_header_and_payload) {
  const auto bytes = packet(0x80, {1, 2, 3});
  const auto rtp = parse_rtp(bytes).value();
  EXPECT_TRUE(rtp.marker);
  EXPECT_EQ(rtp.payload_type, 96);
  EXPECT_EQ(rtp.sequence, 0x1234);
  EXPECT_EQ(rtp.timestamp, 9u);
  EXPECT_EQ(rtp.ssrc, 0xdeadbeefu);
  EXPECT_EQ(Bytes(rtp.payload.begin(), rtp.payload.end()), (Bytes{1, 2, 3}));
}

TEST(Rtp, skips_contributing_sources_and_extension_and_takes_padding_off) {
  const auto bytes = packet(0xb1, {9, 9, 9, 9,                    // one CSRC
                                   0xbe, 0xde, 0, 1, 8, 8, 8, 8,  // extension of one word
                                   7, 7, 0, 0, 3});               // payload, padding
  const auto rtp = parse_rtp(bytes).value();
  EXPECT_EQ(Bytes(rtp.payload.begin(), rtp.payload.end()), (Bytes{7, 7}));
}

TEST(Rtp, takes_an_empty_payload) { EXPECT_TRUE(parse_rtp(packet(0x80, {})).value().payload.empty()); }

TEST(Rtp, refuses_what_is_torn_or_no_rtp) {
  const auto whole = packet(0xb1, {9, 9, 9, 9, 0xbe, 0xde, 0, 1, 8, 8, 8, 8, 1});
  ASSERT_TRUE(parse_rtp(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse_rtp(ByteView(whole).first(size))) << size;
  EXPECT_FALSE(parse_rtp(packet(0x40, {1})));       // version 1
  EXPECT_FALSE(parse_rtp(packet(0xa0, {1, 0})));    // padding of zero bytes
  EXPECT_FALSE(parse_rtp(packet(0xa0, {1, 200})));  // padding longer than the packet
  EXPECT_FALSE(parse_rtp(packet(0x90, {0, 0, 255, 255})));
}

TEST(Rtcp, finds_a_sender_report_that_it_wrote) {
  const SenderReport sent{7, 0x0102030405060708, 90000, 12, 3456};
  const auto bytes = make_sender_report(sent);
  const auto report = parse_sender_report(bytes);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->ssrc, sent.ssrc);
  EXPECT_EQ(report->ntp, sent.ntp);
  EXPECT_EQ(report->rtp_timestamp, sent.rtp_timestamp);
  EXPECT_EQ(report->packets, sent.packets);
  EXPECT_EQ(report->octets, sent.octets);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse_sender_report(ByteView(bytes).first(size))) << size;
}

TEST(Rtcp, writes_a_compound_of_report_and_name_that_adds_up) {
  for (const std::string_view cname : {"", "h", "hub", "hub1", "hub12", "ccoc-hub"}) {
    auto bytes = make_receiver_report(1, {2, 3, 0xfffffff, 5, 6, 7, 8}, cname);
    EXPECT_EQ(bytes.size() % 4, 0u);
    EXPECT_EQ(bytes[12], 3);  // fraction lost
    EXPECT_FALSE(has_bye(bytes));
    EXPECT_FALSE(parse_sender_report(bytes));
    // What follows is found only when both lengths are right.
    const Bytes bye{0x81, 203, 0, 1, 0, 0, 0, 1};
    bytes.insert(bytes.end(), bye.begin(), bye.end());
    EXPECT_TRUE(has_bye(bytes)) << cname;
  }
}

TEST(Rtcp, ignores_what_is_no_rtcp) {
  const Bytes noise{0x80, 96, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(has_bye(noise));
  EXPECT_FALSE(parse_sender_report(noise));
  EXPECT_FALSE(has_bye({}));
}

TEST(Ntp, converts_there_and_back_exactly) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-11-24T05:23:57.123457Z", "2026-11-24T05:23:57.999999Z",
                           "2036-02-07T06:28:15.999999Z", "2036-02-07T06:28:16Z", "2050-01-01T00:00:00.000001Z"}) {
    const auto t = parse_rfc3339(text).value();
    EXPECT_EQ(ntp_to_utc(utc_to_ntp(t)), t) << text;
  }
  EXPECT_EQ(utc_to_ntp(UtcTime{}), 2'208'988'800ull << 32);
  EXPECT_EQ(ntp_to_utc(0), parse_rfc3339("2036-02-07T06:28:16Z").value());  // era 1
}

}  // namespace
}  // namespace ccoc::media
