// Real pictures in endless repetition, a clock that a test moves, and an archive in memory that is stepped by hand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>

#include "ccoc/archive/archive.h"
#include "ccoc/media/nal.h"
#include "sim/memory_segment_store.h"
#include "sim/sim_disk.h"

namespace ccoc::test {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline UtcTime at(const char* text) { return parse_rfc3339(text).value(); }

/// Thread-safe.
class FootageClock final : public Clock {
 public:
  explicit FootageClock(UtcTime start) : utc_us_(start.time_since_epoch().count()) {}
  UtcTime utc_now() const override { return UtcTime{Duration{utc_us_.load()}}; }
  MonoTime now() const override { return MonoTime{Duration{mono_us_.load()}}; }
  void advance(Duration by) {
    utc_us_ += by.count();
    mono_us_ += by.count();
  }
  /// The wall clock is set; the other one goes on.
  void set_utc(UtcTime t) { utc_us_ = t.time_since_epoch().count(); }
  void advance_to(UtcTime t) { advance(t - utc_now()); }

 private:
  std::atomic<std::int64_t> utc_us_;
  std::atomic<std::int64_t> mono_us_{1'000'000};
};

struct Picture {
  SharedBytes data;
  bool key = false;
};

struct PictureLoop {
  media::VideoFormatPtr format;
  std::vector<Picture> pictures;  ///< begins with a key frame; four GOPs of 25
};

/// tests/data/clips/main.h264: 320×180, 25 fps, a key frame every 25 pictures, no B-frames.
inline const PictureLoop& street() {
  static const PictureLoop loop = [] {
    std::ifstream file(std::string(CCOC_TEST_DATA) + "/clips/main.h264", std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
    PictureLoop made;
    Bytes waiting;
    std::vector<Bytes> sps, pps;
    for (const auto nal : media::split_annexb(bytes)) {
      const int type = media::nal_type(media::Codec::h264, nal);
      if (type == 7 && sps.empty()) sps.emplace_back(nal.begin(), nal.end());
      if (type == 8 && pps.empty()) pps.emplace_back(nal.begin(), nal.end());
      for (int shift = 24; shift >= 0; shift -= 8) waiting.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
      waiting.insert(waiting.end(), nal.begin(), nal.end());
      if (media::is_vcl(media::Codec::h264, nal)) {
        made.pictures.push_back({std::make_shared<const Bytes>(std::exchange(waiting, {})), type == 5});
      }
    }
    made.format =
        std::make_shared<const media::VideoFormat>(media::make_format(media::Codec::h264, {}, std::move(sps), std::move(pps)).value());
    return made;
  }();
  return loop;
}

/// A camera: units 40 ms apart.
class Camera {
 public:
  explicit Camera(UtcTime start, Duration interval = milliseconds{40}) : time_(start), interval_(interval) {}

  media::AccessUnitPtr next() {
    auto unit = std::make_shared<media::AccessUnit>();
    const auto& picture = street().pictures[index_ % street().pictures.size()];
    unit->format = format_;
    unit->data = picture.data;
    unit->key = picture.key;
    unit->capture_time = time_;
    unit->media_time = to_ticks(time_.time_since_epoch(), video_timescale);
    unit->discontinuity = std::exchange(discontinuity_, false);
    ++index_;
    time_ += interval_;
    return unit;
  }
  /// Everything up to `until`, handed to `sink`.
  void run_until(UtcTime until, media::FrameSink& sink) {
    while (time_ < until) sink.on_unit(next());
  }
  /// The camera comes back at `t` with a key frame and a new run.
  void restart(UtcTime t) {
    time_ = t;
    index_ = 0;
    discontinuity_ = true;
  }
  void jump(UtcTime t) { time_ = t; }
  void set_format(media::VideoFormatPtr format) {
    format_ = std::move(format);
    index_ = 0;
  }
  UtcTime time() const { return time_; }

 private:
  UtcTime time_;
  Duration interval_;
  std::size_t index_ = 0;
  bool discontinuity_ = true;
  media::VideoFormatPtr format_ = street().format;
};

inline const archive::StreamKey cam01{"cam01", "main"};

/// One hub's archive over a model disk and a model index; killed and started again at will.
class ArchiveLife {
 public:
  explicit ArchiveLife(UtcTime start = at("2026-11-24T05:23:57.000Z")) : clock(start) {}

  /// Everything anew.
  void reset(UtcTime start) {
    recorder.reset();
    archive.reset();
    dead.clear();
    clock.advance_to(start);
    disk = std::make_shared<sim::SimDisk>();
    tables = std::make_shared<sim::IndexTables>();
  }
  /// A new process over the same disk and index; the old one, if any, is killed without a word.
  void boot() {
    recorder.reset();
    if (archive) dead.push_back(std::move(archive));
    std::vector<archive::VolumeSpec> volumes{main};
    volumes.front().name = "main";
    volumes.front().disk = disk;
    volumes.insert(volumes.end(), more_volumes.begin(), more_volumes.end());
    archive = archive::Archive::open(std::move(volumes), std::make_unique<sim::MemorySegmentStore>(tables), clock, options).value();
  }
  /// The process dies; only what the disk and the index hold remains.
  void kill(sim::SimDisk::Loss loss, std::mt19937_64& random) {
    auto frozen = std::make_shared<sim::IndexTables>();
    frozen->segments = tables->segments;
    frozen->gaps = tables->gaps;
    disk->crash(loss, random);
    auto survivor = std::make_shared<sim::SimDisk>();
    for (const auto& path : disk->files()) survivor->put(path, disk->content(path));
    // The old process's destructors still speak, to a disk and an index that nobody looks at again.
    recorder.reset();
    archive.reset();
    disk = std::move(survivor);
    tables = std::move(frozen);
  }
  archive::Recorder& record(const archive::StreamKey& key = cam01) {
    recorder = archive->record(key).value();
    return *recorder;
  }
  /// The clock follows the camera; the archive's threads do their work every second.
  void run(Camera& camera, UtcTime until) {
    while (camera.time() < until) {
      clock.advance_to(camera.time());
      recorder->on_unit(camera.next());
      if (clock.now() - last_step_ >= seconds{1}) step();
    }
    clock.advance_to(until);
    step();
  }
  void step() {
    last_step_ = clock.now();
    archive->step();
  }
  std::vector<archive::Segment> rows() const {
    std::vector<archive::Segment> all;
    for (const auto& [id, segment] : tables->segments) all.push_back(segment);
    std::ranges::sort(all, {}, &archive::Segment::start);
    return all;
  }
  std::vector<archive::Gap> gaps() const {
    std::vector<archive::Gap> all;
    for (const auto& [id, gap] : tables->gaps) all.push_back(gap);
    return all;
  }
  archive::Catalog& catalog() const { return archive->catalog(); }

  FootageClock clock;
  std::shared_ptr<sim::SimDisk> disk = std::make_shared<sim::SimDisk>();
  std::shared_ptr<sim::IndexTables> tables = std::make_shared<sim::IndexTables>();
  archive::VolumeSpec main;                       ///< name and disk are filled in
  std::vector<archive::VolumeSpec> more_volumes;  ///< beside it
  archive::ArchiveOptions options;
  std::unique_ptr<archive::Archive> archive;
  std::unique_ptr<archive::Recorder> recorder;

 private:
  std::vector<std::unique_ptr<archive::Archive>> dead;
  MonoTime last_step_;
};

}  // namespace ccoc::test
