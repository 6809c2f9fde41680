#include <thread>

#include "support/footage.h"
#include "support/process.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

class CatalogTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:25:10, with nothing from 05:22:30 to 05:23:10.
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    Camera camera(at("2026-11-24T05:20:00.000Z"));
    life.run(camera, at("2026-11-24T05:22:30.000Z"));
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(at("2026-11-24T05:23:10.000Z"));
    life.run(camera, at("2026-11-24T05:25:10.040Z"));
  }
  CameraTimeline timeline(const char* from, const char* to, unsigned buckets) {
    const std::vector<std::string> cameras{"cam01"};
    return life.catalog().timeline(cameras, "main", at(from), at(to), buckets).value()[0];
  }
  ArchiveLife life{at("2026-11-24T05:20:00.000Z")};
};

TEST_F(CatalogTest, joins_files_to_spans_and_names_gaps) {
  const auto all = timeline("2026-11-24T05:00:00.000Z", "2026-11-24T06:00:00.000Z", 0);
  EXPECT_EQ(all.spans, (std::vector<Span>{{at("2026-11-24T05:20:00.000Z"), at("2026-11-24T05:22:30.000Z")},
                                          {at("2026-11-24T05:23:10.000Z"), at("2026-11-24T05:25:10.000Z")}}));
  ASSERT_EQ(all.gaps.size(), 1u);
  EXPECT_EQ(all.gaps[0].from, at("2026-11-24T05:22:30.000Z"));
  EXPECT_EQ(all.gaps[0].to, at("2026-11-24T05:23:10.000Z"));
  EXPECT_EQ(all.gaps[0].cause, media::GapCause::network);
  EXPECT_TRUE(all.activity.empty());
}

TEST_F(CatalogTest, cuts_a_timeline_to_the_range) {
  const auto part = timeline("2026-11-24T05:22:00.000Z", "2026-11-24T05:23:00.000Z", 6);
  EXPECT_EQ(part.spans, (std::vector<Span>{{at("2026-11-24T05:22:00.000Z"), at("2026-11-24T05:22:30.000Z")}}));
  ASSERT_EQ(part.gaps.size(), 1u);
  EXPECT_EQ(part.gaps[0].to, at("2026-11-24T05:23:00.000Z"));
  ASSERT_EQ(part.activity.size(), 6u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GE(part.activity[i], 0.0) << i;
  for (std::size_t i = 3; i < 6; ++i) EXPECT_EQ(part.activity[i], 0.0) << i;
}

TEST_F(CatalogTest, names_the_field_of_a_range_that_makes_no_sense) {
  const std::vector<std::string> cameras{"cam01"};
  const auto t = at("2026-11-24T05:22:00.000Z");
  EXPECT_EQ(life.catalog().timeline(cameras, "main", t, t, 0).error().field, "to");
  EXPECT_EQ(life.catalog().timeline(cameras, "main", t, t + seconds{1}, 5001).error().field, "buckets");
}

TEST_F(CatalogTest, finds_the_segment_at_an_instant_or_the_next) {
  auto& catalog = life.catalog();
  EXPECT_EQ(catalog.at_or_after(cam01, at("2026-11-24T05:21:30.000Z")).value()->start, at("2026-11-24T05:21:00.000Z"));
  EXPECT_EQ(catalog.at_or_after(cam01, at("2026-11-24T05:22:45.000Z")).value()->start, at("2026-11-24T05:23:10.000Z"));
  EXPECT_EQ(catalog.at_or_after(cam01, at("2026-11-24T05:00:00.000Z")).value()->start, at("2026-11-24T05:20:00.000Z"));
  EXPECT_TRUE(catalog.at_or_after(cam01, at("2026-11-24T05:25:05.000Z")).value()->open);
  EXPECT_FALSE(catalog.at_or_after(cam01, at("2026-11-24T07:00:00.000Z")).value());
  EXPECT_EQ(catalog.before(cam01, at("2026-11-24T05:23:00.000Z")).value()->start, at("2026-11-24T05:22:00.000Z"));
  EXPECT_FALSE(catalog.before(cam01, at("2026-11-24T05:20:00.000Z")).value());
  EXPECT_EQ(catalog.extent(cam01).value(), (Span{at("2026-11-24T05:20:00.000Z"), at("2026-11-24T05:25:10.000Z")}));
  EXPECT_FALSE(catalog.extent({"cam02", "main"}).value());
}

TEST_F(CatalogTest, knows_the_present_without_the_index) {
  life.tables->away = true;
  const auto now = at("2026-11-24T05:25:05.000Z");
  EXPECT_EQ(life.catalog().find(cam01, now, now + seconds{1}).value().size(), 1u);
  EXPECT_TRUE(life.catalog().at_or_after(cam01, now).value()->open);
  const auto past = life.catalog().find(cam01, at("2026-11-24T05:20:00.000Z"), now);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, ErrorCode::unavailable);
}

