#include "ccoc/rtsp/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::rtsp {
namespace {

using testing::HasSubstr;
using testing::Not;
using Verdict = Authenticator::Verdict;

Message unauthorized(std::initializer_list<std::string_view> challenges) {
  auto reply = Message::make_response(401, "Unauthorized", 1);
  for (const auto c : challenges) reply.add("WWW-Authenticate", c);
  return reply;
}

constexpr auto rfc7616 =
    R"(Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=ALG, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")";

std::string rfc7616_challenge(const std::string& algorithm) {
  std::string text = rfc7616;
  return text.replace(text.find("ALG"), 3, algorithm);
}

TEST(Authenticator, answers_the_example_of_rfc_2617) {
  Authenticator auth("Mufasa", "Circle Of Life");
  auth.use_cnonce("0a4f113b");
  ASSERT_EQ(
      auth.on_unauthorized(unauthorized(
          {R"(Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41")"})),
      Verdict::retry);
  const auto answer = auth.authorization("GET", "/dir/index.html");
  EXPECT_THAT(answer, HasSubstr("response=\"6629fae49393a05397450978507c4ef1\""));
  EXPECT_THAT(answer, HasSubstr("nc=00000001"));
  EXPECT_THAT(answer, HasSubstr("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
  EXPECT_THAT(auth.authorization("GET", "/dir/index.html"), HasSubstr("nc=00000002"));
}

TEST(Authenticator, answers_the_examples_of_rfc_7616) {
  const std::pair<std::string, std::string> cases[] = {{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
                                                       {"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}};
  for (const auto& [algorithm, response] : cases) {
    Authenticator auth("Mufasa", "Circle of Life");
    auth.use_cnonce("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    ASSERT_EQ(auth.on_unauthorized(unauthorized({rfc7616_challenge(algorithm)})), Verdict::retry);
    const auto answer = auth.authorization("GET", "/dir/index.html");
    EXPECT_THAT(answer, HasSubstr("response=\"" + response + "\""));
    EXPECT_THAT(answer, HasSubstr("algorithm=" + algorithm));
  }
}

TEST(Authenticator, answers_digest_without_qop) {
  // RFC 2069 with the erratum: MD5(MD5(Mufasa:testrealm@host.com:CircleOfLife):nonce:MD5(GET:/dir/index.html)).
  Authenticator auth("Mufasa", "CircleOfLife");
  ASSERT_EQ(auth.on_unauthorized(unauthorized({R"(Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093")"})),
            Verdict::retry);
  const auto answer = auth.authorization("GET", "/dir/index.html");
  EXPECT_THAT(answer, HasSubstr("response=\"1949323746fe6a43ef61f9606e7febea\""));
  EXPECT_THAT(answer, Not(HasSubstr("qop")));
  EXPECT_THAT(answer, Not(HasSubstr("algorithm")));
}

TEST(Authenticator, answers_basic_with_rfc_7617) {
  Authenticator auth("Aladdin", "open sesame");
  ASSERT_EQ(auth.on_unauthorized(unauthorized({"Basic realm=\"WallyWorld\""})), Verdict::retry);
  EXPECT_EQ(auth.authorization("DESCRIBE", "rtsp://h"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST(Authenticator, chooses_the_strongest_of_several_challenges) {
  Authenticator auth("u", "p");
  auth.on_unauthorized(unauthorized({R"(Basic realm="r", Digest realm="r", nonce="n1", Digest realm="r", nonce="n2", algorithm=SHA-256)",
                                     R"(Digest realm="r", nonce="n3", algorithm=SHA-512-256, Negotiate abc==)"}));
  EXPECT_THAT(auth.authorization("PLAY", "rtsp://h"), HasSubstr("nonce=\"n2\""));
  auth.on_unauthorized(unauthorized({R"(Basic realm="r")", R"(Digest realm="r", nonce="n4", stale=TRUE)"}));
  EXPECT_THAT(auth.authorization("PLAY", "rtsp://h"), HasSubstr("nonce=\"n4\""));
}

TEST(Authenticator, does_not_hammer_with_a_wrong_password) {
  Authenticator auth("u", "p");
  EXPECT_EQ(auth.authorization("PLAY", "rtsp://h"), "");
  EXPECT_EQ(auth.on_unauthorized(unauthorized({R"(Digest realm="r", nonce="1")"})), Verdict::retry);
  auth.authorization("PLAY", "rtsp://h");
  EXPECT_EQ(auth.on_unauthorized(unauthorized({R"(Digest realm="r", nonce="2")"})), Verdict::refused);
}

TEST(Authenticator, goes_on_after_a_stale_nonce_or_a_new_challenge_in_mid_session) {
  Authenticator auth("u", "p");
  auth.on_unauthorized(unauthorized({R"(Digest realm="r", nonce="1")"}));
  auth.authorization("PLAY", "rtsp://h");
  EXPECT_EQ(auth.on_unauthorized(unauthorized({R"(Digest realm="r", nonce="2", stale=true)"})), Verdict::retry);
  auth.authorization("PLAY", "rtsp://h");
  auth.on_accepted();
  EXPECT_EQ(auth.on_unauthorized(unauthorized({R"(Digest realm="r", nonce="3")"})), Verdict::retry);
}

TEST(Authenticator, says_when_no_challenge_is_understood_or_there_is_no_user) {
  Authenticator auth("u", "p");
  EXPECT_EQ(auth.on_unauthorized(unauthorized({})), Verdict::unsupported);
  EXPECT_EQ(auth.on_unauthorized(unauthorized({"Negotiate", R"(Digest realm="r", nonce="1", qop="auth-int")"})), Verdict::unsupported);
  Authenticator nobody("", "");
  EXPECT_EQ(nobody.on_unauthorized(unauthorized({"Basic realm=\"r\""})), Verdict::refused);
}

TEST(Challenges, hostile_ones_are_bounded_and_never_crash) {
  for (const std::string text :
       {"Digest", "Digest realm=\"", "=,=,\"", ",,,,", "Digest \\", "Digest realm=\"\\", "Basic Basic Digest Digest"}) {
    EXPECT_LE(parse_challenges(text).size(), 16u) << text;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "Digest realm=x, ";
  EXPECT_EQ(parse_challenges(many).size(), 16u);
}

/// A client's request after the server's challenge.
Message answered(AuthServer& server, Authenticator& client, std::string_view method = "DESCRIBE") {
  auto request = Message::make_request(method, "rtsp://h/cam01/main", 2);
  EXPECT_EQ(server.check(request), AuthServer::Answer::missing);
  auto reply = Message::make_response(401, "Unauthorized", 1);
  server.challenge(reply, false);
  EXPECT_EQ(client.on_unauthorized(reply), Verdict::retry);
  request.add("Authorization", client.authorization(method, request.uri));
  return request;
}

// Found by fuzzing: a camera that puts a line end into its challenge would write headers of our requests.
TEST(Authenticator, repeats_no_control_characters_of_a_challenge) {
  Message refusal = Message::make_response(401, "Unauthorized", 2);
  refusal.add("WWW-Authenticate", "Digest realm=\"a\rX: y\", nonce=\"b\r\nZ: w\", opaque=\"c\x7f\x01\"");
  Authenticator client("admin", "right");
  ASSERT_EQ(client.on_unauthorized(refusal), Authenticator::Verdict::retry);
  for (const char c : client.authorization("DESCRIBE", "rtsp://cam/main")) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
}

TEST(AuthServer, accepts_the_right_password_with_every_algorithm) {
  for (const auto algorithm : {DigestAlgorithm::md5, DigestAlgorithm::md5_sess, DigestAlgorithm::sha256, DigestAlgorithm::sha256_sess}) {
    AuthServer server("cameras", "admin", "รหัส:@/");
    server.use_algorithms({algorithm});
    Authenticator client("admin", "รหัส:@/");
    EXPECT_EQ(server.check(answered(server, client)), AuthServer::Answer::ok);
  }
}

TEST(AuthServer, refuses_a_wrong_password_user_method_or_address) {
  AuthServer server("cameras", "admin", "right");
  Authenticator wrong("admin", "wrong"), stranger("root", "right"), good("admin", "right");
  EXPECT_EQ(server.check(answered(server, wrong)), AuthServer::Answer::wrong);
  EXPECT_EQ(server.check(answered(server, stranger)), AuthServer::Answer::wrong);
  auto request = answered(server, good);
  request.method = "SETUP";
  EXPECT_EQ(server.check(request), AuthServer::Answer::wrong);
  request.method = "DESCRIBE";
  request.uri = "rtsp://h/cam02/main";
  EXPECT_EQ(server.check(request), AuthServer::Answer::wrong);
}

TEST(AuthServer, calls_the_nonce_before_stale) {
  AuthServer server("cameras", "admin", "right");
  Authenticator client("admin", "right");
  const auto request = answered(server, client);
  server.renew_nonce();
  EXPECT_EQ(server.check(request), AuthServer::Answer::stale);
  server.renew_nonce();
  EXPECT_EQ(server.check(request), AuthServer::Answer::wrong);
}

}  // namespace
}  // namespace ccoc::rtsp
