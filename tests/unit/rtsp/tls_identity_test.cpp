#include "ccoc/rtsp/tls_identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace ccoc::rtsp {
namespace {

namespace fs = std::filesystem;

class TlsIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ccoc-tls-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string own() const { return folder_ + "/tls"; }
  std::string certificate() const { return own() + "/certificate.pem"; }
  std::string key() const { return own() + "/key.pem"; }
  static unsigned mode_of(const std::string& path) {
    struct stat about{};
    EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
    return about.st_mode & 0777u;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Result<std::shared_ptr<const TlsIdentity>> make(UtcTime at) { return TlsIdentity::load_or_make(own(), names, at); }

  const std::vector<std::string> names{"hub.example", "localhost", "127.0.0.1", "::1"};
  const UtcTime now = parse_rfc3339("2026-11-24T05:00:00Z").value();
  std::string folder_;
};

TEST_F(TlsIdentityTest, is_made_once_and_only_its_owner_can_read_it) {
  const auto made = make(now);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->fingerprint().size(), 64u);
  EXPECT_EQ((*made)->expires_at(), now + std::chrono::hours{24 * 3650});
  EXPECT_EQ(mode_of(own()), 0700u);
  EXPECT_EQ(mode_of(key()), 0600u);
  EXPECT_EQ(mode_of(certificate()), 0600u);
  const auto again = make(now + std::chrono::hours{24 * 3000});
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->fingerprint(), (*made)->fingerprint()) << "whoever pinned it goes on trusting it";
}

TEST_F(TlsIdentityTest, is_made_anew_a_month_before_its_end_and_when_a_half_is_lost) {
  const auto first = make(now).value()->fingerprint();
  const auto second = make(now + std::chrono::hours{24 * 3625}).value()->fingerprint();
  EXPECT_NE(first, second);
  fs::remove(certificate());
  EXPECT_NE(make(now).value()->fingerprint(), second);
}

TEST_F(TlsIdentityTest, what_somebody_broke_is_told_and_not_overwritten) {
  ASSERT_TRUE(make(now));
  std::ofstream(certificate()) << "no certificate";
  const auto broken = make(now);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(text_of(certificate()), "no certificate");
}

TEST_F(TlsIdentityTest, takes_files_of_others_and_says_what_is_wrong_with_them) {
  ASSERT_TRUE(make(now));
  ASSERT_TRUE(TlsIdentity::load_or_make(folder_ + "/other", names, now));
  EXPECT_TRUE(TlsIdentity::load(certificate(), key()));
  EXPECT_EQ(TlsIdentity::load(certificate(), folder_ + "/other/key.pem").error().code, ErrorCode::invalid_argument) << "of another";
  EXPECT_EQ(TlsIdentity::load(certificate(), folder_ + "/gone.pem").error().code, ErrorCode::not_found);
  EXPECT_EQ(TlsIdentity::load("", "").error().code, ErrorCode::not_found);
  EXPECT_EQ(TlsIdentity::load(key(), certificate()).error().code, ErrorCode::invalid_argument) << "the wrong way round";
}

}  // namespace
}  // namespace ccoc::rtsp
