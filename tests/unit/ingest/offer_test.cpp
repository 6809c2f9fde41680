#include "bridge/offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "bridge/address_guard.h"

namespace ccoc::ingest::bridge {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What GStreamer and Chromium offered, as it was seen.
std::string seen(const std::string& name) {
  std::ifstream in(std::string(CCOC_SOURCE_DIR) + "/tests/fuzz/corpus/offer/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string refusal(const std::string& text) {
  const auto offer = read_offer(text);
  return offer ? "taken" : offer.error().message;
}

const std::string transport = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 00\r\n";
const std::string video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n";

TEST(Offer, of_a_browser_names_what_it_can) {
  const auto offer = read_offer(seen("chromium_sends"));
  ASSERT_TRUE(offer) << offer.error().message;
  EXPECT_FALSE(offer->audio);
  ASSERT_GE(offer->video.size(), 2u);
  EXPECT_EQ(offer->video.front().encoding, "H264");
  EXPECT_EQ(offer->video.front().payload, 102u);
  EXPECT_EQ(offer->video.front().profile, "42001f");
  EXPECT_TRUE(offer->video[0].packetization);
  EXPECT_FALSE(offer->video[1].packetization);
  EXPECT_THAT(offer->sdp, Not(HasSubstr(".local"))) << "no name is ever looked up";
  const auto watches = read_offer(seen("chromium_watches"));
  ASSERT_TRUE(watches);
  EXPECT_TRUE(watches->audio);
}

TEST(Offer, without_what_webrtc_needs_is_refused) {
  EXPECT_EQ(refusal("v=0\r\n" + transport + video), "taken");
  EXPECT_EQ(refusal("v=0\n" + transport + "m=video 9 X 96\n"), "taken") << "lines may end as they like";
  EXPECT_THAT(refusal("hello"), HasSubstr("no session description"));
  EXPECT_THAT(refusal(std::string("v=0\r\n\0", 6) + transport + video), HasSubstr("no session description"));
  EXPECT_THAT(refusal("v=0\r\n" + video), HasSubstr("WebRTC"));
  EXPECT_THAT(refusal("v=0\r\n" + transport), HasSubstr("WebRTC"));
  EXPECT_THAT(refusal("v=0\r\n" + transport + video + video), HasSubstr("one video section"));
  EXPECT_THAT(refusal("v=0\r\n" + transport + "m=audio 9 X 0\r\n"), HasSubstr("one video section"));
}

// faults.md 31
TEST(Offer, keeps_no_candidate_that_may_not_be_spoken_to) {
  const auto candidate = [](const std::string& transport_and_address) {
    return "a=candidate:1 1 " + transport_and_address + " 5000 typ host\r\n";
  };
  const std::string local[] = {"UDP 1 127.0.0.1", "udp 1 ::1", "UDP 1 169.254.7.7", "UDP 1 fe80::1", "UDP 1 ::ffff:127.0.0.1", "UDP 1 0.0.0.0"};
  const std::string never[] = {"TCP 1 192.0.2.7", "UDP 1 camera.example", "UDP 1 0af3-cd.local", "UDP 1 ", "UDP"};
  const std::string good[] = {"UDP 1 192.0.2.7", "udp 1 2001:db8::7"};
  std::string all = "v=0\r\n" + transport + video;
  for (const auto& one : local) all += candidate(one);
  for (const auto& one : never) all += candidate(one);
  for (const auto& one : good) all += candidate(one);
  const auto allowed = read_offer(all);
  ASSERT_TRUE(allowed);
  for (const auto& one : local) EXPECT_THAT(allowed->sdp, HasSubstr(one)) << "ingest.allow_loopback";
  refuse_local_addresses();
  const auto refused = read_offer(all);
  ASSERT_TRUE(refused);
  for (const auto& one : local) EXPECT_THAT(refused->sdp, Not(HasSubstr(candidate(one)))) << one;
  for (const auto& offer : {*allowed, *refused}) {
    for (const auto& one : never) EXPECT_THAT(offer.sdp, Not(HasSubstr(candidate(one)))) << one;
    for (const auto& one : good) EXPECT_THAT(offer.sdp, HasSubstr(candidate(one))) << one;
  }
  std::string many = "v=0\r\n" + transport + video;
  for (int i = 0; i < 100; ++i) many += candidate(good[0]);
  EXPECT_LT(read_offer(many)->sdp.size(), many.size() / 2);
}

}  // namespace
}  // namespace ccoc::ingest::bridge
