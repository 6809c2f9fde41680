#include "ccoc/archive/segment_reader.h"
#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;
using media::GapCause;

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override { life.boot(); }

  FragmentTable table(const std::string& path) {
    auto file = life.disk->open_read(path).value();
    auto scanned = scan_segment(*file, file->size().value());
    EXPECT_TRUE(scanned) << (scanned ? "" : scanned.error().message);
    return std::move(*scanned);
  }
  std::size_t frames_on_disk() {
    std::size_t sum = 0;
    for (const auto& path : life.disk->files()) {
      for (const auto& fragment : table(path).fragments) sum += fragment.samples.size();
    }
    return sum;
  }

  ArchiveLife life;
};

TEST_F(RecorderTest, starts_files_at_wall_clock_minutes_under_day_and_time) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:26:00.500Z"));
  recorder.on_interrupted(GapCause::disabled, "switched off");
  life.step();
  EXPECT_EQ(life.disk->files(), (std::vector<std::string>{"cam01/main/2026-11-24/052357Z.mp4", "cam01/main/2026-11-24/052400Z.mp4",
                                                          "cam01/main/2026-11-24/052500Z.mp4", "cam01/main/2026-11-24/052600Z.mp4"}));
  const auto rows = life.rows();
  ASSERT_EQ(rows.size(), 4u);
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_EQ(rows[i].start, rows[i - 1].end) << "no hole, no overlap";
  for (const auto& row : rows) {
    EXPECT_FALSE(row.open);
    EXPECT_EQ(row.bytes, life.disk->content(row.path).size());
    EXPECT_EQ(row.run, rows[0].run);
  }
}

TEST_F(RecorderTest, loses_no_frame_and_keeps_every_byte_and_capture_time) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z")), twin(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:25:10.000Z"));
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  std::size_t count = 0;
  for (const auto& row : life.rows()) {
    auto reader = life.catalog().open(row).value();
    for (const auto& fragment : reader->fragments()) {
      const auto units = reader->read(fragment).value().pictures;
      for (const auto& unit : units) {
        const auto sent = twin.next();
        ASSERT_EQ(*unit->data, *sent->data);
        ASSERT_EQ(unit->key, sent->key);
        ASSERT_LE(std::abs((unit->capture_time - sent->capture_time).count()), 6);
        ASSERT_EQ(*unit->format, *sent->format);
        ++count;
      }
    }
  }
  EXPECT_EQ(count, 73u * 25u);
  EXPECT_EQ(recorder.status().frames_written, count);
  EXPECT_EQ(recorder.status().frames_dropped, 0u);
}

TEST_F(RecorderTest, closes_a_fragment_at_a_key_frame_or_after_a_second) {
  life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"), milliseconds{100});  // a key frame every 2.5 s
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  const auto fragments = table(life.disk->files().front()).fragments;
  ASSERT_GE(fragments.size(), 4u);
  EXPECT_EQ(fragments[0].samples.size(), 10u);
  EXPECT_EQ(fragments[1].samples.size(), 10u);
  EXPECT_EQ(fragments[2].samples.size(), 5u);
  EXPECT_TRUE(fragments[3].starts_with_key());
  EXPECT_EQ(fragments[3].decode_time, 225'000);
}

TEST_F(RecorderTest, writes_what_it_has_at_an_interruption_and_the_last_frame_lasts_as_the_one_before) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:23:57.400Z"));
  recorder.on_interrupted(GapCause::camera, "connection reset");
  life.step();
  ASSERT_EQ(life.rows().size(), 1u);
  EXPECT_EQ(life.rows()[0].end, at("2026-11-24T05:23:57.400Z"));
  EXPECT_EQ(frames_on_disk(), 10u);
}

