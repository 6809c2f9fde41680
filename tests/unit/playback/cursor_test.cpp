#include "ccoc/playback/cursor.h"

#include "support/footage.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;
using archive::scan_segment;
using media::AccessUnitPtr;

class CursorTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:22:30 and 05:23:10 to 05:25:10; a key frame every second. The last file is open.
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    life.run(camera, at("2026-11-24T05:22:30.000Z"));
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(at("2026-11-24T05:23:10.000Z"));
    life.run(camera, at("2026-11-24T05:25:10.040Z"));
  }
  Cursor cursor_at(const char* t) {
    Cursor cursor(life.catalog(), cam01);
    const auto done = cursor.seek(at(t));
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return cursor;
  }
  static AccessUnitPtr unit(const Result<Step>& step) {
    if (!step || !std::holds_alternative<AccessUnitPtr>(*step)) return nullptr;
    return std::get<AccessUnitPtr>(*step);
  }
  template <class T>
  static std::optional<T> as(const Result<Step>& step) {
    if (!step || !std::holds_alternative<T>(*step)) return std::nullopt;
    return std::get<T>(*step);
  }
  static Duration apart(UtcTime a, UtcTime b) { return std::chrono::abs(a - b); }

  Camera camera{at("2026-11-24T05:20:00.000Z")};
  ArchiveLife life{at("2026-11-24T05:20:00.000Z")};
};

TEST_F(CursorTest, starts_at_the_key_frame_at_or_before_the_instant) {
  auto cursor = cursor_at("2026-11-24T05:21:30.700Z");
  const auto first = unit(cursor.next());
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->key);
  EXPECT_TRUE(first->discontinuity);
  EXPECT_EQ(first->capture_time, at("2026-11-24T05:21:30.000Z"));
  const auto second = unit(cursor.next());
  EXPECT_FALSE(second->key);
  EXPECT_FALSE(second->discontinuity);
}

TEST_F(CursorTest, gives_every_frame_once_and_in_order_over_files_and_the_gap_up_to_the_edge) {
  auto cursor = cursor_at("2026-11-24T05:20:00.000Z");
  Camera twin(at("2026-11-24T05:20:00.000Z"));
  std::size_t frames = 0;
  for (;;) {
    const auto step = cursor.next();
    ASSERT_TRUE(step) << step.error().message;
    if (const auto gap = as<GapAhead>(step)) {
      EXPECT_EQ(frames, 150u * 25u);
      EXPECT_LE(apart(gap->from, at("2026-11-24T05:22:30.000Z")), milliseconds{1});
      EXPECT_EQ(gap->to, at("2026-11-24T05:23:10.000Z"));
      EXPECT_EQ(gap->cause, media::GapCause::network);
      twin.restart(at("2026-11-24T05:23:10.000Z"));
      continue;
    }
    if (const auto edge = as<AtLiveEdge>(step)) {
      EXPECT_TRUE(edge->recording);
      break;
    }
    const auto got = unit(step);
    const auto sent = twin.next();
    ASSERT_EQ(*got->data, *sent->data);
    ASSERT_LE(apart(got->capture_time, sent->capture_time), Duration{6});
    ASSERT_LE(std::abs(got->media_time - sent->media_time), 1);
    ASSERT_EQ(got->discontinuity, sent->discontinuity) << "frame " << frames;
    ++frames;
  }
  EXPECT_EQ(frames, 270u * 25u);
}

TEST_F(CursorTest, follows_the_writer_at_the_edge_and_into_the_next_file) {
  auto cursor = cursor_at("2026-11-24T05:25:08.000Z");
  UtcTime last;
  const auto drain = [&] {
    for (;;) {
      const auto step = cursor.next();
      if (as<AtLiveEdge>(step)) return;
      const auto got = unit(step);
      ASSERT_TRUE(got);
      if (last != UtcTime{}) {
        ASSERT_LE(apart(got->capture_time, last), milliseconds{41});
      }
      last = got->capture_time;
    }
  };
  drain();
  EXPECT_EQ(last, at("2026-11-24T05:25:09.960Z"));
  life.run(camera, at("2026-11-24T05:26:05.040Z"));
  drain();
  EXPECT_EQ(last, at("2026-11-24T05:26:04.960Z"));
  life.recorder.reset();
  life.step();
  drain();
  const auto end = cursor.next();
  ASSERT_TRUE(as<AtLiveEdge>(end));
  EXPECT_FALSE(as<AtLiveEdge>(end)->recording) << "nobody records any more";
}

TEST_F(CursorTest, does_not_ask_the_index_at_every_look_for_more) {
  life.recorder->on_interrupted(media::GapCause::camera, "");
  life.step();
  auto cursor = cursor_at("2026-11-24T05:25:09.900Z");
  while (unit(cursor.next())) {
  }
  life.tables->away = true;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(as<AtLiveEdge>(cursor.next()));
}

TEST_F(CursorTest, announces_the_gap_it_was_sent_into) {
  auto cursor = cursor_at("2026-11-24T05:22:40.000Z");
  const auto gap = as<GapAhead>(cursor.next());
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->to, at("2026-11-24T05:23:10.000Z"));
  EXPECT_EQ(unit(cursor.next())->capture_time, at("2026-11-24T05:23:10.000Z"));
}

