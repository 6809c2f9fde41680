// Seeks of a hub whose index is full: 60 cameras × 30 days of rows, over three hours of real files that are sought in again and
// again; what those files hold beside the pictures.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <span>
#include <thread>

#include "archive_rows.h"
#include "ccoc/archive/archive.h"
#include "ccoc/db/database.h"
#include "ccoc/db/private_server.h"
#include "ccoc/media/nal.h"
#include "ccoc/simulator/clip_maker.h"
#include "measure.h"
#include "stage.h"
#include "viewer.h"

namespace ccoc::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int real_minutes = 180;
constexpr auto frame_interval = milliseconds{40};
constexpr std::size_t ffmpeg_runs = 60;
constexpr double warm_bar_ms = 100, cold_bar_ms = 300;

constexpr auto keep_real_rows = R"(
create table bench_real as select * from segments;
delete from segments; delete from timeline_hours; delete from timeline_days; delete from gaps)";
constexpr auto place_real_rows = R"(
update segments s set starts_at = r.starts_at, ends_at = r.ends_at, bytes = r.bytes, run = r.run
from bench_real r where s.volume = r.volume and s.path = r.path and s.starts_at > r.starts_at - interval '1 hour'
  and s.starts_at < r.starts_at + interval '1 hour';
drop table bench_real)";

/// The main clip of a simulated camera, in endless repetition.
struct Pictures {
  media::VideoFormatPtr format;
  std::vector<std::pair<SharedBytes, bool>> units;  ///< with 4-byte lengths; true: key
  std::vector<std::size_t> payload;                 ///< bytes of the unit's NAL units
};

