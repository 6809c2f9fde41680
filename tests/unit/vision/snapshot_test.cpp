#include "ccoc/vision/snapshot.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <future>
#include <random>
#include <thread>

#include "unit/media/streams.h"

namespace ccoc::vision {
namespace {

using namespace std::chrono_literals;
using media::Codec;

const std::string worker = std::string(CCOC_BINARY_DIR) + "/ccoc-vision";

media::AccessUnit key_frame(Codec codec) {
  const auto clip = media::test::load_clip(codec);
  media::AccessUnit unit;
  unit.format = clip.format;
  unit.data = std::make_shared<const Bytes>(media::test::join(clip.pictures.front()));
  unit.key = true;
  return unit;
}

media::AccessUnit with_data(media::AccessUnit unit, Bytes data) {
  unit.data = std::make_shared<const Bytes>(std::move(data));
  return unit;
}

struct Size {
  unsigned width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
  friend void PrintTo(const Size& size, std::ostream* out) { *out << size.width << "x" << size.height; }
};

/// From the frame header (SOF0) of a JPEG; 0×0 when it is none (ITU-T T.81 §B.2.2).
Size jpeg_size(const Bytes& jpeg) {
  const auto u16 = [&](std::size_t at) { return static_cast<unsigned>(jpeg[at] << 8 | jpeg[at + 1]); };
  if (jpeg.size() < 4 || u16(0) != 0xffd8 || u16(jpeg.size() - 2) != 0xffd9) return {};
  for (std::size_t at = 2; at + 9 < jpeg.size() && jpeg[at] == 0xff; at += 2 + u16(at + 2))
    if (jpeg[at + 1] == 0xc0) return {u16(at + 7), u16(at + 5)};
  return {};
}

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(SnapshotService, makes_jpegs_of_real_key_frames) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto picture = service.jpeg(key_frame(codec), 0);
    ASSERT_TRUE(picture) << picture.error().message;
    EXPECT_EQ(jpeg_size(*picture), (Size{codec == Codec::h264 ? 322u : 320u, 180})) << to_string(codec);
    EXPECT_GT(picture->size(), 3000u);
  }
  EXPECT_EQ(service.stats().pictures, 2u);
  EXPECT_EQ(service.stats().starts, 1u);
}

TEST(SnapshotService, scales_down_but_never_up) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  const auto unit = key_frame(Codec::h265);
  EXPECT_EQ(jpeg_size(service.jpeg(unit, 160).value()), (Size{160, 90}));
  EXPECT_EQ(jpeg_size(service.jpeg(unit, 1).value()), (Size{2, 2}));
  EXPECT_EQ(jpeg_size(service.jpeg(unit, 4000).value()), (Size{320, 180}));
}

TEST(SnapshotService, makes_a_picture_of_a_key_frame_without_its_own_parameter_sets) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  const auto unit = key_frame(Codec::h264);
  std::vector<Bytes> slices;
  media::for_each_nal(*unit.data, [&](ByteView nal) {
    if (media::is_vcl(Codec::h264, nal)) slices.emplace_back(nal.begin(), nal.end());
  });
  EXPECT_TRUE(service.jpeg(with_data(unit, media::test::join(slices)), 0));
}

TEST(SnapshotService, answers_hostile_bytes_with_an_error_and_the_next_with_a_picture) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  const auto unit = key_frame(Codec::h264);
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    Bytes noise(1 + random() % 20'000);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    noise.front() = 0x65;
    const auto picture = service.jpeg(with_data(unit, media::test::join({noise})), 0);
    EXPECT_TRUE(picture || picture.error().code == ErrorCode::corrupt);
  }
  const auto nothing = service.jpeg(with_data(unit, media::test::join({{0x41}})), 0);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::corrupt);
  EXPECT_NE(nothing.error().message, "");
  EXPECT_TRUE(service.jpeg(unit, 0));
  EXPECT_EQ(service.stats().starts, 1u);
}

