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
  EXPECT_THAT(refusal("http://10.1.2.3/a"), HasSubstr("not with http:"));
  EXPECT_THAT(refusal("file:///etc/passwd"), HasSubstr("not with file:"));
  EXPECT_THAT(refusal("javascript:alert(1)"), HasSubstr("rtsp://host/path"));
  EXPECT_THAT(refusal(""), HasSubstr("rtsp://host/path"));
}

TEST(CameraUrl, that_cannot_be_read_is_refused) {
  for (const char* bad : {"rtsp://", "rtsp:///a", "rtsp://host:0/a", "rtsp://host:65536/", "rtsp://host:port/", "rtsp://ho st/",
                          "rtsp://host/\r\nSETUP", "rtsp://[::1/a", "rtsp://host|name/"}) {
    EXPECT_THAT(refusal(bad), Not(HasSubstr("taken"))) << bad;
  }
}

TEST(CameraUrl, never_repeats_a_password_when_it_is_refused) {
  for (const char* bad : {"http://u:canary@10.1.2.3/a", "rtsp://u:canary@127.0.0.1/a", "rtsp://u:canary@ho|st/", "rtsp://u:canary@:x/"}) {
    EXPECT_THAT(refusal(bad), Not(HasSubstr("canary"))) << bad;
  }
}

TEST(CameraUrl, of_this_machine_or_the_link_is_refused_unless_allowed) {
  for (const char* host : {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "localhost", "LOCALHOST.", "a.localhost", "169.254.1.1",
                           "224.0.0.1", "[::1]", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[ff02::1]"}) {
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