TEST_F(CursorTest, waits_at_the_edge_when_sent_beyond_all_footage) {
  auto cursor = cursor_at("2026-11-24T09:00:00.000Z");
  EXPECT_TRUE(as<AtLiveEdge>(cursor.next()));
}

TEST_F(CursorTest, says_when_nothing_was_ever_recorded) {
  Cursor cursor(life.catalog(), {"cam99", "main"});
  const auto done = cursor.seek(at("2026-11-24T05:22:40.000Z"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::not_found);
}

TEST_F(CursorTest, goes_from_key_frame_to_key_frame_in_both_directions) {
  auto cursor = cursor_at("2026-11-24T05:21:58.500Z");
  std::vector<UtcTime> seen;
  for (int i = 0; i < 5; ++i) {
    const auto got = unit(cursor.next_key());
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->key);
    seen.push_back(got->capture_time);
  }
  EXPECT_EQ(seen.front(), at("2026-11-24T05:21:58.000Z"));
  EXPECT_EQ(seen.back(), at("2026-11-24T05:22:02.000Z")) << "over the file's end";
  ASSERT_TRUE(cursor.seek(at("2026-11-24T05:22:01.500Z")));
  for (const char* t : {"2026-11-24T05:22:01.000Z", "2026-11-24T05:22:00.000Z", "2026-11-24T05:21:59.000Z"}) {
    EXPECT_EQ(unit(cursor.previous_key())->capture_time, at(t));
  }
}

TEST_F(CursorTest, goes_backwards_over_the_gap_to_the_beginning) {
  auto cursor = cursor_at("2026-11-24T05:23:11.500Z");
  EXPECT_EQ(unit(cursor.previous_key())->capture_time, at("2026-11-24T05:23:11.000Z"));
  EXPECT_EQ(unit(cursor.previous_key())->capture_time, at("2026-11-24T05:23:10.000Z"));
  const auto gap = as<GapAhead>(cursor.previous_key());
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->to, at("2026-11-24T05:23:10.000Z"));
  EXPECT_EQ(unit(cursor.previous_key())->capture_time, at("2026-11-24T05:22:29.000Z"));
  int keys = 1;
  while (unit(cursor.previous_key())) ++keys;
  EXPECT_EQ(keys, 150);
  EXPECT_TRUE(as<AtBeginning>(cursor.previous_key()));
}

TEST_F(CursorTest, passes_over_a_file_that_retention_took) {
  auto cursor = cursor_at("2026-11-24T05:20:59.500Z");
  ASSERT_TRUE(life.disk->remove("cam01/main/2026-11-24/052100Z.mp4"));
  AccessUnitPtr got;
  bool gap = false;
  for (int i = 0; i < 100; ++i) {
    const auto step = cursor.next();
    ASSERT_TRUE(step);
    gap = gap || as<GapAhead>(step);
    got = unit(step);
    if (got && got->capture_time >= at("2026-11-24T05:22:00.000Z")) break;
  }
  ASSERT_TRUE(got);
  EXPECT_EQ(got->capture_time, at("2026-11-24T05:22:00.000Z"));
  EXPECT_TRUE(gap);
  EXPECT_TRUE(got->discontinuity);
}

TEST_F(CursorTest, passes_over_a_broken_fragment_to_the_next_key_frame) {
  const std::string path = "cam01/main/2026-11-24/052100Z.mp4";
  auto bytes = life.disk->content(path);
  auto file = life.disk->open_read(path).value();
  const auto third = scan_segment(*file, bytes.size()).value().fragments.at(3);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(third.offset + third.header_size), 4, std::uint8_t{0xff});
  life.disk->put(path, bytes);
  auto cursor = cursor_at("2026-11-24T05:21:02.000Z");
  AccessUnitPtr got;
  do {
    got = unit(cursor.next());
    ASSERT_TRUE(got);
  } while (got->capture_time < at("2026-11-24T05:21:03.000Z"));
  EXPECT_EQ(got->capture_time, at("2026-11-24T05:21:04.000Z"));
  EXPECT_TRUE(got->key);
  EXPECT_TRUE(got->discontinuity);
}

TEST_F(CursorTest, finds_the_key_frame_for_a_snapshot) {
  EXPECT_EQ(key_unit_at(life.catalog(), cam01, at("2026-11-24T05:21:30.700Z")).value()->capture_time, at("2026-11-24T05:21:30.000Z"));
  EXPECT_EQ(key_unit_at(life.catalog(), cam01, at("2026-11-24T05:22:35.000Z")).value()->capture_time, at("2026-11-24T05:22:29.000Z"));
  EXPECT_EQ(key_unit_at(life.catalog(), cam01, at("2026-11-24T05:22:50.000Z")).error().code, ErrorCode::not_found);
  EXPECT_EQ(key_unit_at(life.catalog(), cam01, at("2026-11-24T05:19:00.000Z")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace ccoc::playback
