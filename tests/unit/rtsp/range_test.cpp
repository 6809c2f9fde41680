#include "ccoc/rtsp/range.h"

#include <gtest/gtest.h>

#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"

namespace ccoc::rtsp {
namespace {

using namespace std::chrono_literals;

TEST(Range, reads_seconds_and_clock_time) {
  EXPECT_TRUE(parse_range("npt=now-")->now);
  EXPECT_EQ(parse_range("npt=0.000-")->npt_from, Duration{0});
  EXPECT_EQ(parse_range("npt=12:05:35.3-")->npt_from, 12h + 5min + 35s + 300ms);
  const auto both = parse_range(" npt = 10 - 15.5 ; time=19970123T143720Z");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->npt_from, Duration{10s});
  EXPECT_EQ(both->npt_to, Duration{15500ms});
  EXPECT_EQ(parse_range("npt=-20")->npt_to, Duration{20s});
  const auto clock = parse_range("clock=19961108T142300Z-19961108T143520.25Z");
  ASSERT_TRUE(clock);
  EXPECT_EQ(clock->from, parse_rfc3339("1996-11-08T14:23:00Z").value());
  EXPECT_EQ(clock->to, parse_rfc3339("1996-11-08T14:35:20.25Z").value());
  EXPECT_FALSE(parse_range("clock=19961108T142300Z-")->to);
}

TEST(Range, refuses_what_is_none) {
  EXPECT_EQ(parse_range("smpte=10:07:00-").error().code, ErrorCode::unsupported);
  for (const char* text :
       {"", "npt", "npt=x-", "npt=1:2:3:4-", "npt=1e9-", "npt=..-", "npt=99999999999999999999-", "clock=-", "clock=19961308T142300Z-",
        "clock=19961108T142300-", "clock=19961108T142300.Z-", "clock=19961108 142300Z-", "clock=x19961108T142300Z-", "bytes=0-"}) {
    EXPECT_FALSE(parse_range(text)) << text;
  }
}

TEST(Range, is_written_as_it_is_read) {
  const auto from = parse_rfc3339("2026-11-24T05:23:57.250Z").value();
  EXPECT_EQ(clock_range(from, std::nullopt), "clock=20261124T052357.250Z-");
  EXPECT_EQ(parse_range(clock_range(from, from + 1s))->to, from + 1s);
}

TEST(Basic, reads_user_and_password) {
  EXPECT_EQ(parse_basic("Basic " + base64("k1:se:cret")), (Credentials{"k1", "se:cret"}));
  EXPECT_EQ(parse_basic("  basic   " + base64(":")), (Credentials{"", ""}));
  for (const char* text : {"", "Basic", "Basic !!!!", "Digest YTpi", "Basic YWI="}) EXPECT_FALSE(parse_basic(text)) << text;
  EXPECT_FALSE(parse_basic("Basic " + std::string(2000, 'A')));
}

TEST(ChooseTransport, takes_the_first_that_a_server_can_do) {
  EXPECT_TRUE(choose_transport("RTP/AVP;multicast,RTP/AVP/TCP;interleaved=0-1", true)->tcp);
  EXPECT_FALSE(choose_transport("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP", true)->tcp);
  EXPECT_TRUE(choose_transport("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP", false)->tcp);
  EXPECT_FALSE(choose_transport("RTP/AVP;unicast", true)) << "no ports";
  EXPECT_FALSE(choose_transport("", true));
}

}  // namespace
}  // namespace ccoc::rtsp