TEST_F(RecorderTest, what_a_camera_sent_before_it_fell_silent_waits_for_nothing_but_its_last_picture) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:23:57.400Z"));
  life.step();
  ASSERT_TRUE(life.disk->files().empty()) << "a fragment lasts a second";
  recorder.on_quiet();
  recorder.on_quiet();
  life.step();
  EXPECT_EQ(frames_on_disk(), 9u);
  // It goes on in the same file, and the last picture lasted until then.
  camera.jump(at("2026-11-24T05:23:59.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  EXPECT_EQ(frames_on_disk(), 10u + 11u * 25u);
  const auto fragments = table(life.disk->files().front()).fragments;
  EXPECT_EQ(fragments[0].samples.size(), 9u);
  EXPECT_EQ(fragments[1].decode_time, 9 * 3600);
  EXPECT_EQ(fragments[1].samples.front().duration, to_ticks(milliseconds{1640}, video_timescale));
  EXPECT_TRUE(life.gaps().empty() || life.gaps()[0].cause == GapCause::disabled);
}

TEST_F(RecorderTest, records_a_gap_with_its_cause_and_starts_a_new_run) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  recorder.on_interrupted(GapCause::camera, "connection reset");
  camera.restart(at("2026-11-24T05:24:22.000Z"));
  life.run(camera, at("2026-11-24T05:24:30.000Z"));
  ASSERT_EQ(life.gaps().size(), 1u);
  const auto gap = life.gaps()[0];
  EXPECT_EQ(gap.from, at("2026-11-24T05:24:10.000Z"));
  EXPECT_EQ(gap.to, at("2026-11-24T05:24:22.000Z"));
  EXPECT_EQ(gap.cause, GapCause::camera);
  EXPECT_EQ(gap.reason, "connection reset");
  const auto rows = life.rows();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].run, rows[1].run);
  EXPECT_NE(rows[1].run, rows[2].run);
}

TEST_F(RecorderTest, records_no_gap_for_a_quick_reconnect) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  recorder.on_interrupted(GapCause::network, "");
  camera.restart(at("2026-11-24T05:24:10.300Z"));
  life.run(camera, at("2026-11-24T05:24:20.000Z"));
  EXPECT_TRUE(life.gaps().empty());
  EXPECT_EQ(life.rows().size(), 2u);
}

TEST_F(RecorderTest, shows_a_gap_while_it_lasts) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  recorder.on_interrupted(GapCause::camera, "no route to host");
  life.clock.advance(minutes{5});
  life.step();
  ASSERT_TRUE(life.catalog().edge(cam01).gap);
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_FALSE(life.gaps()[0].to);
  const std::vector<std::string> cameras{"cam01"};
  const auto timeline =
      life.catalog().timeline(cameras, "main", at("2026-11-24T05:24:00.000Z"), at("2026-11-24T06:24:00.000Z"), 10).value();
  ASSERT_EQ(timeline[0].gaps.size(), 1u);
  EXPECT_EQ(timeline[0].gaps[0].to, life.clock.utc_now()) << "up to now, not into the future";
}

TEST_F(RecorderTest, after_a_silence_in_the_middle_of_a_gop_good_pictures_are_kept) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:23:57.000Z"));
  life.run(camera, at("2026-11-24T05:23:57.400Z"));
  camera.jump(at("2026-11-24T05:24:05.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  EXPECT_EQ(frames_on_disk(), 10u + 5u * 25u);
  EXPECT_EQ(recorder.status().frames_dropped, 0u);
}

TEST_F(RecorderTest, takes_long_silence_without_a_word_for_a_gap) {
  life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  camera.jump(at("2026-11-24T05:24:40.000Z"));
  life.run(camera, at("2026-11-24T05:24:55.000Z"));
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, GapCause::network);
  for (const auto& path : life.disk->files()) {
    for (const auto& fragment : table(path).fragments) {
      for (const auto& sample : fragment.samples) EXPECT_LE(sample.duration, 5u * 90'000);
    }
  }
}

TEST_F(RecorderTest, waits_for_a_key_frame_before_it_starts) {
  life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  for (int i = 0; i < 5; ++i) camera.next();
  life.run(camera, at("2026-11-24T05:24:05.000Z"));
  EXPECT_EQ(life.rows().front().start, at("2026-11-24T05:24:02.000Z"));
  EXPECT_TRUE(table(life.disk->files().front()).fragments.front().starts_with_key());
}

TEST_F(RecorderTest, starts_a_new_file_when_the_format_changes) {
  life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:05.200Z"));
  auto other = std::make_shared<media::VideoFormat>(*street().format);
  other->pps.push_back(other->pps.front());
  camera.set_format(other);
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  ASSERT_EQ(life.disk->files().size(), 2u);
  EXPECT_EQ(*table(life.disk->files()[1]).header.formats.front(), *other);
  EXPECT_EQ(life.rows()[0].end, life.rows()[1].start);
}

TEST_F(RecorderTest, never_writes_a_duration_below_one_tick) {
  life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"), Duration{0});  // all frames with the same stamp
  for (int i = 0; i < 60; ++i) life.recorder->on_unit(camera.next());
  camera.jump(at("2026-11-24T05:24:01.500Z"));
  for (int i = 0; i < 60; ++i) life.recorder->on_unit(camera.next());
  life.recorder->on_interrupted(GapCause::camera, "");
  life.step();
  EXPECT_EQ(frames_on_disk(), 120u);
  std::int64_t end = 0;
  for (const auto& fragment : table(life.disk->files().front()).fragments) {
    EXPECT_GE(fragment.decode_time, end);
    for (const auto& sample : fragment.samples) EXPECT_GE(sample.duration, 1u);
    end = fragment.decode_time + fragment.duration();
  }
}

TEST_F(RecorderTest, gives_files_of_one_second_different_names) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  for (const char* t : {"2026-11-24T05:24:01.000Z", "2026-11-24T05:24:01.300Z", "2026-11-24T05:24:01.600Z"}) {
    camera.restart(at(t));
    for (int i = 0; i < 5; ++i) recorder.on_unit(camera.next());
  }
  recorder.on_interrupted(GapCause::camera, "");
  life.step();
  EXPECT_EQ(life.disk->files(), (std::vector<std::string>{"cam01/main/2026-11-24/052401Z-2.mp4", "cam01/main/2026-11-24/052401Z-3.mp4",
                                                          "cam01/main/2026-11-24/052401Z.mp4"}));
}

