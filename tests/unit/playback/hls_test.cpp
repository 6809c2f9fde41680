#include "ccoc/playback/hls.h"

#include <fstream>

#include "support/footage.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;

/// 05:20:00 to 05:22:30 and 05:22:40 to 05:24:10; the last file is open.
struct HlsTest : testing::Test {
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    Camera camera(at("2026-11-24T05:20:00.000Z"));
    life.run(camera, at("2026-11-24T05:22:30.000Z"));
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(at("2026-11-24T05:22:40.000Z"));
    life.run(camera, at("2026-11-24T05:24:10.040Z"));
  }
  HlsPlan plan(const char* from, const char* to) {
    auto made = plan_hls(life.catalog(), cam01, at(from), at(to));
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? std::move(*made) : HlsPlan{};
  }
  /// Of a file made of the initialization segment and some segments.
  std::string probe(const HlsPlan& plan, std::size_t first, std::size_t count, const std::string& entries) {
    const TemporaryFolder folder;
    const auto path = (folder.path() / "joined.mp4").string();
    {
      std::ofstream out(path, std::ios::binary);
      const auto write = [&](const Bytes& bytes) {
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      };
      write(hls_init(life.catalog(), cam01, plan.segments[first].start).value());
      for (auto i = first; i < first + count; ++i) {
        const auto& segment = plan.segments[i];
        write(hls_segment(life.catalog(), cam01, segment.start, segment.fragments, plan.segments[0].start, segment.start).value());
      }
    }
    std::string output;
    EXPECT_EQ(Process({"ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", path}, {}, true).wait(&output), 0);
    return output;
  }

  ArchiveLife life;
};

TEST_F(HlsTest, segments_begin_with_key_frames_and_follow_each_other_over_files_of_one_run) {
  const auto made = plan("2026-11-24T05:20:30.500Z", "2026-11-24T05:21:30.000Z");
  EXPECT_EQ(made.segments.front().start, at("2026-11-24T05:20:30.000Z"));
  EXPECT_TRUE(made.segments.front().new_init);
  auto end = made.segments.front().start;
  for (const auto& segment : made.segments) {
    EXPECT_EQ(segment.start, end);
    EXPECT_FALSE(segment.discontinuity);
    EXPECT_EQ(segment.new_init, &segment == &made.segments.front());
    EXPECT_LE(segment.length, seconds{4});
    end = segment.start + segment.length;
  }
  EXPECT_EQ(end, at("2026-11-24T05:21:30.000Z"));
  EXPECT_EQ(made.end, end);
  EXPECT_EQ(made.longest, Duration{seconds{4}});
}

TEST_F(HlsTest, a_gap_is_a_discontinuity_and_media_time_is_the_wall_clock) {
  const auto made = plan("2026-11-24T05:22:20.000Z", "2026-11-24T05:22:50.000Z");
  const auto later = std::ranges::find_if(made.segments, &HlsSegment::discontinuity);
  ASSERT_NE(later, made.segments.end());
  EXPECT_EQ(later->start, at("2026-11-24T05:22:40.000Z"));
  EXPECT_FALSE(later->new_init) << "the same format";
  EXPECT_EQ(std::ranges::count_if(made.segments, &HlsSegment::discontinuity), 1);
  const auto number = static_cast<std::size_t>(later - made.segments.begin());
  EXPECT_TRUE(probe(made, number, 1, "packet=pts_time").starts_with("20.000000")) << "20 s after the first segment";
}

TEST_F(HlsTest, fault_V2_says_which_of_the_time_asked_for_is_footage) {
  const auto made = plan("2026-11-24T05:22:28.500Z", "2026-11-24T05:22:41.500Z");
  ASSERT_EQ(made.spans.size(), 2u);
  EXPECT_EQ(made.spans[0].to, at("2026-11-24T05:22:30.000Z"));
  EXPECT_EQ(made.spans[1].from, at("2026-11-24T05:22:40.000Z"));
  EXPECT_EQ(made.spans[1].to, made.end);
}

TEST_F(HlsTest, pieces_are_played_by_others_without_a_hole) {
  const auto made = plan("2026-11-24T05:20:50.000Z", "2026-11-24T05:21:10.000Z");
  const auto times = probe(made, 0, made.segments.size(), "packet=pts_time");
  EXPECT_EQ(std::ranges::count(times, '\n'), 500);
  EXPECT_TRUE(times.ends_with("19.960000\n")) << times.substr(times.size() - 40);
}

TEST_F(HlsTest, long_ranges_have_longer_segments) {
  EXPECT_EQ(plan("2026-11-24T04:00:00.000Z", "2026-11-24T06:00:00.000Z").longest, Duration{seconds{10}});
}

TEST_F(HlsTest, what_is_not_there_or_no_range_is_refused) {
  const auto refused = [&](const char* from, const char* to) { return plan_hls(life.catalog(), cam01, at(from), at(to)).error().code; };
  EXPECT_EQ(refused("2026-11-24T04:00:00Z", "2026-11-24T05:00:00Z"), ErrorCode::not_found);
  EXPECT_EQ(refused("2026-11-24T05:22:00Z", "2026-11-24T05:22:00Z"), ErrorCode::invalid_argument);
  EXPECT_EQ(refused("2026-11-22T05:22:00Z", "2026-11-24T05:22:00Z"), ErrorCode::invalid_argument);
  const auto start = at("2026-11-24T05:20:04.000Z");
  const auto piece = [&](UtcTime from, unsigned count, UtcTime origin, UtcTime not_before) {
    const auto made = hls_segment(life.catalog(), cam01, from, count, origin, not_before);
    return made ? "made" : std::string(to_string(made.error().code));
  };
  EXPECT_EQ(piece(start, 4, start, start), "made");
  EXPECT_EQ(piece(start, 0, start, start), "not_found");
  EXPECT_EQ(piece(start, 500, start, start), "not_found");
  EXPECT_EQ(piece(start + milliseconds{1}, 4, start, start), "not_found");
  EXPECT_EQ(piece(start, 4, start + seconds{1}, start), "not_found") << "before the origin";
  EXPECT_EQ(piece(start, 4, start, start + seconds{4}), "not_found") << "of a time that was not asked for";
}

}  // namespace
}  // namespace ccoc::playback
