#include "ccoc/archive/audit.h"
#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

class ScrubberTest : public testing::Test {
 protected:
  /// Five closed files of a minute.
  void SetUp() override {
    life.options.scrub.bytes_per_second = 1u << 30;
    life.boot();
    life.record();
    Camera camera(at("2026-11-24T05:24:00.000Z"));
    life.run(camera, at("2026-11-24T05:29:05.000Z"));
    life.recorder->on_interrupted(media::GapCause::camera, "gone");
    life.step();
    paths = life.disk->files();
    ASSERT_EQ(paths.size(), 6u);
  }
  void flip(const std::string& path, std::size_t byte) {
    auto bytes = life.disk->content(path);
    ASSERT_LT(byte, bytes.size());
    bytes[byte] ^= 0x10;
    life.disk->put(path, std::move(bytes));
  }
  FragmentTable table(const std::string& path) {
    return scan_segment(*life.disk->open_read(path).value(), life.disk->content(path).size(), OnDamage::skip).value();
  }
  std::vector<Damage> scrub(Duration later = hours{2}) {
    life.clock.advance(later);
    EXPECT_TRUE(life.archive->scrub());
    return life.archive->damage(100).value();
  }
  ScrubStatus status() { return life.archive->volumes().at(0).scrub; }

  ArchiveLife life;
  std::vector<std::string> paths;
};

TEST_F(ScrubberTest, finds_nothing_in_what_is_as_it_was_written_and_says_how_far_it_came) {
  EXPECT_TRUE(scrub().empty());
  EXPECT_EQ(status().reached_at, life.rows().back().start);
  EXPECT_EQ(status().damaged_files, 0u);
}

TEST_F(ScrubberTest, says_where_a_bit_of_a_picture_rotted) {
  const auto fragment = table(paths[2]).fragments.at(3);
  flip(paths[2], static_cast<std::size_t>(fragment.offset + fragment.header_size + 200));
  const auto found = scrub();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].path, paths[2]);
  EXPECT_EQ(found[0].offset, fragment.offset);
  EXPECT_EQ(found[0].from, at("2026-11-24T05:26:03.000Z"));
  EXPECT_EQ(found[0].to, at("2026-11-24T05:26:04.000Z"));
  EXPECT_EQ(status().damaged_files, 1u);
}

TEST_F(ScrubberTest, any_flipped_byte_of_a_file_is_found) {
  const auto size = life.disk->content(paths[1]).size();
  const auto header = table(paths[1]).header.size;
  for (std::size_t byte = static_cast<std::size_t>(header); byte < size; byte += 997) {
    flip(paths[1], byte);
    const auto found = find_damage(*life.disk, life.rows()[1]).value();
    EXPECT_EQ(found.size(), 1u) << "byte " << byte;
    flip(paths[1], byte);
  }
}

TEST_F(ScrubberTest, a_broken_header_of_a_fragment_costs_that_fragment_only) {
  const auto fragment = table(paths[2]).fragments.at(3);
  flip(paths[2], static_cast<std::size_t>(fragment.offset + 60));
  const auto found = scrub();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].offset, fragment.offset);
  EXPECT_EQ(found[0].from, at("2026-11-24T05:26:03.000Z"));
  EXPECT_EQ(found[0].to, at("2026-11-24T05:26:04.000Z"));
  EXPECT_EQ(table(paths[2]).fragments.size(), 59u);
  // Playback goes around it.
  const auto reader = life.catalog().open(life.rows()[2]).value();
  EXPECT_EQ(reader->fragments().size(), 59u);
}

TEST_F(ScrubberTest, finds_missing_and_shortened_files) {
  ASSERT_TRUE(life.disk->remove(paths[0]));
  auto bytes = life.disk->content(paths[3]);
  bytes.resize(bytes.size() - 1000);
  life.disk->put(paths[3], std::move(bytes));
  const auto found = scrub();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].detail, "the file is missing");
  EXPECT_EQ(found[1].detail, "the end of the file cannot be read");
}

TEST_F(ScrubberTest, goes_on_where_it_was_when_the_hub_starts_again) {
  ASSERT_TRUE(scrub().empty());
  life.boot();
  life.archive->recover();
  life.step();
  flip(paths[0], 5000);  // behind it already: for the next round
  EXPECT_TRUE(scrub().empty());
  EXPECT_EQ(status().last_round_ended_at, std::nullopt);
  EXPECT_TRUE(scrub(hours{24 * 31}).empty()) << "a new round begins";
  EXPECT_NE(status().last_round_ended_at, std::nullopt);
  EXPECT_EQ(scrub().size(), 1u);
}

TEST_F(ScrubberTest, keeps_to_its_rate) {
  life.options.scrub.bytes_per_second = 10'000;
  life.boot();
  life.archive->recover();
  life.step();
  life.clock.advance(hours{2});
  ASSERT_TRUE(life.archive->scrub());
  const auto reached = status().reached_at;
  EXPECT_LT(reached, life.rows().back().start);
  life.clock.advance(seconds{1});
  ASSERT_TRUE(life.archive->scrub());
  EXPECT_EQ(status().reached_at, reached) << "the time of the file that was read has not passed";
}

TEST_F(ScrubberTest, leaves_what_was_written_lately_alone) {
  EXPECT_TRUE(scrub(minutes{30}).empty());
  EXPECT_EQ(status().reached_at, UtcTime{});
}

}  // namespace
}  // namespace ccoc::archive
