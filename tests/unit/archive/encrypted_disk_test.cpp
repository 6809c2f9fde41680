#include "ccoc/archive/encrypted_disk.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "ccoc/archive/segment_reader.h"
#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

FootageKey key_of(std::uint8_t fill) {
  FootageKey key;
  key.fill(fill);
  return key;
}

class EncryptedDiskTest : public testing::Test {
 protected:
  void write(const std::string& path, std::initializer_list<std::string_view> texts, bool encrypt = true) {
    auto file = disk(encrypt)->create(path).value();
    for (const auto text : texts) {
      const ByteView piece(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ASSERT_TRUE(file->append(std::span(&piece, 1)));
    }
  }
  std::shared_ptr<Disk> disk(bool encrypt = true, std::uint8_t key = 1) { return make_encrypted_disk(inner, key_of(key), encrypt); }
  std::string read(DiskFile& file, std::uint64_t offset, std::size_t count) {
    Bytes into(count);
    into.resize(file.read_at(offset, into).value());
    return {into.begin(), into.end()};
  }

  std::shared_ptr<sim::SimDisk> inner = std::make_shared<sim::SimDisk>();
};

TEST_F(EncryptedDiskTest, gives_back_at_any_offset_what_was_written_in_any_pieces) {
  std::string whole;
  for (int i = 0; i < 1000; ++i) whole += static_cast<char>('a' + i % 26);
  write("file", {whole.substr(0, 1), whole.substr(1, 15), whole.substr(16, 100), whole.substr(116)});
  const auto file = disk()->open_read("file").value();
  EXPECT_EQ(file->size().value(), whole.size());
  for (std::size_t offset = 0; offset < whole.size(); offset += 7) {
    EXPECT_EQ(read(*file, offset, 33), whole.substr(offset, 33)) << offset;
  }
  EXPECT_EQ(read(*file, 2000, 10), "");
}

TEST_F(EncryptedDiskTest, what_is_on_the_disk_shows_nothing_and_is_never_the_same_twice) {
  const std::string text(4096, 'x');
  write("one", {text});
  write("two", {text});
  const auto one = inner->content("one"), two = inner->content("two");
  EXPECT_EQ(one.size(), text.size() + 32);
  const std::string seen(one.begin(), one.end());
  EXPECT_EQ(seen.find("xxxx"), std::string::npos);
  EXPECT_NE(Bytes(one.begin() + 32, one.end()), Bytes(two.begin() + 32, two.end()));
}

/// NIST SP 800-38A F.5.5: CTR-AES256.Encrypt.
TEST_F(EncryptedDiskTest, is_the_standards_counter_mode) {
  const auto hex = [](std::string_view text) {
    Bytes out;
    for (std::size_t i = 0; i < text.size(); i += 2)
      out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return out;
  };
  FootageKey key;
  std::ranges::copy(hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"), key.begin());
  write("file", {"x"});
  Bytes content = inner->content("file");
  content.resize(16);  // magic and mark; the mark of another key
  const auto made = make_encrypted_disk(inner, key, true)->create("own");
  ASSERT_TRUE(made);
  const std::uint8_t nothing[1]{0};
  const ByteView piece(nothing);
  ASSERT_TRUE((*made)->append(std::span(&piece, 1)));
  Bytes file = inner->content("own");
  file.resize(16);
  for (const auto byte : hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")) file.push_back(byte);
  for (const auto byte : hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aa"
                             "da613c2dd08457941a6"))
    file.push_back(byte);
  inner->put("vector", file);
  const auto opened = make_encrypted_disk(inner, key, true)->open_read("vector").value();
  Bytes plain(64);
  ASSERT_EQ(opened->read_at(0, plain).value(), 64u);
  EXPECT_EQ(plain, hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2"
                       "b417be66c3710"));
}

TEST_F(EncryptedDiskTest, files_from_before_are_read_as_they_are) {
  write("plain", {"as it is"}, false);
  EXPECT_EQ(inner->content("plain").size(), 8u);
  EXPECT_EQ(read(*disk()->open_read("plain").value(), 3, 100), "it is");
  write("secret", {"hidden"});
  EXPECT_EQ(read(*disk(false)->open_read("secret").value(), 0, 100), "hidden") << "encryption was switched off again";
}

TEST_F(EncryptedDiskTest, another_key_is_told) {
  write("file", {"hidden"});
  const auto opened = disk(true, 2)->open_read("file");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
}

TEST_F(EncryptedDiskTest, no_part_of_the_key_stream_is_used_twice) {
  auto file = disk()->create("file").value();
  const std::uint8_t bytes[100]{};
  const ByteView piece(bytes);
  ASSERT_TRUE(file->append(std::span(&piece, 1)));
  ASSERT_TRUE(file->truncate(50));
  EXPECT_EQ(file->size().value(), 50u);
  EXPECT_EQ(file->append(std::span(&piece, 1)).error().code, ErrorCode::conflict);
  auto torn = disk()->create("torn").value();
  ASSERT_TRUE(torn->append(std::span(&piece, 1)));
  inner->fail_writes(Error{ErrorCode::io, "I/O error", {}}, 10);
  EXPECT_FALSE(torn->append(std::span(&piece, 1)));
  inner->fail_writes(std::nullopt);
  EXPECT_FALSE(torn->append(std::span(&piece, 1)));
  ASSERT_TRUE(torn->truncate(100));
  EXPECT_EQ(torn->size().value(), 100u);
}

TEST_F(EncryptedDiskTest, footage_is_recorded_recovered_and_played_through_it) {
  std::mt19937_64 random{7};
  ArchiveLife life;
  const auto open = [&] {
    life.main = {};
    life.archive = Archive::open({{"main", make_encrypted_disk(life.disk, key_of(1), true)}},
                                 std::make_unique<sim::MemorySegmentStore>(life.tables), life.clock, life.options)
                       .value();
  };
  open();
  life.record();
  Camera camera(life.clock.utc_now());
  life.run(camera, life.clock.utc_now() + seconds{150});
  life.kill(sim::SimDisk::Loss::tail, random);
  open();
  const auto report = life.archive->recover();
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  life.step();
  life.step();
  life.step();
  const auto found = life.catalog().find(cam01, life.clock.utc_now() - hours{1}, life.clock.utc_now()).value();
  ASSERT_EQ(found.size(), 4u);
  for (const auto& segment : found) {
    const auto reader = life.catalog().open(segment).value();
    for (const auto& fragment : reader->table()->fragments) EXPECT_TRUE(reader->verify(fragment));
  }
}

TEST(FootageKeyTest, is_made_once_and_readable_by_its_owner_only) {
  std::string folder = "/tmp/ccoc-key-XXXXXX";
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const auto path = folder + "/footage.key";
  EXPECT_EQ(load_footage_key(path, false).error().code, ErrorCode::not_found);
  const auto key = load_footage_key(path, true).value();
  EXPECT_EQ(load_footage_key(path, true).value(), key);
  EXPECT_EQ(load_footage_key(path, false).value(), key);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::ofstream(path) << "not a key\n";
  EXPECT_EQ(load_footage_key(path, true).error().code, ErrorCode::corrupt) << "a broken key is never replaced";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ccoc::archive