TEST_F(RecorderTest, allows_one_recorder_per_stream_and_only_slugs) {
  life.record();
  const auto second = life.archive->record(cam01);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  life.recorder.reset();
  EXPECT_TRUE(life.archive->record(cam01));
  for (const char* bad : {"", "../x", "Cam01", "a/b", "กล้อง"}) {
    const auto refused = life.archive->record({bad, "main"});
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(refused.error().field, "camera");
  }
}

TEST_F(RecorderTest, cuts_a_torn_write_back_and_goes_on_in_a_new_file) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  life.disk->fail_writes(Error{ErrorCode::io, "input/output error", {}}, 700);
  life.run(camera, at("2026-11-24T05:24:15.000Z"));
  EXPECT_FALSE(recorder.status().writing);
  ASSERT_TRUE(recorder.status().last_error);
  EXPECT_EQ(recorder.status().last_error->code, ErrorCode::io);
  life.disk->fail_writes(std::nullopt);
  life.run(camera, at("2026-11-24T05:24:40.000Z"));
  EXPECT_TRUE(recorder.status().writing);
  EXPECT_FALSE(recorder.status().last_error);
  ASSERT_EQ(life.disk->files().size(), 2u);
  for (const auto& path : life.disk->files()) {
    EXPECT_EQ(table(path).whole_bytes, life.disk->content(path).size()) << path << " has a torn tail";
  }
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, GapCause::disk);
  EXPECT_EQ(life.gaps()[0].from, life.rows()[0].end);
  EXPECT_EQ(life.gaps()[0].to, life.rows()[1].start);
  EXPECT_GT(recorder.status().frames_dropped, 0u);
}

TEST_F(RecorderTest, survives_a_full_disk_and_says_so) {
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:10.000Z"));
  life.disk->set_capacity(life.disk->used_bytes() + 1000);
  life.run(camera, at("2026-11-24T05:24:20.000Z"));
  EXPECT_EQ(recorder.status().last_error->code, ErrorCode::no_space);
  life.disk->set_capacity(~std::uint64_t{0});
  life.run(camera, at("2026-11-24T05:25:10.000Z"));
  EXPECT_TRUE(recorder.status().writing);
  EXPECT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, GapCause::disk);
}

TEST_F(RecorderTest, drops_whole_gops_when_the_buffer_is_full) {
  life.options.write_buffer_bytes = 150'000;  // some ten seconds of this stream
  life.boot();
  auto& recorder = life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  while (camera.time() < at("2026-11-24T05:24:41.000Z")) recorder.on_unit(camera.next());  // nobody writes
  EXPECT_GT(recorder.status().frames_dropped, 0u);
  life.clock.advance_to(camera.time());
  life.step();
  life.run(camera, at("2026-11-24T05:24:50.000Z"));
  ASSERT_EQ(life.gaps().size(), 1u);
  EXPECT_EQ(life.gaps()[0].cause, GapCause::disk);
  for (const auto& path : life.disk->files()) EXPECT_TRUE(table(path).fragments.front().starts_with_key());
  EXPECT_EQ(frames_on_disk() + recorder.status().frames_dropped + 25, 49u * 25u) << "one GOP is still being collected";
  EXPECT_EQ(life.archive->volumes()[0].queued_bytes, 0u);
}