TEST(SnapshotService, survives_real_pictures_with_flipped_bytes) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  std::mt19937 random(6);
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto unit = key_frame(codec);
    for (int round = 0; round < 60; ++round) {
      auto nals = media::test::nals_of(*unit.data);
      for (int i = 0; i < 5; ++i) {
        auto& nal = nals[random() % nals.size()];
        nal[random() % nal.size()] = static_cast<std::uint8_t>(random());
      }
      const auto picture = service.jpeg(with_data(unit, media::test::join(nals)), 0);
      EXPECT_TRUE(!picture || jpeg_size(*picture) != Size{});
    }
    EXPECT_TRUE(service.jpeg(unit, 0));
  }
}

TEST(SnapshotService, replaces_a_worker_that_was_killed_in_the_middle_of_a_request) {
  SnapshotService service(SnapshotOptions{.worker = worker, .timeout = 60s});
  const auto unit = key_frame(Codec::h264);
  ASSERT_TRUE(service.jpeg(unit, 0));
  const int pid = service.stats().worker_pid;
  ASSERT_GT(pid, 0);
  kill(pid, SIGSTOP);
  auto interrupted = std::async(std::launch::async, [&] { return service.jpeg(unit, 0); });
  ASSERT_TRUE(eventually([&] { return service.stats().under_way; }));
  kill(pid, SIGKILL);
  const auto answer = interrupted.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(service.jpeg(unit, 0));
  EXPECT_EQ(service.stats().starts, 2u);
  EXPECT_NE(service.stats().worker_pid, pid);
}

TEST(SnapshotService, replaces_a_worker_that_was_killed_between_requests_without_anyone_noticing) {
  SnapshotService service(SnapshotOptions{.worker = worker});
  const auto unit = key_frame(Codec::h264);
  ASSERT_TRUE(service.jpeg(unit, 0));
  const int pid = service.stats().worker_pid;
  kill(pid, SIGKILL);
  siginfo_t ended;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(service.jpeg(unit, 0));
  EXPECT_EQ(service.stats().failures, 0u);
}

TEST(SnapshotService, kills_a_worker_that_hangs) {
  SnapshotService service(SnapshotOptions{.worker = worker, .timeout = 3s});
  const auto unit = key_frame(Codec::h264);
  ASSERT_TRUE(service.jpeg(unit, 0));
  const int pid = service.stats().worker_pid;
  kill(pid, SIGSTOP);
  const auto answer = service.jpeg(unit, 0);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_TRUE(service.jpeg(unit, 0));
}

TEST(SnapshotService, refuses_more_callers_than_may_wait) {
  SnapshotService service(SnapshotOptions{.worker = worker, .timeout = 60s, .max_waiting = 0});
  const auto unit = key_frame(Codec::h264);
  ASSERT_TRUE(service.jpeg(unit, 0));
  const int pid = service.stats().worker_pid;
  kill(pid, SIGSTOP);
  auto first = std::async(std::launch::async, [&] { return service.jpeg(unit, 0); });
  ASSERT_TRUE(eventually([&] { return service.stats().under_way; }));
  const auto refused = service.jpeg(unit, 0);
  kill(pid, SIGCONT);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(first.get());
}

TEST(SnapshotService, serves_many_threads) {
  SnapshotService service(SnapshotOptions{.worker = worker, .timeout = 60s});
  const auto unit = key_frame(Codec::h264);
  std::vector<std::future<Result<Bytes>>> pictures;
  for (int i = 0; i < 8; ++i) pictures.push_back(std::async(std::launch::async, [&] { return service.jpeg(unit, 100); }));
  for (auto& picture : pictures) EXPECT_TRUE(picture.get());
  EXPECT_EQ(service.stats().starts, 1u);
}

TEST(SnapshotService, says_what_is_wrong_when_there_is_no_worker_or_no_key_frame) {
  SnapshotService service(SnapshotOptions{.worker = "/nowhere/ccoc-vision"});
  auto unit = key_frame(Codec::h264);
  const auto missing = service.jpeg(unit, 0);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::unavailable);
  EXPECT_NE(missing.error().message.find("/nowhere/ccoc-vision"), std::string::npos);
  unit.key = false;
  EXPECT_EQ(service.jpeg(unit, 0).error().code, ErrorCode::invalid_argument);
}

TEST(VisionWorker, cannot_open_files_sockets_or_programs) {
  EXPECT_EQ(std::system(("ASAN_OPTIONS=detect_leaks=0 " + worker + " --check-sandbox").c_str()), 0);
}

}  // namespace
}  // namespace ccoc::vision
