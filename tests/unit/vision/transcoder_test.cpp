#include "ccoc/vision/transcoder.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "ccoc/vision/snapshot.h"
#include "unit/media/streams.h"

namespace ccoc::vision {
namespace {

using namespace std::chrono_literals;
using media::Codec;

const std::string worker = std::string(CCOC_BINARY_DIR) + "/ccoc-vision";

/// Takes what comes out.
class Viewer {
 public:
  TranscodeSession::Output output() {
    return [this](const media::AccessUnitPtr& unit, std::uint8_t flags) {
      const std::lock_guard lock(mutex_);
      units_.push_back(unit);
      flags_.push_back(flags);
      more_.notify_all();
    };
  }
  bool waits_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, 30s, [&] { return units_.size() >= count; });
  }
  std::vector<media::AccessUnitPtr> units() {
    const std::lock_guard lock(mutex_);
    return units_;
  }
  std::vector<std::uint8_t> flags() {
    const std::lock_guard lock(mutex_);
    return flags_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<media::AccessUnitPtr> units_;
  std::vector<std::uint8_t> flags_;
};

/// A camera that sends a clip again and again.
class Source {
 public:
  explicit Source(Codec codec) : clip_(media::test::load_clip(codec)) {}
  media::AccessUnitPtr next() {
    const auto& picture = clip_.pictures[at_ % clip_.pictures.size()];
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = clip_.format;
    unit->data = std::make_shared<const Bytes>(media::test::join(picture));
    for (const auto& nal : picture) unit->key = unit->key || media::is_random_access(clip_.codec, nal);
    unit->media_time = static_cast<std::int64_t>(at_) * 6000;
    unit->capture_time = UtcTime{std::chrono::seconds{1'800'000'000}} + from_ticks(unit->media_time, video_timescale);
    ++at_;
    return unit;
  }
  media::AccessUnitPtr next_key() {
    for (;;) {
      if (auto unit = next(); unit->key) return unit;
    }
  }
  std::size_t gop() const { return 15; }

 private:
  media::test::Clip clip_;
  std::size_t at_ = 0;
};

TranscoderOptions options(unsigned sessions = 2) {
  return {.worker = worker, .max_sessions = sessions, .timeout = 20s, .max_waiting = 200};
}

TEST(Transcoder, makes_h265_into_h264_picture_for_picture) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  std::vector<media::AccessUnitPtr> sent;
  for (int i = 0; i < 30; ++i) {
    sent.push_back(source.next());
    session->push(sent.back(), static_cast<std::uint8_t>(i), false);
  }
  ASSERT_TRUE(viewer.waits_for(30));
  const auto made = viewer.units();
  const auto flags = viewer.flags();
  SnapshotService check(SnapshotOptions{.worker = worker});
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(made[i]->format->codec, Codec::h264);
    EXPECT_EQ(made[i]->format->width, 320u);
    EXPECT_EQ(made[i]->format->height, 180u);
    EXPECT_EQ(made[i]->capture_time, sent[i]->capture_time);
    EXPECT_EQ(made[i]->media_time, sent[i]->media_time);
    EXPECT_EQ(flags[i], i);
    EXPECT_EQ(made[i]->key, sent[i]->key) << i;
    if (!made[i]->key) continue;
    const auto before = check.look(*sent[i]), after = check.look(*made[i]);
    ASSERT_TRUE(before && after);
    EXPECT_NEAR(before->mean, after->mean, 2) << "it is the same picture";
    EXPECT_NEAR(before->deviation, after->deviation, 4);
  }
}

TEST(Transcoder, scales_down_within_the_limits) {
  auto small = options();
  small.max_width = 160, small.max_height = 60;
  Transcoder transcoder(small);
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  session->push(source.next_key(), 0, false);
  ASSERT_TRUE(viewer.waits_for(1));
  EXPECT_EQ(viewer.units()[0]->format->width, 106u);
  EXPECT_EQ(viewer.units()[0]->format->height, 60u);
}

TEST(Transcoder, shows_pictures_with_b_frames_in_their_order) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h264);
  for (std::uint8_t i = 0; i < 45; ++i) session->push(source.next(), i, false);
  ASSERT_TRUE(viewer.waits_for(42));
  // The clip is coded I P B B …: the third and the fourth unit are shown before the second.
  const auto flags = viewer.flags();
  EXPECT_EQ((std::vector<std::uint8_t>(flags.begin(), flags.begin() + 4)), (std::vector<std::uint8_t>{0, 2, 3, 1}));
  EXPECT_EQ(session->restarts(), 0u);
}