TEST_F(RecorderTest, syncs_the_volume_every_two_seconds_not_every_file) {
  life.record();
  Camera camera(at("2026-11-24T05:24:01.000Z"));
  life.run(camera, at("2026-11-24T05:24:21.000Z"));
  EXPECT_GE(life.disk->syncs(), 9u);
  EXPECT_LE(life.disk->syncs(), 11u);
}

TEST_F(RecorderTest, keeps_recording_while_the_index_is_away_and_tells_it_all_afterwards) {
  life.record();
  life.tables->away = true;
  Camera camera(at("2026-11-24T05:24:00.000Z"));
  life.run(camera, at("2026-11-24T05:34:30.000Z"));
  EXPECT_TRUE(life.rows().empty());
  EXPECT_FALSE(life.archive->index_status().reachable);
  EXPECT_EQ(life.archive->index_status().backlog_rows, 11u);
  EXPECT_TRUE(life.recorder->status().writing);
  const auto meanwhile = life.catalog().find(cam01, at("2026-11-24T05:26:00.000Z"), at("2026-11-24T05:28:00.000Z"));
  ASSERT_TRUE(meanwhile) << "what is not stored yet is known anyway";
  EXPECT_EQ(meanwhile->size(), 2u);
  life.tables->away = false;
  life.step();
  EXPECT_EQ(life.rows().size(), 11u);
  EXPECT_EQ(life.archive->index_status().backlog_rows, 0u);
}

TEST_F(RecorderTest, bounds_what_waits_for_the_index_and_finds_the_rest_on_the_disk) {
  life.options.index_backlog_rows = 5;
  life.boot();
  life.record();
  life.tables->away = true;
  Camera camera(at("2026-11-24T05:24:00.000Z"));
  life.run(camera, at("2026-11-24T05:44:30.000Z"));
  EXPECT_LE(life.archive->index_status().backlog_rows, 5u);
  life.tables->away = false;
  for (int i = 0; i < 10; ++i) life.step();
  EXPECT_EQ(life.rows().size(), 21u);
  for (const auto& row : life.rows()) EXPECT_EQ(row.open, row.path == life.disk->files().back());
}

/// Frames of sound, 64 ms each as AAC at 16 kHz, beginning anywhere.
class Microphone {
 public:
  explicit Microphone(UtcTime start) : time_(start) {}
  media::AudioUnitPtr next() {
    auto unit = std::make_shared<media::AudioUnit>();
    unit->format = format;
    unit->data = std::make_shared<const Bytes>(20 + count_ % 50, static_cast<std::uint8_t>(count_));
    ++count_;
    unit->capture_time = time_;
    unit->duration = 5760;
    time_ += step;
    return unit;
  }
  void run_until(UtcTime until, media::FrameSink& sink) {
    while (time_ < until) sink.on_audio(next());
  }
  UtcTime time() const { return time_; }
  std::size_t given() const { return count_; }
  Duration step = milliseconds{64};
  media::AudioFormatPtr format =
      std::make_shared<const media::AudioFormat>(media::AudioFormat{media::AudioCodec::aac, 16000, 1, {0x14, 0x08}, "mp4a.40.2"});

 private:
  UtcTime time_;
  std::size_t count_ = 0;
};

class SoundRecorderTest : public RecorderTest {
 protected:
  /// Pictures and sound side by side, as they come.
  void run(Camera& camera, Microphone* microphone, UtcTime until) {
    while (camera.time() < until) {
      life.run(camera, camera.time() + milliseconds{40});
      if (microphone != nullptr) microphone->run_until(camera.time(), *life.recorder);
    }
    life.step();
  }
  std::vector<media::AudioUnitPtr> heard() {
    std::vector<media::AudioUnitPtr> all;
    for (const auto& row : life.rows()) {
      auto reader = life.catalog().open(row).value();
      for (const auto& fragment : reader->fragments()) {
        const auto contents = reader->read(fragment, true).value();
        all.insert(all.end(), contents.sound.begin(), contents.sound.end());
      }
    }
    return all;
  }
  std::size_t pictures() {
    std::size_t sum = 0;
    for (const auto& row : life.rows()) {
      for (const auto& fragment : table(row.path).fragments) sum += fragment.samples.size();
    }
    return sum;
  }
  const UtcTime start = at("2026-11-24T05:23:57.000Z");
};