TEST_F(CatalogTest, removes_footage_by_age_oldest_first_and_in_batches) {
  const RetentionPolicy policy{[](const std::string& camera) { return camera == "cam01" ? 1u : 0u; }, 0, 0};
  EXPECT_EQ(life.archive->enforce_retention(policy).value().files_removed, 0u) << "nothing is old yet";
  life.clock.advance(hours{24} - seconds{120});
  const auto first = life.archive->enforce_retention(policy, 2).value();
  EXPECT_EQ(first.files_removed, 2u);
  EXPECT_TRUE(first.more);
  life.clock.advance(hours{24});
  EXPECT_FALSE(life.archive->enforce_retention(policy).value().more);
  ASSERT_EQ(life.disk->files().size(), 1u);
  EXPECT_EQ(life.disk->files()[0], "cam01/main/2026-11-24/052500Z.mp4") << "the open file stays";
  life.step();
  EXPECT_EQ(life.rows().size(), 1u);
}

TEST_F(CatalogTest, keeps_footage_within_the_quota) {
  const auto used = life.disk->used_bytes();
  RetentionPolicy policy;
  policy.max_bytes = used * 6 / 10;
  const auto report = life.archive->enforce_retention(policy).value();
  EXPECT_GT(report.files_removed, 0u);
  EXPECT_LE(life.disk->used_bytes(), used * 6 / 10);
  EXPECT_GE(life.disk->used_bytes(), used * 3 / 10) << "and no more than needed";
  EXPECT_EQ(life.rows().front().path, life.disk->files().front());
  EXPECT_EQ(life.archive->enforce_retention(policy).value().files_removed, 0u);
}

TEST_F(CatalogTest, keeps_room_on_the_volume) {
  const auto used = life.disk->used_bytes();
  life.disk->set_capacity(used + 1000);
  life.archive->enforce_retention({{}, 0, used / 2}).value();
  EXPECT_GE(life.disk->space()->free_bytes, used / 2);
  EXPECT_FALSE(life.disk->files().empty());
}

TEST_F(CatalogTest, takes_the_folder_of_a_day_with_its_last_file) {
  life.recorder.reset();
  life.step();
  life.clock.advance(hours{72});
  life.archive->enforce_retention({[](const std::string&) { return 1u; }, 0, 0}).value();
  EXPECT_TRUE(life.disk->files().empty());
  EXPECT_TRUE(life.disk->list("cam01/main").value().empty());
}

TEST(ArchiveThreads, a_reader_follows_a_writer_byte_for_byte) {
  ArchiveLife life(at("2026-11-24T05:24:00.000Z"));
  life.boot();
  life.record();
  life.archive->start();
  constexpr int frames = 3000;
  std::thread writer([&] {
    Camera camera(at("2026-11-24T05:24:00.000Z"));
    for (int i = 0; i < frames; ++i) {
      life.clock.advance_to(camera.time());
      life.recorder->on_unit(camera.next());
    }
    life.recorder->on_interrupted(media::GapCause::camera, "");
  });
  Camera twin(at("2026-11-24T05:24:00.000Z"));
  UtcTime position = at("2026-11-24T05:24:00.000Z");
  int seen = 0;
  const auto deadline = std::chrono::steady_clock::now() + seconds{60};
  while (seen < frames && std::chrono::steady_clock::now() < deadline) {
    const auto segment = life.catalog().at_or_after(cam01, position);
    ASSERT_TRUE(segment);
    if (!*segment) {
      std::this_thread::yield();
      continue;
    }
    const auto reader = life.catalog().open(**segment);
    ASSERT_TRUE(reader) << reader.error().message;
    for (const auto& fragment : (*reader)->fragments()) {
      if ((*reader)->start_of(fragment) + milliseconds{1} < position) continue;
      const auto units = (*reader)->read(fragment);
      ASSERT_TRUE(units) << units.error().message;
      for (const auto& unit : units->pictures) {
        ASSERT_EQ(*unit->data, *twin.next()->data) << "frame " << seen;
        ++seen;
      }
      position = (*reader)->end_of(fragment);
    }
  }
  writer.join();
  EXPECT_EQ(seen, frames);
  life.recorder.reset();
  life.archive->stop();
  for (const auto& row : life.rows()) EXPECT_FALSE(row.open);
}

TEST(ArchiveThreads, a_stalled_disk_neither_blocks_the_camera_nor_grows_memory) {
  ArchiveLife life(at("2026-11-24T05:24:00.000Z"));
  life.options.write_buffer_bytes = 200'000;
  life.boot();
  life.record();
  life.archive->start();
  life.disk->hold_writes(true);
  Camera camera(at("2026-11-24T05:24:00.000Z"));
  for (int i = 0; i < 25 * 60; ++i) life.recorder->on_unit(camera.next());  // would hang here if it waited
  EXPECT_LE(life.archive->volumes()[0].queued_bytes, 200'000u);
  ASSERT_TRUE(eventually([&] { return life.disk->held_writes() == 1; }));
  life.clock.advance(seconds{60});
  EXPECT_FALSE(life.archive->volumes()[0].healthy);
  life.disk->hold_writes(false);
  life.recorder.reset();
  life.archive->stop();
  EXPECT_FALSE(life.rows().empty());
  bool disk_gap = false;
  for (const auto& gap : life.gaps()) disk_gap = disk_gap || gap.cause == media::GapCause::disk;
  EXPECT_TRUE(disk_gap);
}

}  // namespace
}  // namespace ccoc::archive