TEST(Transcoder, gives_nothing_for_what_is_only_needed_to_decode_and_begins_with_a_key_frame) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  auto key = source.next_key();
  session->push(source.next(), 1, false);  // before a key frame: dropped
  session->push(key, 2, true);
  session->push(source.next(), 2, true);
  const auto shown = source.next();
  session->push(shown, 3, false);
  ASSERT_TRUE(viewer.waits_for(1));
  EXPECT_EQ(viewer.flags()[0], 3);
  EXPECT_EQ(viewer.units()[0]->capture_time, shown->capture_time);
  EXPECT_TRUE(viewer.units()[0]->key);
}

TEST(Transcoder, forgets_what_is_under_way_at_a_restart) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  for (int i = 0; i < 32; ++i) session->push(source.next(), 1, false);
  session->restart();
  const auto before = viewer.units().size();
  session->push(source.next(), 2, false);
  session->push(source.next_key(), 3, false);
  ASSERT_TRUE(viewer.waits_for(before + 1));
  EXPECT_EQ(viewer.flags()[before], 3);
}

TEST(Transcoder, runs_no_more_sessions_than_it_may) {
  Transcoder transcoder(options(1));
  Viewer viewer;
  auto first = transcoder.open(viewer.output()).value();
  EXPECT_EQ(transcoder.open(viewer.output()).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(transcoder.sessions(), 1u);
  first.reset();
  EXPECT_EQ(transcoder.sessions(), 0u);
  EXPECT_TRUE(transcoder.open(viewer.output()));
  EXPECT_EQ(Transcoder(options(0)).open(viewer.output()).error().code, ErrorCode::unsupported);
}

TEST(Transcoder, goes_on_with_the_next_key_frame_when_its_worker_was_killed) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  session->push(source.next_key(), 0, false);
  ASSERT_TRUE(viewer.waits_for(1));
  const int pid = session->worker_pid();
  ASSERT_GT(pid, 0);
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  for (std::size_t i = 0; i < 2 * source.gop(); ++i) session->push(source.next(), 1, false);
  ASSERT_TRUE(viewer.waits_for(2));
  EXPECT_TRUE(viewer.units()[1]->key);
  EXPECT_EQ(session->restarts(), 1u);
  EXPECT_NE(session->worker_pid(), pid);
}

TEST(Transcoder, replaces_a_worker_that_hangs) {
  auto impatient = options();
  impatient.timeout = 2s;
  Transcoder transcoder(impatient);
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  session->push(source.next_key(), 0, false);
  ASSERT_TRUE(viewer.waits_for(1));
  ASSERT_EQ(kill(session->worker_pid(), SIGSTOP), 0);
  for (std::size_t i = 0; i < 3 * source.gop(); ++i) session->push(source.next(), 1, false);
  ASSERT_TRUE(viewer.waits_for(2));
  EXPECT_TRUE(viewer.units()[1]->key);
  EXPECT_GE(session->restarts(), 1u);
}

TEST(Transcoder, ends_while_its_worker_hangs_without_waiting_for_it) {
  auto patient = options();
  patient.timeout = 10min;
  Transcoder transcoder(patient);
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  session->push(source.next_key(), 0, false);
  ASSERT_TRUE(viewer.waits_for(1));
  ASSERT_EQ(kill(session->worker_pid(), SIGSTOP), 0);
  session->push(source.next(), 0, false);
  session.reset();
  EXPECT_EQ(transcoder.sessions(), 0u);
}

TEST(Transcoder, survives_pictures_with_flipped_bytes) {
  Transcoder transcoder(options());
  Viewer viewer;
  auto session = transcoder.open(viewer.output()).value();
  Source source(Codec::h265);
  std::uint32_t random = 1;
  const auto next_random = [&] { return random = random * 1664525 + 1013904223; };
  for (int round = 0; round < 60; ++round) {
    auto unit = std::make_shared<media::AccessUnit>(*source.next());
    auto nals = media::test::nals_of(*unit->data);
    for (int i = 0; i < 4; ++i) {
      auto& nal = nals[next_random() % nals.size()];
      nal[(next_random() >> 8) % nal.size()] = static_cast<std::uint8_t>(next_random() >> 16);
    }
    unit->data = std::make_shared<const Bytes>(media::test::join(nals));
    session->push(unit, 0, false);
  }
  // Whole pictures come through behind them.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  bool shown = false;
  while (!shown && std::chrono::steady_clock::now() < deadline) {
    session->push(source.next(), 7, false);
    std::this_thread::yield();
    const auto flags = viewer.flags();
    shown = !flags.empty() && flags.back() == 7;
  }
  EXPECT_TRUE(shown);
}

}  // namespace
}  // namespace ccoc::vision
