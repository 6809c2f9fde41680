#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;
using sim::SimDisk;

class RecoveryTest : public testing::Test {
 protected:
  void record(const char* from, const char* to) {
    life.boot();
    life.record();
    Camera camera(at(from));
    life.run(camera, at(to));
  }
  /// Whole fragments of a file, counted by scanning.
  std::size_t whole_fragments(SimDisk& disk, const std::string& path) {
    auto file = disk.open_read(path).value();
    const auto scanned = scan_segment(*file, file->size().value());
    return scanned ? scanned->fragments.size() : 0;
  }
  void expect_index_and_disk_agree() {
    std::vector<std::string> indexed;
    for (const auto& row : life.rows()) {
      indexed.push_back(row.path);
      EXPECT_FALSE(row.open) << row.path;
      EXPECT_EQ(row.bytes, life.disk->content(row.path).size()) << row.path;
    }
    std::ranges::sort(indexed);
    EXPECT_EQ(indexed, life.disk->files());
    for (std::size_t i = 1; i < life.rows().size(); ++i) EXPECT_GE(life.rows()[i].start, life.rows()[i - 1].end);
  }

  ArchiveLife life;
  std::mt19937_64 random{7};
};

TEST_F(RecoveryTest, cuts_every_prefix_of_a_file_back_to_its_last_whole_fragment) {
  record("2026-11-24T05:24:00.000Z", "2026-11-24T05:24:03.500Z");
  life.recorder->on_interrupted(media::GapCause::hub, "");
  life.step();
  const auto path = life.disk->files().at(0);
  const auto whole = life.disk->content(path);
  // The fragments' ends, from the whole file.
  auto file = life.disk->open_read(path).value();
  const auto table = scan_segment(*file, whole.size()).value();
  ASSERT_EQ(table.fragments.size(), 4u);
  for (std::size_t size = 0; size <= whole.size(); size += size < 3000 || whole.size() - size < 500 ? 1 : 37) {
    life.disk = std::make_shared<SimDisk>();
    life.tables = std::make_shared<sim::IndexTables>();
    life.disk->put(path, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    life.boot();
    life.archive->recover();
    life.step();
    std::uint64_t expected = 0;
    for (const auto& fragment : table.fragments) {
      if (fragment.offset + fragment.size <= size) expected = fragment.offset + fragment.size;
    }
    ASSERT_EQ(life.disk->content(path).size(), expected) << "after " << size << " bytes";
    ASSERT_EQ(life.rows().size(), expected > 0 ? 1u : 0u);
    if (expected > 0) {
      ASSERT_EQ(life.rows()[0].bytes, expected);
    }
  }
}

TEST_F(RecoveryTest, closes_what_a_killed_hub_left_open_and_records_the_gap_when_the_camera_is_back) {
  record("2026-11-24T05:23:30.000Z", "2026-11-24T05:24:20.200Z");
  ASSERT_TRUE(life.rows().back().open);
  const auto before = life.disk->used_bytes();
  life.kill(SimDisk::Loss::nothing, random);
  life.clock.advance(seconds{40});
  life.boot();
  const auto report = life.archive->recover();
  EXPECT_EQ(report.files_checked, 2u);
  EXPECT_TRUE(report.problems.empty());
  life.record();
  Camera camera(at("2026-11-24T05:25:05.000Z"));
  life.run(camera, at("2026-11-24T05:25:10.000Z"));
  EXPECT_GT(life.disk->used_bytes(), before);
  ASSERT_EQ(life.rows().size(), 3u);
  EXPECT_EQ(life.rows()[1].end, at("2026-11-24T05:24:20.000Z")) << "all but the fragment being collected";
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, media::GapCause::hub);
  EXPECT_EQ(life.gaps()[0].from, life.rows()[1].end);
  EXPECT_EQ(life.gaps()[0].to, at("2026-11-24T05:25:05.000Z"));
}

TEST_F(RecoveryTest, pictures_that_were_under_way_while_the_hub_was_started_again_do_not_overlap_what_is_there) {
  record("2026-11-24T05:24:00.000Z", "2026-11-24T05:24:10.500Z");
  life.kill(SimDisk::Loss::nothing, random);
  life.boot();
  life.archive->recover();
  // The camera sends late: what comes now was taken before the last that was kept.
  auto& recorder = life.record();
  Camera late(at("2026-11-24T05:24:08.000Z"));
  late.run_until(at("2026-11-24T05:24:20.000Z"), recorder);
  recorder.on_interrupted(media::GapCause::camera, "");
  life.step();
  ASSERT_EQ(life.rows().size(), 2u);
  expect_index_and_disk_agree();
  EXPECT_EQ(life.rows()[1].end, at("2026-11-24T05:24:20.000Z"));
}

TEST_F(RecoveryTest, keeps_the_cause_of_a_gap_that_began_before_the_hub_died) {
  record("2026-11-24T05:24:00.000Z", "2026-11-24T05:24:10.000Z");
  life.recorder->on_interrupted(media::GapCause::camera, "no route to host");
  life.clock.advance(seconds{30});
  life.step();
  life.kill(SimDisk::Loss::nothing, random);
  life.clock.advance(seconds{30});
  life.boot();
  life.archive->recover();
  life.record();
  Camera camera(at("2026-11-24T05:26:00.000Z"));
  life.run(camera, at("2026-11-24T05:26:10.000Z"));
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, media::GapCause::camera);
  EXPECT_EQ(life.gaps()[0].to, at("2026-11-24T05:26:00.000Z"));
}

