#include "sim/spine_history.h"

#include <algorithm>
#include <map>
#include <set>

#include "ccoc/archive/archive.h"
#include "ccoc/archive/segment_reader.h"
#include "ccoc/base/log.h"
#include "ccoc/ingest/stream_session.h"
#include "ccoc/media/nal.h"
#include "sim/memory_segment_store.h"
#include "sim/sim_camera.h"
#include "sim/sim_disk.h"

namespace ccoc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const UtcTime beginning = parse_rfc3339("2026-11-24T05:00:00Z").value();
constexpr Duration step_interval = milliseconds{200};
constexpr Duration one_tick{12};

/// What may be lost when the hub is killed or the disk fails, before it and after it.
constexpr Duration excused_before = seconds{4};  // fragment ≤ 1 s, sync_interval 2 s, one step
/// A fragment that a silent camera left open is handed over a second later, at the next look, and its last picture when it is given up.
constexpr Duration excused_longer_before_silence = milliseconds{2200};
constexpr Duration excused_longer_for_the_last = seconds{7};
constexpr Duration excused_after_disk = seconds{40};               // back-off up to 30 s, then the next key frame
constexpr Duration excused_where_another_takes_over = seconds{8};  // a fragment, the rest of its GOP of at most 4 s, a step

struct Received {
  PictureMark mark;
  UtcTime capture;
  MonoTime at{};  ///< when the recorder got it, by the clock that does not step
};

/// Remembers what a recorder was given and could keep: from the first key unit of a run on.
class Witness final : public media::FrameSink {
 public:
  Witness(std::vector<Received>& seen, const Clock& clock) : seen_(seen), clock_(clock) {}
  void on_unit(const media::AccessUnitPtr& unit) override {
    if (unit->discontinuity) waiting_ = true;
    if (unit->key) waiting_ = false;
    if (waiting_) return;
    if (const auto mark = find_mark(*unit->data)) seen_.push_back({*mark, unit->capture_time, clock_.now()});
  }
  void on_interrupted(media::GapCause, std::string_view) override { waiting_ = true; }

 private:
  std::vector<Received>& seen_;
  const Clock& clock_;
  bool waiting_ = true;
};

class History {
 public:
  explicit History(const HistoryPlan& plan) : plan_(plan), world_(plan.seed, beginning) {
    for (int i = 0; i < plan.disks; ++i) disks_[i == 0 ? "main" : "disk" + std::to_string(i + 1)] = std::make_shared<SimDisk>();
    for (int i = 1; i <= plan.cameras; ++i) {
      CameraTraits traits;
      traits.number = i;
      traits.host = "cam" + std::to_string(i);
      traits.fps = static_cast<int>(world_.uniform(4, 10));
      traits.gop_frames = traits.fps * static_cast<int>(world_.uniform(1, 4));
      traits.frame_bytes = static_cast<std::size_t>(world_.uniform(60, 600));
      traits.clock_ppm = static_cast<double>(world_.uniform(-500, 500));
      traits.faults_per_hour = plan.camera_faults_per_hour;
      cameras_.push_back(std::make_unique<Camera>(world_, traits));
      received_[traits.host];
    }
  }

  HistoryResult run() {
    start_hub();
    const auto steps = plan_.length / step_interval;
    for (std::int64_t i = 0; i < steps; ++i) {
      world_.run_for(step_interval);
      archive_->step();
      disturb();
    }
    for (const auto& camera : cameras_) {
      camera->behave();
      result_.camera_faults += camera->faults_done();
    }
    mend();
    for (int i = 0; i < 300; ++i) {
      world_.run_for(step_interval);
      archive_->step();
    }
    sessions_.clear();
    archive_->step();
    check_catalog();
    archive_->stop();
    archive_.reset();
    check_files();
    result_.fingerprint ^= world_.fingerprint();
    return result_;
  }

 private:
  void start_hub() {
    archive::ArchiveOptions options;
    std::vector<archive::VolumeSpec> volumes;
    for (const auto& [name, disk] : disks_) volumes.push_back({name, disk});
    auto opened = archive::Archive::open(std::move(volumes), std::make_unique<MemorySegmentStore>(tables_), world_.clock(), options);
    archive_ = std::move(opened.value());
    archive_->recover();
    ingest::IngestOptions ingest_options;
    ingest_options.refuse_local = false;
    for (const auto& camera : cameras_) {
      ingest::StreamConfig config;
      config.camera = camera->traits().host;
      config.role = "main";
      config.url = "rtsp://" + config.camera + "/main";
      const auto seed = static_cast<std::uint32_t>(world_.uniform(1, 1 << 30));
      auto session = std::make_unique<ingest::StreamSession>(world_, config, ingest_options, ingest::StateListener{},
                                                             std::make_shared<ingest::StatusCell>(), seed);
      auto recorder = archive_->record({config.camera, "main"});
      session->add_sinks({{std::shared_ptr<media::FrameSink>(std::move(recorder.value())),
                           std::make_shared<Witness>(received_[config.camera], world_.clock())}});
      session->start();
      sessions_.push_back(std::move(session));
    }
  }

