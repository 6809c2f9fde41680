#include "ccoc/registry/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::registry {
namespace {

using testing::HasSubstr;
using testing::Not;

CameraUrl good(std::string_view text) {
  const auto url = parse_camera_url(text, Rules{});
  EXPECT_TRUE(url) << text << ": " << (url ? "" : url.error());
  return url.value_or(CameraUrl{});
}

std::string refusal(std::string_view text) {
  const auto url = parse_camera_url(text, Rules{});
  return url ? "taken as " + url->url : url.error();
}

TEST(CameraUrl, is_taken_as_it_is_when_it_holds_no_credentials) {
  const auto url = good("rtsp://10.1.2.3:8554/cam01/main?channel=1&subtype=0");
  EXPECT_EQ(url.url, "rtsp://10.1.2.3:8554/cam01/main?channel=1&subtype=0");
  EXPECT_EQ(url.host, "10.1.2.3");
  EXPECT_EQ(url.username, std::nullopt);
  EXPECT_EQ(url.password, std::nullopt);
  EXPECT_EQ(good("RTSPS://cam.example.org").url, "rtsps://cam.example.org");
  EXPECT_EQ(good("rtsp://[2001:db8::7]:554/a").host, "2001:db8::7");
}

TEST(CameraUrl, gives_up_its_credentials) {
  const auto url = good("rtsp://admin:s3cret@10.1.2.3/a");
  EXPECT_EQ(url.url, "rtsp://10.1.2.3/a");
  EXPECT_EQ(url.username, "admin");
  EXPECT_EQ(url.password, "s3cret");
  EXPECT_EQ(good("rtsp://admin@10.1.2.3/a").password, std::nullopt);
}

TEST(CameraUrl, understands_passwords_as_people_write_them) {
  EXPECT_EQ(good("rtsp://u:p@ss@10.1.2.3/a").password, "p@ss");
  EXPECT_EQ(good("rtsp://u:p%40ss%2f@10.1.2.3/a").password, "p@ss/");
  EXPECT_EQ(good("rtsp://u:p#a/b?c@10.1.2.3/a").password, "p#a/b?c");
  EXPECT_EQ(good("rtsp://u:รหัส@10.1.2.3/a").password, "รหัส");
  EXPECT_EQ(good("rtsp://u:a:b@10.1.2.3/a").password, "a:b");
  EXPECT_EQ(good("rtsp://10.1.2.3/mail/a@b").url, "rtsp://10.1.2.3/mail/a@b") << "an @ in the path is no password";
}

TEST(CameraUrl, of_another_scheme_is_refused_by_name) {
  EXPECT_THAT(refusal("gopher://10.1.2.3/a"), HasSubstr("not with gopher:"));
  EXPECT_THAT(refusal("javascript:alert(1)"), HasSubstr("rtsp://host/path"));
  EXPECT_THAT(refusal(""), HasSubstr("rtsp://host/path"));
}

TEST(CameraUrl, may_wait_for_a_sender_by_webrtc) {
  for (const char* url : {"whip:", "WHIP:", "whip://"}) EXPECT_EQ(good(url).url, "whip:") << url;
  for (const char* url : {"whip://10.1.2.3", "whip:cam01", "whip:?x", "whep:"}) EXPECT_THAT(refusal(url), Not(HasSubstr("taken"))) << url;
}

TEST(CameraUrl, may_be_of_other_protocols) {
  for (const char* url : {"srt://10.1.2.3:9000", "srt://cam.example.org:9000?streamid=a", "rtmp://10.1.2.3/live/key",
                          "rtmps://10.1.2.3/live/key", "http://10.1.2.3/video.mjpg", "https://cam.example.org/live/index.m3u8?x=1"}) {
    EXPECT_EQ(good(url).url, url);
  }
  EXPECT_EQ(good("http://u:p@10.1.2.3/a").url, "http://10.1.2.3/a");
  EXPECT_THAT(refusal("srt://10.1.2.3"), HasSubstr("port"));
  EXPECT_THAT(refusal("http://127.0.0.1/a"), HasSubstr("ingest.allow_loopback"));
  EXPECT_THAT(refusal("data://text/a"), HasSubstr("not with data:"));
}

TEST(CameraUrl, of_srt_gives_up_its_passphrase) {
  const auto url = good("srt://:9000?mode=listener&passphrase=open%20sesame&latency=80");
  EXPECT_EQ(url.url, "srt://:9000?mode=listener&latency=80");
  EXPECT_EQ(url.password, "open sesame");
  EXPECT_EQ(good("srt://10.1.2.3:9000?passphrase=open-sesame").url, "srt://10.1.2.3:9000");
  EXPECT_EQ(good("srt://10.1.2.3:9000?passphrase=a&streamid=x").url, "srt://10.1.2.3:9000?streamid=x");
  EXPECT_EQ(good("srt://10.1.2.3:9000?streamid=x").password, std::nullopt);
}

TEST(CameraUrl, of_a_sender_that_is_waited_for_has_a_port_and_no_host) {
  EXPECT_EQ(good("srt://:9000?mode=listener").url, "srt://:9000?mode=listener");
  EXPECT_EQ(good("srt://:9000?mode=listener").host, "");
  EXPECT_EQ(good("rtmp://:1935/live/drone-1?mode=listener").url, "rtmp://:1935/live/drone-1?mode=listener");
  EXPECT_THAT(refusal("srt://:9000"), HasSubstr("mode=listener"));
  EXPECT_THAT(refusal("srt://10.1.2.3:9000?mode=listener"), HasSubstr("no host"));
  EXPECT_THAT(refusal("srt://:0?mode=listener"), HasSubstr("port"));
  EXPECT_THAT(refusal("rtmp://:1935/live?mode=listener"), HasSubstr("key"));
  EXPECT_THAT(refusal("http://:80/?mode=listener"), HasSubstr("only srt:// and rtmp://"));
  EXPECT_THAT(refusal("rtsp://:554/a"), HasSubstr("no host"));
}

// faults.md 31
TEST(CameraUrl, of_a_file_is_refused_outside_the_folder_that_was_set_for_files) {
  EXPECT_THAT(refusal("file:///etc/passwd"), HasSubstr("ingest.files"));
  const Rules rules{.site = {}, .allow_loopback = false, .files = "/srv/video/"};
  EXPECT_EQ(parse_camera_url("file:///srv/video/a/b.mp4", rules).value().url, "file:///srv/video/a/b.mp4");
  for (const char* url : {"file:///etc/passwd", "file:///srv/video", "file:///srv/video2/a.mp4", "file:///srv/video/../../etc/passwd",
                          "file:///srv/video/%2e%2e/x", "file://srv/video/a.mp4", "file:///srv/video/a/.."}) {
    const auto taken = parse_camera_url(url, rules);
    EXPECT_FALSE(taken) << url;
    EXPECT_THAT(taken ? "" : taken.error(), HasSubstr("ingest.files")) << url;
  }
}

TEST(CameraUrl, that_cannot_be_read_is_refused) {
  for (const char* bad : {"rtsp://", "rtsp:///a", "rtsp://host:0/a", "rtsp://host:65536/", "rtsp://host:port/", "rtsp://ho st/",
                          "rtsp://host/\r\nSETUP", "rtsp://[::1/a", "rtsp://host|name/"}) {
    EXPECT_THAT(refusal(bad), Not(HasSubstr("taken"))) << bad;
  }
}

TEST(CameraUrl, never_repeats_a_password_when_it_is_refused) {
  for (const char* bad : {"gopher://u:canary@10.1.2.3/a", "rtsp://u:canary@127.0.0.1/a", "rtsp://u:canary@ho|st/", "rtsp://u:canary@:x/"}) {
    EXPECT_THAT(refusal(bad), Not(HasSubstr("canary"))) << bad;
  }
}

TEST(CameraUrl, of_this_machine_or_the_link_is_refused_unless_allowed) {
  for (const char* host : {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "localhost", "LOCALHOST.", "a.localhost",
                           "169.254.1.1", "224.0.0.1", "[::1]", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[ff02::1]"}) {
    const std::string url = "rtsp://" + std::string(host) + "/a";
    EXPECT_THAT(refusal(url), HasSubstr("ingest.allow_loopback")) << url;
    EXPECT_TRUE(parse_camera_url(url, Rules{.site = {}, .allow_loopback = true})) << url;
  }
  for (const char* host : {"10.1.2.3", "192.168.1.9", "localhost.example.org", "cam127", "[2001:db8::1]", "[::ffff:10.1.2.3]"}) {
    EXPECT_TRUE(parse_camera_url("rtsp://" + std::string(host) + "/a", Rules{})) << host;
  }
}

}  // namespace
}  // namespace ccoc::registry