TEST_F(SoundRecorderTest, keeps_every_frame_of_sound_and_when_it_was_heard) {
  auto& recorder = life.record();
  Camera camera(start);
  Microphone microphone(start + milliseconds{10}), twin(start + milliseconds{10});
  run(camera, &microphone, start + seconds{130});
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  const auto all = heard();
  // Up to one frame may come before the first picture of the recording is there.
  ASSERT_EQ(all.size(), microphone.given());
  for (const auto& unit : all) {
    const auto sent = twin.next();
    ASSERT_EQ(*unit->data, *sent->data);
    ASSERT_EQ(*unit->format, *sent->format);
    // At a file's beginning a frame that began before it is put at its beginning.
    ASSERT_LE(std::abs((unit->capture_time - sent->capture_time).count()), 64'000);
    ASSERT_GT(unit->duration, 0);
  }
  EXPECT_EQ(life.rows().size(), 4u) << "the sound splits nothing";
}

TEST_F(SoundRecorderTest, fault_C10_sound_that_starts_late_stops_or_never_comes_leaves_the_pictures_alone) {
  for (const auto& [from, until] : {std::pair{100, 100}, {0, 5}, {20, 40}, {0, 100}}) {
    life.reset(start);
    life.boot();
    auto& recorder = life.record();
    Camera camera(start);
    run(camera, nullptr, start + seconds{from});
    Microphone microphone(camera.time());
    if (until > from) run(camera, &microphone, start + seconds{until});
    run(camera, nullptr, start + seconds{100});
    recorder.on_interrupted(GapCause::disabled, "");
    life.step();
    EXPECT_EQ(pictures(), 2500u) << from << " to " << until;
    const auto rows = life.rows();
    for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_EQ(rows[i].start, rows[i - 1].end);
    EXPECT_EQ(rows.back().end, start + seconds{100});
    EXPECT_LE(life.gaps().size(), 1u);
    // What came before a file had a track for it is missing: at most one GOP.
    EXPECT_GE(heard().size() + 17, microphone.given());
  }
}

TEST_F(SoundRecorderTest, fault_C10_sound_that_drifts_jumps_or_repeats_neither_cuts_nor_stretches_the_pictures) {
  auto& recorder = life.record();
  Camera camera(start);
  Microphone fast(start);
  fast.step = milliseconds{60};
  for (int i = 0; i < 50; ++i) {
    run(camera, nullptr, camera.time() + seconds{1});
    for (int k = 0; k < 16; ++k) recorder.on_audio(fast.next());
    if (i == 20) {
      Microphone back(start);
      for (int k = 0; k < 100; ++k) recorder.on_audio(back.next());
    }
    if (i == 30) {
      Microphone ahead(start + hours{5});
      recorder.on_audio(ahead.next());
    }
  }
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  EXPECT_EQ(pictures(), 1250u);
  EXPECT_EQ(life.rows().back().end, start + seconds{50});
  for (const auto& row : life.rows()) {
    for (const auto& fragment : table(row.path).fragments) {
      std::int64_t length = 0;
      for (const auto& sample : fragment.audio.samples) length += sample.duration;
      EXPECT_LT(length, 90000 * 3) << "no frame of sound lasts for hours";
    }
  }
}

TEST_F(SoundRecorderTest, fault_C10_a_frame_of_sound_that_claims_to_last_for_hours_is_left_out) {
  auto& recorder = life.record();
  Camera camera(start);
  Microphone microphone(start);
  run(camera, &microphone, start + seconds{5});
  auto endless = std::make_shared<media::AudioUnit>(*microphone.next());
  endless->duration = std::int64_t{90000} * 3600 * 10;
  recorder.on_audio(endless);
  run(camera, &microphone, start + seconds{20});
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  const auto all = heard();
  ASSERT_EQ(all.size(), microphone.given() - 1);
  for (const auto& unit : all) {
    ASSERT_LT(unit->duration, 90000);
    ASSERT_LT(unit->capture_time, start + seconds{21});
  }
}

TEST_F(SoundRecorderTest, another_format_of_the_sound_begins_a_file_at_the_next_key_frame) {
  auto& recorder = life.record();
  Camera camera(start);
  Microphone microphone(start);
  run(camera, &microphone, start + seconds{10});
  microphone.format = std::make_shared<const media::AudioFormat>(media::AudioFormat{media::AudioCodec::pcma, 8000, 1, {}, "alaw"});
  run(camera, &microphone, start + seconds{20});
  recorder.on_interrupted(GapCause::disabled, "");
  life.step();
  EXPECT_EQ(pictures(), 500u);
  const auto rows = life.rows();
  ASSERT_EQ(rows.size(), 3u) << "57 to the change, to the minute, and after";
  EXPECT_EQ(heard().back()->format->codec_string, "alaw");
  EXPECT_EQ(rows.back().run, rows.front().run) << "it is no gap";
}

}  // namespace
}  // namespace ccoc::archive