Result<Pictures> load_pictures(const Options& options) {
  const auto folder = options.clips.empty() ? options.work + "/clips" : options.clips;
  if (auto made = simulator::make_clips({.cameras = 1, .folder = folder, .footage = {}, .progress = {}, .cancelled = {}}); !made)
    return std::unexpected(made.error());
  std::ifstream file(folder + "/cam01-main.h264", std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  Pictures out;
  Bytes waiting;
  std::size_t payload = 0;
  std::vector<Bytes> sps, pps;
  for (const auto nal : media::split_annexb(bytes)) {
    const int type = media::nal_type(media::Codec::h264, nal);
    if (type == 7 && sps.empty()) sps.emplace_back(nal.begin(), nal.end());
    if (type == 8 && pps.empty()) pps.emplace_back(nal.begin(), nal.end());
    for (int shift = 24; shift >= 0; shift -= 8) waiting.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
    waiting.insert(waiting.end(), nal.begin(), nal.end());
    payload += nal.size();
    if (!media::is_vcl(media::Codec::h264, nal)) continue;
    out.units.emplace_back(std::make_shared<const Bytes>(std::exchange(waiting, {})), type == 5);
    out.payload.push_back(std::exchange(payload, 0));
  }
  auto format = media::make_format(media::Codec::h264, {}, std::move(sps), std::move(pps));
  if (!format) return std::unexpected(format.error());
  if (out.units.empty()) return fail(ErrorCode::corrupt, "the clip holds no picture");
  out.format = std::make_shared<const media::VideoFormat>(std::move(*format));
  return out;
}

/// Goes where the pictures are.
class PictureClock final : public Clock {
 public:
  UtcTime utc_now() const override { return UtcTime{Duration{us_.load()}}; }
  MonoTime now() const override { return MonoTime{Duration{us_.load()}}; }
  void set(UtcTime t) { us_ = t.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> us_{0};
};

/// A minute that has a file.
struct Minute {
  int camera;
  UtcTime start;
  friend auto operator<=>(const Minute& a, const Minute& b) = default;
};

class RealFiles {
 public:
  RealFiles(const RowPlan& plan, const Pictures& pictures) : plan_(plan), pictures_(pictures) {}

  /// The camera's first minute (the hub looks there for what retention took), and more at random, three for each camera.
  std::vector<Minute> choose() {
    std::mt19937 random(7);
    std::set<Minute> chosen;
    for (int camera = 1; camera <= plan_.cameras; ++camera) {
      for (int i = 0; i < std::max(3, real_minutes / plan_.cameras);) {
        const auto at =
            plan_.from() + minutes{std::uniform_int_distribution<std::int64_t>(1, (plan_.to - plan_.from()) / minutes{1} - 2)(random)};
        const auto in_day = at - std::chrono::floor<std::chrono::days>(at);
        if (in_day / hours{1} == plan_.gap_hour(camera, at) && in_day % hours{1} == minutes{30}) continue;
        i += chosen.insert({camera, at + plan_.late(camera)}).second ? 1 : 0;
      }
    }
    return {chosen.begin(), chosen.end()};
  }

  Status write(const std::string& footage, db::Database& database, const std::vector<Minute>& wanted) {
    auto disk = open_disk(footage);
    if (!disk) return std::unexpected(disk.error());
    PictureClock clock;
    auto archive = archive::Archive::open({{"main", std::shared_ptr<Disk>(std::move(*disk))}}, database, clock, {});
    if (!archive) return std::unexpected(archive.error());
    std::vector<Minute> all;
    for (int camera = 1; camera <= plan_.cameras; ++camera) all.push_back({camera, plan_.from() + plan_.late(camera)});
    all.insert(all.end(), wanted.begin(), wanted.end());
    std::ranges::sort(all, {}, &Minute::start);
    for (const auto& minute : all) {
      const bool first = minute.start < plan_.from() + minutes{1};
      if (auto done = write_one(**archive, clock, minute, first ? Duration{seconds{2}} : Duration{minutes{1}}); !done) return done;
    }
    (*archive)->stop();
    return {};
  }

  std::string path_of(const Minute& minute) const {
    return plan_.camera(minute.camera) + "/main/" + format_day(minute.start) + "/" + format_time_of_day(minute.start) + ".mp4";
  }
  std::uint64_t payload() const { return payload_; }

 private:
  Status write_one(archive::Archive& archive, PictureClock& clock, const Minute& minute, Duration length) {
    clock.set(minute.start);
    auto recorder = archive.record({plan_.camera(minute.camera), "main"});
    if (!recorder) return std::unexpected(recorder.error());
    std::size_t index = 0;
    for (auto at = minute.start; at < minute.start + length; at += frame_interval, ++index) {
      const auto& [data, key] = pictures_.units[index % pictures_.units.size()];
      auto unit = std::make_shared<media::AccessUnit>();
      unit->format = pictures_.format;
      unit->data = data;
      unit->key = key;
      unit->capture_time = at;
      unit->media_time = to_ticks(at.time_since_epoch(), video_timescale);
      unit->discontinuity = index == 0;
      (*recorder)->on_unit(unit);
      if (length == minutes{1}) payload_ += pictures_.payload[index % pictures_.units.size()];
      if (index % 25 == 24) {
        clock.set(at);
        archive.step();
      }
    }
    clock.set(minute.start + length);
    recorder->reset();
    archive.step();
    return {};
  }

  const RowPlan& plan_;
  const Pictures& pictures_;
  std::uint64_t payload_ = 0;
};

/// What is written already; false where this may not be done.
bool drop_page_cache() {
  std::ofstream file("/proc/sys/vm/drop_caches");
  file << "3" << std::flush;
  return static_cast<bool>(file);
}

/// ms from a seek to the first picture that is to be shown, one seek into each minute.
Result<Samples> seek_all(const RowPlan& plan, HubProcess& hub, const std::vector<Minute>& minutes_of_all, unsigned seed, bool cold) {
  Samples out;
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  std::mt19937 random(seed);
  const auto show = [&](const Minute& minute, UtcTime target, bool subscribe) -> Status {
    const auto sent = subscribe ? viewer->subscribe(minute.camera, plan.camera(minute.camera), "main", format_rfc3339(target))
                                : viewer->seek(minute.camera, target);
    if (!sent) return std::unexpected(sent.error());
    auto shown = viewer->next_picture(steady_clock::now() + seconds{15}, [&](const Picture& p) {
      return p.id == minute.camera && !p.hidden() && std::chrono::abs(p.capture - target) < seconds{3};
    });
    if (!shown) return std::unexpected(shown.error().within(plan.camera(minute.camera) + " at " + format_rfc3339(target)));
    return {};
  };
  for (std::size_t i = 0; i < minutes_of_all.size(); ++i) {
    const auto& minute = minutes_of_all[i];
    // Somewhere else of the same camera first: its last minute.
    const auto last =
        std::ranges::find_if(minutes_of_all.rbegin(), minutes_of_all.rend(), [&](const Minute& m) { return m.camera == minute.camera; });
    const auto target = minute.start + milliseconds{std::uniform_int_distribution<int>(1000, 55'000)(random)};
    if (*last == minute) continue;
    if (auto shown = show(*last, last->start + seconds{1}, true); !shown) return std::unexpected(shown.error());
    if (cold) drop_page_cache();
    const auto begin = steady_clock::now();
    if (auto shown = show(minute, target, false); !shown) return std::unexpected(shown.error());
    out.add(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
    if (auto sent = viewer->unsubscribe(minute.camera); !sent) return std::unexpected(sent.error());
  }
  return out;
}

/// ffmpeg's own seek to the same instants; its start included, for which nothing is read from the disk.
Result<Samples> ffmpeg_seeks(const Options& options, const RealFiles& files, const std::string& footage, const std::vector<Minute>& all,
                             bool cold) {
  Samples out;
  std::mt19937 random(3);
  const auto log = options.work + "/ffmpeg-seek.log";
  const auto run = [&](const std::vector<std::string>& arguments) -> Status {
    auto child = Child::start(arguments, log);
    if (!child) return std::unexpected(child.error());
    while (child->running()) std::this_thread::sleep_for(std::chrono::microseconds{200});
    return {};
  };
  for (const auto& minute : std::span(all).first(std::min(all.size(), ffmpeg_runs))) {
    const auto offset = std::uniform_int_distribution<int>(1000, 55'000)(random);
    if (cold) {
      drop_page_cache();
      if (auto done = run({"ffmpeg", "-v", "error", "-version"}); !done) return std::unexpected(done.error());
    }
    const auto begin = steady_clock::now();
    if (auto done = run({"ffmpeg", "-v", "error", "-nostdin", "-ss", decimal(offset / 1000.0, 3), "-i",
                         footage + "/" + files.path_of(minute), "-frames:v", "1", "-c", "copy", "-f", "null", "-"});
        !done) {
      return std::unexpected(done.error());
    }
    out.add(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
  }
  return out;
}

Status report_overhead(const RealFiles& files, const std::string& footage, const std::vector<Minute>& all, Report& report) {
  std::uint64_t bytes = 0;
  for (const auto& minute : all) {
    std::error_code error;
    bytes += fs::file_size(footage + "/" + files.path_of(minute), error);
    if (error) return fail(ErrorCode::not_found, files.path_of(minute) + " was not written");
  }
  const double share = 100.0 * (static_cast<double>(bytes) / static_cast<double>(files.payload()) - 1);
  report.add({"what files of 1080p at 4 Mbit/s hold beside their NAL units", decimal(share, 3) + " %", "≤ 0.5 %", share <= 0.5});
  return {};
}

}  // namespace

Status measure_seeks(const Options& options, Report& report) {
  RowPlan plan;
  plan.cameras = 60;
  plan.days = static_cast<int>(std::clamp<long long>(options.rows / (1440LL * 60), 2, 30));
  plan.to = std::chrono::floor<std::chrono::days>(now_utc());
  const auto folder = fresh_folder(options, "seek");
  const std::vector<std::string> quiet{"CCOC_ARCHIVE__RETENTION_DAYS=3650", "CCOC_ARCHIVE__MIN_FREE_GIB=0", "CCOC_ARCHIVE__SCRUB_MIB_S=0"};
  const auto pictures = load_pictures(options);
  if (!pictures) return std::unexpected(pictures.error());
  RealFiles files(plan, *pictures);
  const auto all = files.choose();
  std::string footage;
  {
    say("seeks: a hub makes its data folder");
    auto hub = HubProcess::start_alone(options, folder, quiet);
    if (!hub) return std::unexpected(hub.error());
    footage = hub->footage();
    std::string csv = "id,name_th,name_en,lat,lon,main_url\n";
    for (int camera = 1; camera <= plan.cameras; ++camera) {
      csv += plan.camera(camera) + ",กล้อง,Camera,18.80,98.98,rtsp://127.0.0.1:9/" + plan.camera(camera) + "\n";
    }
    if (auto done = hub->import_cameras(csv, plan.cameras); !done) return done;
    if (auto stopped = hub->stop(); !stopped) return std::unexpected(stopped.error());
  }
  {
    auto server = db::PrivateServer::start({.data_dir = folder + "/data"});
    if (!server) return std::unexpected(server.error());
    db::Database database(db::DatabaseOptions{.url = (*server)->url(), .statement_timeout = hours{1}});
    // The files first: an archive that begins over rows without files takes them for footage that retention has removed.
    say("seeks: " + std::to_string(all.size()) + " minutes of real files");
    if (auto written = files.write(footage, database, all); !written) return written;
    const auto run = [&](const char* sql) { return database.transaction([&](db::Transaction& t) { return t.script(sql); }); };
    if (auto kept = run(keep_real_rows); !kept) return kept;
    if (auto made = make_rows(database, plan); !made) return made;
    if (auto placed = run(place_real_rows); !placed) return placed;
  }
  if (auto done = report_overhead(files, footage, all, report); !done) return done;
  auto hub = HubProcess::start_alone(options, folder, quiet);
  if (!hub) return std::unexpected(hub.error());
  std::this_thread::sleep_for(seconds{5});  // it looks at its newest days
  const std::string rows = std::to_string(plan.cameras) + " cameras × " + std::to_string(plan.days) + " days in the index";
  const auto add = [&](const std::string& what, const Result<Samples>& taken, const std::string& bar, double bar_ms) -> Status {
    if (!taken) return std::unexpected(taken.error());
    report.add({what + ", of " + std::to_string(taken->size()) + " (p50, p99)",
                decimal(taken->at(0.5)) + " ms, " + decimal(taken->at(0.99)) + " ms", bar, bar.empty() || taken->at(0.99) <= bar_ms});
    return {};
  };
  ::sync();
  const bool may_drop = drop_page_cache();
  Status done;
  if (may_drop) {
    say("seeks: cold");
    done = add("first picture of a seek, cold cache, " + rows, seek_all(plan, *hub, all, 2, true), "≤ 300 ms p99", cold_bar_ms);
  } else {
    report.note("cold seeks were not measured: only root may drop the page cache");
  }
  say("seeks: warm");
  if (done) done = add("first picture of a seek, warm, " + rows, seek_all(plan, *hub, all, 4, false), "≤ 100 ms p99", warm_bar_ms);
  say("seeks: ffmpeg's");
  if (done && may_drop)
    done = add("`ffmpeg -ss` to the same pictures, cold, its start included", ffmpeg_seeks(options, files, footage, all, true), "", 0);
  if (done)
    done = add("`ffmpeg -ss` to the same pictures, warm, its start included", ffmpeg_seeks(options, files, footage, all, false), "", 0);
  if (!done) return done;
  if (auto stopped = hub->stop(); !stopped) return std::unexpected(stopped.error());
  remove_folder(options, folder);
  return {};
}

}  // namespace ccoc::bench