TEST_F(RecoveryTest, loses_at_most_the_sync_interval_and_a_fragment_at_a_power_cut) {
  for (const auto loss : {SimDisk::Loss::all, SimDisk::Loss::tail, SimDisk::Loss::blocks}) {
    for (unsigned seed = 0; seed < 30; ++seed) {
      random.seed(seed);
      life.reset(at("2026-11-24T05:23:30.000Z"));
      const auto cut = at("2026-11-24T05:24:05.000Z") + milliseconds{static_cast<int>(seed) * 137};
      life.boot();
      life.record();
      Camera camera(at("2026-11-24T05:23:30.000Z"));
      life.run(camera, cut);
      life.kill(loss, random);
      life.boot();
      life.archive->recover();
      for (int i = 0; i < 5; ++i) life.step();
      expect_index_and_disk_agree();
      ASSERT_FALSE(life.rows().empty());
      EXPECT_GE(life.rows().back().end, cut - seconds{4}) << "seed " << seed;
      for (const auto& row : life.rows()) {
        auto reader = life.catalog().open(row).value();
        ASSERT_FALSE(reader->fragments().empty());
        EXPECT_TRUE(reader->read(reader->fragments().back())) << "the last fragment is whole, byte for byte";
      }
    }
  }
}

TEST_F(RecoveryTest, adds_recent_files_the_index_never_heard_of) {
  life.tables->away = true;
  record("2026-11-24T05:20:00.000Z", "2026-11-24T05:24:30.000Z");
  life.kill(SimDisk::Loss::nothing, random);
  life.tables->away = false;
  life.boot();
  life.archive->recover();
  for (int i = 0; i < 5; ++i) life.step();
  EXPECT_EQ(life.rows().size(), 5u);
  expect_index_and_disk_agree();
  EXPECT_FALSE(life.archive->index_status().reindex_needed);
}

TEST_F(RecoveryTest, never_deletes_footage_that_an_empty_index_does_not_know) {
  record("2026-11-20T05:24:00.000Z", "2026-11-20T05:25:30.000Z");
  const auto old = life.disk->content(life.disk->files().at(0));
  life.kill(SimDisk::Loss::nothing, random);
  for (const char* day : {"2026-11-01", "2026-11-02", "2026-11-03"}) {
    life.disk->put(std::string("cam01/main/") + day + "/052400Z.mp4", old);
  }
  life.disk->put("cam01/main/2026-11-20/235959Z.mp4", Bytes(100'000, 0xab));  // no file of ours
  life.disk->put("notes/readme.txt", Bytes{1});
  life.tables = std::make_shared<sim::IndexTables>();
  const auto files = life.disk->files();
  life.boot();
  const auto report = life.archive->recover();
  EXPECT_EQ(report.problems.size(), 1u) << "the strange file is named";
  for (int i = 0; i < 5; ++i) life.step();
  life.archive->enforce_retention({[](const std::string&) { return 1u; }, 0, 0}).value();
  EXPECT_TRUE(life.archive->index_status().reindex_needed);
  for (const auto& path : {std::string("cam01/main/2026-11-01/052400Z.mp4"), std::string("cam01/main/2026-11-02/052400Z.mp4"),
                           std::string("cam01/main/2026-11-20/235959Z.mp4")}) {
    EXPECT_TRUE(std::ranges::binary_search(life.disk->files(), path)) << path;
  }
}

TEST_F(RecoveryTest, forgets_open_rows_whose_file_is_gone) {
  record("2026-11-24T05:24:00.000Z", "2026-11-24T05:24:10.000Z");
  ASSERT_EQ(life.rows().size(), 1u);
  life.kill(SimDisk::Loss::nothing, random);
  life.disk = std::make_shared<SimDisk>();
  life.boot();
  life.archive->recover();
  for (int i = 0; i < 5; ++i) life.step();
  EXPECT_TRUE(life.rows().empty());
}

TEST_F(RecoveryTest, mends_at_the_next_start_what_a_read_only_disk_left_torn) {
  record("2026-11-24T05:24:00.000Z", "2026-11-24T05:24:10.000Z");
  life.disk->fail_writes(Error{ErrorCode::io, "read-only file system", {}}, 900);
  life.disk->fail_truncation(true);
  Camera camera(at("2026-11-24T05:24:10.000Z"));
  life.run(camera, at("2026-11-24T05:24:13.000Z"));
  const auto path = life.disk->files().at(0);
  EXPECT_NE(life.disk->content(path).size(), life.rows()[0].bytes) << "torn";
  life.kill(SimDisk::Loss::nothing, random);
  life.boot();
  EXPECT_EQ(life.archive->recover().tails_cut, 1u);
  for (int i = 0; i < 5; ++i) life.step();
  expect_index_and_disk_agree();
}

}  // namespace
}  // namespace ccoc::archive