  bool happens(double per_hour) { return world_.chance(per_hour * static_cast<double>(step_interval.count()) / 3600e6); }

  void disturb() {
    const auto now = world_.clock().now();
    if (happens(plan_.hub_kills_per_hour)) {
      tell("the hub is killed");
      kill_hub();
      tell("the hub runs again");
    }
    if (happens(plan_.disk_faults_per_hour) && !disk_broken_until_) {
      ++result_.disk_faults;
      const auto kind = world_.chance(0.5) ? ErrorCode::no_space : ErrorCode::io;
      broken_disk_ = std::next(disks_.begin(), disks_.size() == 1 ? 0 : world_.uniform(0, plan_.disks - 1))->second.get();
      broken_disk_->fail_writes(Error{kind, "the model disk refuses", {}}, static_cast<std::size_t>(world_.uniform(0, 2000)));
      disk_broken_until_ = world_.clock().now() + Duration{world_.uniform(500'000, 20'000'000)};
      disk_fault_began_ = now;
      tell("a disk refuses");
    }
    if (disk_broken_until_ && world_.clock().now() >= *disk_broken_until_) mend_disk();
    if (happens(plan_.index_outages_per_hour) && !index_away_until_) {
      ++result_.index_outages;
      tables_->away = true;
      index_away_until_ = world_.clock().now() + Duration{world_.uniform(1'000'000, 120'000'000)};
    }
    if (index_away_until_ && world_.clock().now() >= *index_away_until_) {
      tables_->away = false;
      index_away_until_.reset();
    }
  }

  /// For who replays a seed (CCOC_SIM_LOG).
  void tell(const char* what) { log::info("sim", "{}: {}", format_rfc3339(world_.clock().utc_now()), what); }

  void mend_disk() {
    broken_disk_->fail_writes(std::nullopt);
    if (disks_.size() == 1) {
      excuse(disk_fault_began_ - excused_before, world_.clock().now() + excused_after_disk);
    } else {
      excuse(disk_fault_began_ - excused_before, disk_fault_began_ + excused_where_another_takes_over);
    }
    disk_broken_until_.reset();
    tell("the disk is well");
  }

  void mend() {
    if (disk_broken_until_) mend_disk();
    tables_->away = false;
    index_away_until_.reset();
  }

  /// As kill -9 or a power cut does: nothing more is written, what was not synced may be gone.
  void kill_hub() {
    ++result_.hub_kills;
    const auto died = world_.clock().now();
    kills_.push_back(world_.clock().utc_now());
    const bool index_was_away = std::exchange(tables_->away, true);
    if (disk_broken_until_) mend_disk();
    for (const auto& [name, disk] : disks_) {
      disk->fail_writes(Error{ErrorCode::io, "the hub is dead", {}}, static_cast<std::size_t>(world_.uniform(0, 500)));
      disk->fail_truncation(true);
    }
    sessions_.clear();
    archive_->step();
    archive_.reset();
    using Loss = SimDisk::Loss;
    constexpr Loss losses[] = {Loss::nothing, Loss::tail, Loss::blocks, Loss::all};
    for (const auto& [name, disk] : disks_) {
      disk->fail_writes(std::nullopt);
      disk->fail_truncation(false);
      disk->crash(losses[world_.uniform(0, 3)], world_.random());
    }
    tables_->away = index_was_away;
    const Duration away{world_.uniform(100'000, 5'000'000)};
    world_.run_for(away);
    excuse(died - excused_before, world_.clock().now() + seconds{1});
    start_hub();
  }

  std::vector<UtcTime> kills_;
  void excuse(MonoTime from, MonoTime to) { excused_.push_back({from, to}); }
  bool excused(MonoTime t, Duration longer) const {
    return std::ranges::any_of(excused_, [&](const auto& span) { return t + longer >= span.first && t <= span.second; });
  }

  /// What may be lost before a kill more than usual, because the camera fell silent.
  static Duration longer_before_silence(const std::vector<Received>& received, std::size_t i) {
    constexpr Duration fragment = seconds{1}, silence = milliseconds{900};
    for (auto next = i + 1;; ++next) {
      const bool none_follows = next == received.size() || received[next].at - received[next - 1].at >= silence;
      if (none_follows) return next == i + 1 ? excused_longer_for_the_last : excused_longer_before_silence;
      if (received[next].at - received[i].at > fragment + milliseconds{300}) return Duration{0};
    }
  }

  /// What nearly excuses a moment, for the message.
  std::string excuses_near(MonoTime t) const {
    std::string out;
    for (const auto& [from, to] : excused_) {
      if (t < from - seconds{60} || t > to + seconds{60}) continue;
      const auto early = t < from;
      out += "; " + std::to_string((early ? from - t : t - to).count() / 1000) + " ms " + (early ? "before" : "after") +
             " what is excused for " + std::to_string((to - from).count() / 1000) + " ms";
    }
    return out;
  }

  void broken(std::string what) {
    if (result_.broken.size() < 20) result_.broken.push_back(std::move(what));
  }

  /// Every moment from the first footage on is footage or a gap with a cause.
  void check_catalog() {
    std::vector<std::string> names;
    for (const auto& camera : cameras_) names.push_back(camera->traits().host);
    const auto end = world_.clock().utc_now();
    for (const auto& name : names) {
      const std::vector<std::string> one{name};
      const auto timeline = archive_->catalog().timeline(one, "main", beginning, end, 0);
      if (!timeline) return broken("no timeline: " + timeline.error().message);
      std::vector<archive::Span> covered = timeline->front().spans;
      if (covered.empty()) {
        broken(name + " has no footage at all");
        continue;
      }
      const auto first = covered.front().from;
      for (const auto& gap : timeline->front().gaps) covered.push_back({gap.from, gap.to.value_or(end)});
      std::ranges::sort(covered, {}, &archive::Span::from);
      auto reached = first;
      for (const auto& span : covered) {
        if (span.from > reached + milliseconds{1500}) {
          broken(name + " has neither footage nor a gap from " + format_rfc3339(reached) + " to " + format_rfc3339(span.from) +
                 "; near it: " + near(name, reached, span.from));
        }
        reached = std::max(reached, span.to);
      }
      check_account(name, end);
      if (end > reached + seconds{5}) broken(name + " has nothing from " + format_rfc3339(reached) + " to the end");
    }
  }

  /// The sum of footage and gaps is the time in which the camera was due, exactly, and nothing is left unexplained.
  void check_account(const std::string& name, UtcTime end) {
    const auto account = archive_->catalog().account({name, "main"}, beginning, end);
    if (!account) return broken("no account: " + account.error().message);
    auto sum = account->footage + account->unexplained;
    for (const auto& [cause, length] : account->gaps) sum += length;
    if (sum != account->due() || account->to - account->from != sum + account->disabled) {
      broken(name + ": the account of footage and gaps does not add up");
    }
    if (end > account->to + seconds{5}) broken(name + " is accounted for only up to " + format_rfc3339(account->to));
    for (const auto& hole : account->holes) {
      broken(name + " cannot account for " + format_rfc3339(hole.from) + " to " + format_rfc3339(hole.to) +
             "; near it: " + near(name, hole.from, hole.to));
    }
    result_.accounted += account->due();
  }

  /// What the index holds around a moment, for the message.
  std::string near(const std::string& camera, UtcTime from, UtcTime to) {
    std::string out;
    const archive::StreamKey key{camera, "main"};
    const auto segments = archive_->catalog().find(key, from - seconds{20}, to + seconds{20});
    for (const auto& s : segments.value()) out += s.path + " " + format_rfc3339(s.start) + "-" + format_rfc3339(s.end) + "; ";
    const auto gaps = archive_->catalog().gaps(key, from - seconds{20}, to + seconds{20});
    for (const auto& g : gaps.value()) {
      out += "gap " + format_rfc3339(g.from) + "-" + (g.to ? format_rfc3339(*g.to) : "…") + " " + std::string(media::to_string(g.cause)) +
             " " + g.reason + "; ";
    }
    for (const auto& kill : kills_) {
      if (kill > from - seconds{40} && kill < to + seconds{40}) out += "kill " + format_rfc3339(kill) + "; ";
    }
    return out;
  }

  /// Files of all disks, in the order of their times.
  std::vector<archive::SegmentId> files_in_order() const {
    std::vector<archive::SegmentId> all;
    for (const auto& [volume, disk] : disks_) {
      for (auto& path : disk->files()) all.emplace_back(volume, path);
    }
    const auto order = [this](const archive::SegmentId& id) {
      const auto row = tables_->segments.find(id);
      return std::pair{row == tables_->segments.end() ? UtcTime::max() : row->second.start, id.second};
    };
    std::ranges::sort(all, {}, order);
    return all;
  }

  void check_files() {
    std::map<std::string, std::vector<Received>> kept;
    std::map<std::string, UtcTime> reached;
    std::set<archive::SegmentId> on_disk;
    for (const auto& [volume, path] : files_in_order()) {
      on_disk.insert({volume, path});
      auto file = disks_.at(volume)->open_read(path);
      const auto size = (*file)->size().value();
      auto table = archive::scan_segment(**file, size);
      if (!table) {
        broken(path + " cannot be read: " + table.error().message);
        continue;
      }
      if (table->whole_bytes != size) broken(path + " has a torn tail");
      const auto& origin = table->header.origin;
      if (!origin) {
        broken(path + " does not say whose it is");
        continue;
      }
      archive::SegmentReader reader(std::move(*file), std::make_shared<archive::FragmentTable>(*table), path);
      for (const auto& fragment : reader.fragments()) {
        // Files count in 90 kHz ticks: an end may be rounded up by one.
        if (reader.start_of(fragment) + one_tick < reached[origin->camera]) broken(path + " overlaps the file before");
        reached[origin->camera] = reader.end_of(fragment);
        const auto units = reader.read(fragment);
        if (!units) {
          broken(path + ": " + units.error().message);
          continue;
        }
        for (const auto& unit : units->pictures) {
          result_.fingerprint = (result_.fingerprint ^ unit->data->size()) * 1099511628211ull;
          if (const auto mark = find_mark(*unit->data)) kept[origin->camera].push_back({*mark, unit->capture_time, {}});
        }
      }
      const std::lock_guard lock(tables_->mutex);
      const auto row = tables_->segments.find({volume, path});
      if (row == tables_->segments.end()) {
        broken(path + " is not in the index");
      } else if (row->second.bytes != size || row->second.open) {
        broken(path + ": index and file disagree");
      }
    }
    for (const auto& [id, segment] : tables_->segments) {
      if (!on_disk.contains(id)) broken("the index names " + id.second + ", which is not there");
    }
    for (const auto& [camera, received] : received_) compare(camera, received, kept[camera]);
  }

  void compare(const std::string& camera, const std::vector<Received>& received, const std::vector<Received>& kept) {
    result_.units_received += received.size();
    result_.units_kept += kept.size();
    std::map<PictureMark, int> found;
    UtcTime last{};
    for (const auto& unit : kept) {
      if (++found[unit.mark] > 1) broken(camera + ": picture " + std::to_string(unit.mark.picture) + " was kept twice");
      if (unit.capture <= last) broken(camera + ": time ran backwards at " + format_rfc3339(unit.capture));
      last = unit.capture;
    }
    for (std::size_t i = 0; i < received.size(); ++i) {
      const auto& unit = received[i];
      if (!found.contains(unit.mark) && !excused(unit.at, longer_before_silence(received, i))) {
        broken(camera + ": picture " + std::to_string(unit.mark.picture) + " of " + format_rfc3339(unit.capture) + " was lost" +
               excuses_near(unit.at));
      }
    }
  }

  const HistoryPlan plan_;
  World world_;
  HistoryResult result_;
  std::vector<std::unique_ptr<Camera>> cameras_;
  std::map<std::string, std::vector<Received>> received_;
  std::map<std::string, std::shared_ptr<SimDisk>> disks_;  ///< by the name of their volume
  SimDisk* broken_disk_ = nullptr;
  std::shared_ptr<IndexTables> tables_ = std::make_shared<IndexTables>();
  std::unique_ptr<archive::Archive> archive_;
  std::vector<std::unique_ptr<ingest::StreamSession>> sessions_;
  std::vector<std::pair<MonoTime, MonoTime>> excused_;
  std::optional<MonoTime> disk_broken_until_;
  std::optional<MonoTime> index_away_until_;
  MonoTime disk_fault_began_;
};

}  // namespace

HistoryResult run_history(const HistoryPlan& plan) { return History(plan).run(); }

}  // namespace ccoc::sim
