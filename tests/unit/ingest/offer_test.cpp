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
  EXPECT_TRUE(watches->listens);
  EXPECT_EQ(watches->video_section, 0u);
  EXPECT_EQ(watches->audio_section, 1u);
  ASSERT_FALSE(watches->sound.empty());
  EXPECT_EQ(watches->sound.front().encoding, "OPUS");
  EXPECT_EQ(watches->sound.front().payload, 111u);
  EXPECT_EQ(watches->sound.front().rate, 48'000u);
}

/// An offer with this section of audio.
Offer with_audio(const std::string& section, const std::string& session = "") {
  auto offer = read_offer("v=0\r\n" + session + transport + section + video);
  EXPECT_TRUE(offer);
  return offer.value_or(Offer{});
}

TEST(Offer, says_whether_the_viewer_listens) {
  const std::string audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
  EXPECT_FALSE(read_offer("v=0\r\n" + transport + video)->listens);
  EXPECT_TRUE(with_audio(audio).listens) << "sendrecv is meant where nothing stands";
  EXPECT_TRUE(with_audio(audio + "a=recvonly\r\n").listens);
  EXPECT_TRUE(with_audio(audio + "a=sendrecv\r\n").listens);
  EXPECT_FALSE(with_audio(audio + "a=sendonly\r\n").listens);
  EXPECT_FALSE(with_audio(audio + "a=inactive\r\n").listens);
  EXPECT_FALSE(with_audio(audio, "a=inactive\r\n").listens) << "said for all sections";
  EXPECT_TRUE(with_audio(audio + "a=recvonly\r\n", "a=inactive\r\n").listens);
  const std::string no_port = "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
  EXPECT_FALSE(with_audio(no_port).listens);
  EXPECT_TRUE(with_audio(no_port + "a=bundle-only\r\n").listens);
  const auto after = read_offer("v=0\r\n" + transport + audio + video + "a=inactive\r\na=bundle-only\r\n");
  EXPECT_TRUE(after->listens) << "that is said of the pictures";
  EXPECT_EQ(after->audio_section, 0u);
  EXPECT_EQ(after->video_section, 1u);
}

TEST(Offer, of_sound_is_read_as_far_as_it_makes_sense) {
  const auto offer = with_audio(
      "m=audio 9 X 0 8 111\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 pcma/8000/1\r\na=rtpmap:111 opus/48000/2\r\n"
      "a=rtpmap:128 opus/48000/2\r\na=rtpmap:9 G722/\r\na=rtpmap:9 G722/many\r\na=rtpmap:\r\na=rtpmap:x PCMA/8000\r\n");
  ASSERT_EQ(offer.sound.size(), 3u);
  EXPECT_EQ(offer.sound[0].encoding, "PCMU");
  EXPECT_EQ(offer.sound[1].encoding, "PCMA");
  EXPECT_EQ(offer.sound[1].payload, 8u);
  EXPECT_EQ(offer.sound[2].payload, 111u);
  EXPECT_EQ(offer.video.size(), 1u) << "what stands beside sound is none of the pictures'";
  std::string many = "m=audio 9 X 0\r\n";
  for (int i = 0; i < 1000; ++i) many += "a=rtpmap:0 PCMU/8000\r\n";
  EXPECT_LE(with_audio(many).sound.size(), 128u);
}

TEST(Offer, is_met_with_what_the_camera_sends_or_opus) {
  using media::AudioCodec;
  const std::string opus = "a=rtpmap:111 opus/48000/2\r\n", a_law = "a=rtpmap:8 PCMA/8000\r\n", mu_law = "a=rtpmap:0 PCMU/8000\r\n";
  const auto sent = [](AudioCodec codec, const std::string& lines, std::uint32_t rate = 8000, std::uint32_t channels = 1) {
    Start order;
    order.sound = true;
    order.sound_codec = codec;
    order.sound_rate = rate;
    order.sound_channels = channels;
    const auto chosen = sound_for(with_audio("m=audio 9 X 0 8 111\r\n" + lines), order);
    return chosen ? chosen->encoding : "nothing";
  };
  EXPECT_EQ(sent(AudioCodec::opus, a_law + mu_law + opus, 48'000, 2), "OPUS");
  EXPECT_EQ(sent(AudioCodec::opus, a_law + mu_law, 48'000, 2), "nothing");
  EXPECT_EQ(sent(AudioCodec::opus, opus, 48'000, 6), "nothing") << "more channels need a description";
  EXPECT_EQ(sent(AudioCodec::pcma, opus + mu_law + a_law), "PCMA");
  EXPECT_EQ(sent(AudioCodec::pcma, opus + mu_law), "OPUS");
  EXPECT_EQ(sent(AudioCodec::pcmu, opus + mu_law + a_law), "PCMU");
  EXPECT_EQ(sent(AudioCodec::pcmu, opus + a_law), "OPUS");
  EXPECT_EQ(sent(AudioCodec::pcma, opus + a_law, 16'000), "OPUS") << "PCMA is 8 kHz (RFC 3551 §4.5.14)";
  EXPECT_EQ(sent(AudioCodec::pcma, opus + a_law, 8000, 2), "OPUS");
  EXPECT_EQ(sent(AudioCodec::aac, a_law + opus, 44'100, 2), "OPUS");
  EXPECT_EQ(sent(AudioCodec::aac, a_law), "nothing");
  Start silent;
  EXPECT_FALSE(sound_for(with_audio("m=audio 9 X 111\r\n" + opus), silent)) << "a camera without sound";
  silent.sound = true;
  EXPECT_FALSE(sound_for(with_audio("m=audio 9 X 111\r\na=sendonly\r\n" + opus), silent)) << "a viewer who does not listen";
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
  const std::string local[] = {"UDP 1 127.0.0.1",        "udp 1 ::1",    "UDP 1 169.254.7.7", "UDP 1 fe80::1",
                               "UDP 1 ::ffff:127.0.0.1", "UDP 1 0.0.0.0"};
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
