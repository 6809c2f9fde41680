#include "ccoc/registry/secret_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

namespace ccoc::registry {
namespace {

namespace fs = std::filesystem;

struct SecretBoxTest : testing::Test {
  fs::path folder;
  SecretBoxTest() {
    char name[] = "/tmp/ccoc-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) ::abort();
    folder = name;
  }
  ~SecretBoxTest() override { fs::remove_all(folder); }
  fs::path key() const { return folder / "secret.key"; }
  SecretBox open() const {
    auto box = SecretBox::open(key());
    if (!box) ::abort();
    return std::move(*box);
  }
};

TEST_F(SecretBoxTest, makes_a_key_that_only_its_owner_reads) {
  open();
  struct stat is{};
  ASSERT_EQ(::stat(key().c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777, 0600u);
  EXPECT_EQ(is.st_size, 32);
}

TEST_F(SecretBoxTest, unseals_what_was_sealed_also_in_the_next_run) {
  for (const std::string& secret : {std::string(), std::string("p@ss"), std::string("รหัสผ่าน"), std::string(5000, 'x')}) {
    EXPECT_EQ(open().unseal(open().seal(secret)), secret);
  }
}

TEST_F(SecretBoxTest, seals_the_same_secret_differently_each_time) { EXPECT_NE(open().seal("same"), open().seal("same")); }

TEST_F(SecretBoxTest, finds_any_changed_character) {
  const auto box = open();
  const auto sealed = box.seal("secret");
  for (std::size_t at = 0; at + 2 < sealed.size(); ++at) {
    auto forged = sealed;
    forged[at] = sealed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(box.unseal(forged)) << at;
  }
  for (const char* junk : {"", "AAAA", "not base64!"}) EXPECT_EQ(box.unseal(junk).error().code, ErrorCode::corrupt) << junk;
}

TEST_F(SecretBoxTest, of_another_key_opens_nothing) {
  const auto sealed = open().seal("secret");
  fs::remove(key());
  EXPECT_FALSE(open().unseal(sealed));
}

TEST_F(SecretBoxTest, refuses_a_key_file_that_others_read_or_that_is_none) {
  open();
  ASSERT_EQ(::chmod(key().c_str(), 0640), 0);
  EXPECT_EQ(SecretBox::open(key()).error().code, ErrorCode::permission_denied);
  ASSERT_EQ(::chmod(key().c_str(), 0600), 0);
  std::ofstream(key()) << "short";
  EXPECT_EQ(SecretBox::open(key()).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(SecretBox::open(folder / "nowhere" / "secret.key"));
}

}  // namespace
}  // namespace ccoc::registry
