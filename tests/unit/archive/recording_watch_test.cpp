#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

// faults.md 24
class RecordingWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    life.boot();
    life.record();
    run(seconds{10});
    ASSERT_TRUE(problems().empty());
  }
  /// The camera sends, and the hub looks every two seconds.
  void run(Duration span) {
    for (const auto end = camera.time() + span; camera.time() < end;) {
      life.run(camera, camera.time() + seconds{2});
      life.archive->watch();
    }
  }
  std::vector<RecordingProblem> problems() { return life.archive->problems(); }

  ArchiveLife life{at("2026-11-24T05:24:00.000Z")};
  Camera camera{at("2026-11-24T05:24:00.000Z")};
};

TEST_F(RecordingWatchTest, fault_24_a_disk_that_refuses_is_told_within_ten_seconds_and_its_end_too) {
  life.disk->fail_writes(Error{ErrorCode::io, "input/output error", {}});
  run(seconds{10});
  ASSERT_EQ(problems().size(), 1u);
  EXPECT_EQ(problems()[0].key, cam01);
  EXPECT_EQ(problems()[0].reason, "input/output error");
  const auto since = problems()[0].since;
  run(seconds{10});
  EXPECT_EQ(problems().at(0).since, since);
  life.disk->fail_writes(std::nullopt);
  run(seconds{40});
  EXPECT_TRUE(problems().empty());
}

TEST_F(RecordingWatchTest, fault_24_what_is_written_to_a_file_that_is_gone_is_told_although_every_write_succeeds) {
  ASSERT_TRUE(life.disk->remove(life.recorder->status().open_path));
  run(seconds{10});
  EXPECT_TRUE(life.recorder->status().writing);
  ASSERT_EQ(problems().size(), 1u);
  EXPECT_EQ(problems()[0].reason, "pictures come, but nothing of them is written to the disk");
  run(seconds{60});
  EXPECT_TRUE(problems().empty()) << "the next file is there";
}

TEST_F(RecordingWatchTest, a_camera_that_sends_nothing_is_no_problem_of_the_recording) {
  for (int i = 0; i < 10; ++i) {
    life.clock.advance(seconds{2});
    life.step();
    life.archive->watch();
  }
  EXPECT_TRUE(problems().empty());
  life.recorder->on_interrupted(media::GapCause::camera, "gone");
  camera.restart(life.clock.utc_now());
  run(seconds{6});
  EXPECT_TRUE(problems().empty());
}

}  // namespace
}  // namespace ccoc::archive
