#include "ccoc/archive/archive.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <set>
#include <thread>

#include "ccoc/base/log.h"
#include "merged_catalog.h"
#include "mover.h"
#include "recorder.h"
#include "recording_watch.h"
#include "recovery.h"
#include "retention.h"
#include "retention_watch.h"
#include "retimer.h"
#include "scrubber.h"

namespace ccoc::archive {
namespace {

/// What a forecast goes by, and the least of it that says anything.
constexpr auto measured_rate = std::chrono::hours{24};
constexpr auto least_measured = std::chrono::minutes{10};

double days_of(Duration span) { return static_cast<double>(span.count()) / 86400e6; }

constexpr auto index_interval = std::chrono::seconds{1};
/// A disk with more to write than this has no idle time.
constexpr std::uint64_t busy_queue = 8u << 20;

class StandardArchive final : public Archive {
 public:
  /// `moves` may be null.
  StandardArchive(std::vector<VolumeSpec> specs, std::unique_ptr<SegmentStore> store, std::unique_ptr<MoveStore> moves, const Clock& clock,
                  const ArchiveOptions& options)
      : options_(options),
        clock_(clock),
        store_(std::move(store)),
        moves_(std::move(moves)),
        disks_(disks_of(specs, true)),
        near_(disks_of(specs, false)),
        ledger_(clock, options_),
        budget_(options_.write_buffer_bytes),
        catalog_(*store_, moves_.get(), ledger_, clock, disks_),
        reconciler_(std::in_place, near_, ledger_, *store_, moves_.get()),
        retention_(disks_, limits_of(specs), ledger_, *store_, moves_.get(), clock),
        scrubber_(disks_, *store_, moves_.get(), clock, options_.scrub),
        watch_(disks_, clock) {
    if (moves_) mover_.emplace(disks_, names_of(specs, true), names_of(specs, false), ledger_, *store_, *moves_, clock);
    for (auto& spec : specs) {
      volumes_.push_back(std::make_unique<Volume>(std::move(spec), budget_, ledger_, clock_, options_));
    }
  }

  ~StandardArchive() override { stop(); }

  RecoveryReport recover() override { return recover_tails(near_, ledger_); }

  void start() override {
    for (auto& volume : volumes_) volume->start();
    index_thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "ccoc-index");
      index_loop();
    });
  }

  void step() override {
    for (auto& volume : volumes_) volume->step();
    update_index();
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopped_, true)) return;
    }
    for (auto& volume : volumes_) volume->stop();
    wake_.notify_all();
    if (index_thread_.joinable()) index_thread_.join();
    if (auto told = ledger_.flush(*store_); !told) {
      log::warn("archive", "{} index rows could not be written ({}); they are made again at the next start", ledger_.backlog(),
                told.error().message);
    }
  }

  Result<std::unique_ptr<Recorder>> record(const StreamKey& key) override {
    if (auto ok = validate(key); !ok) return std::unexpected(ok.error());
    if (!ledger_.begin_recording(key)) {
      return fail(ErrorCode::conflict, key.camera + "/" + key.stream + " is recorded already");
    }
    const std::lock_guard lock(mutex_);
    auto recorder = std::make_unique<StreamRecorder>(placement_, budget_, ledger_, key, clock_, options_);
    cells_[key] = recorder->cell();
    return recorder;
  }

  Catalog& catalog() override { return catalog_; }

  Result<RetentionReport> enforce_retention(const RetentionPolicy& policy, std::size_t batch) override {
    if (!busy_volumes().empty()) batch = std::max<std::size_t>(batch / 10, 1);
    retention_watch_.begins();
    auto report = retention_.enforce(policy, batch);
    retention_watch_.ends(report ? Status{} : std::unexpected(report.error()));
    return report;
  }

  Result<MoveReport> move_footage(const MovePolicy& policy, std::size_t batch) override {
    if (!mover_) return fail(ErrorCode::unsupported, "footage is moved only where there is a database");
    auto report = mover_->step(policy, batch);
    if (report) std::ranges::for_each(report->mended, [this](const auto& volume) { scrubber_.mended(volume); });
    return report;
  }

  Result<Forecast> forecast(const RetentionPolicy& retention, const MovePolicy& moves) override {
    const auto now = clock_.utc_now();
    const auto recent = store_->recent(now - measured_rate);
    if (!recent) return std::unexpected(recent.error());
    const auto cameras = store_->cameras();
    if (!cameras) return std::unexpected(cameras.error());
    auto rooms = join_rooms(volume_rooms());
    std::vector<CameraFootage> footage;
    for (const auto& id : *cameras) {
      CameraFootage camera;
      camera.camera = id;
      if (const auto it = recent->find(id); it != recent->end()) {
        const auto measured = now - it->second.first;
        if (measured >= least_measured) camera.bytes_per_day = static_cast<double>(it->second.bytes) / days_of(measured);
      }
      const auto oldest = store_->oldest(id, {}, UtcTime{std::chrono::hours{24 * 365 * 200}}, 1);
      if (!oldest) return std::unexpected(oldest.error());
      if (!oldest->empty()) camera.oldest = oldest->front().start;
      if (retention.days_of) camera.max_days = retention.days_of(id);
      if (retention.promised_days_of) camera.promised_days = retention.promised_days_of(id);
      for (const auto& rule : moves.rules) {
        const auto after = days_of(rule.after);
        if ((rule.applies && !rule.applies(id)) || (!camera.moves_to.empty() && camera.moves_after_days <= after)) continue;
        const auto room = rooms.room_of.find(rule.to);
        if (room != rooms.room_of.end() && room->second.empty()) continue;
        camera.moves_to = room == rooms.room_of.end() ? rule.to : room->second;
        camera.moves_after_days = std::max(after, 1e-6);
      }
      footage.push_back(std::move(camera));
    }
    auto& capacity = rooms.recorded.capacity_bytes;
    if (retention.max_bytes > 0) capacity = std::min(capacity, static_cast<double>(retention.max_bytes));
    return make_forecast(now, footage, rooms.recorded, rooms.colder);
  }

  std::optional<RetentionProblem> retention_problem() override { return retention_watch_.problem(); }

  void watch() override {
    std::map<std::string, std::string> volume_problem;
    for (const auto& volume : volumes_) {
      volume->look();
      volume_problem[volume->name()] = volume->status().last_error;
    }
    watch_.look(recordings(), volume_problem);
  }

  std::vector<RecordingProblem> problems() override { return watch_.problems(); }

  Status scrub() override {
    if (options_.scrub.bytes_per_second == 0) return {};
    return scrubber_.step(busy_volumes());
  }

  Result<std::vector<Damage>> damage(std::size_t limit) override { return store_->damage(limit); }

  std::vector<VolumeStatus> volumes() override {
    const auto bytes = retention_.footage_bytes();
    const auto scrubs = scrubber_.status();
    std::vector<VolumeStatus> all;
    for (const auto& volume : volumes_) {
      all.push_back(volume->status());
      if (const auto it = bytes.find(volume->name()); it != bytes.end()) all.back().footage_bytes = it->second;
      if (const auto it = scrubs.find(volume->name()); it != scrubs.end()) all.back().scrub = it->second;
    }
    return all;
  }

  IndexStatus index_status() override {
    const std::lock_guard lock(mutex_);
    auto status = index_status_;
    status.backlog_rows = ledger_.backlog();
    return status;
  }

  std::map<StreamKey, RecordingStatus> recordings() override {
    const std::lock_guard lock(mutex_);
    std::map<StreamKey, RecordingStatus> all;
    for (auto it = cells_.begin(); it != cells_.end();) {
      if (const auto cell = it->second.lock()) {
        all[it->first] = cell->status();
        ++it;
      } else {
        it = cells_.erase(it);
      }
    }
    return all;
  }

 private:
  static Volumes disks_of(const std::vector<VolumeSpec>& specs, bool far_too) {
    Volumes disks;
    for (const auto& spec : specs) {
      if (far_too || !spec.far) disks[spec.name] = spec.disk;
    }
    return disks;
  }
  static std::map<std::string, Retention::Limits> limits_of(const std::vector<VolumeSpec>& specs) {
    std::map<std::string, Retention::Limits> limits;
    for (const auto& spec : specs) limits[spec.name] = {spec.quota_bytes, spec.min_free_bytes};
    return limits;
  }

  static std::set<std::string> names_of(const std::vector<VolumeSpec>& specs, bool far) {
    std::set<std::string> names;
    for (const auto& spec : specs) {
      if (spec.far == far) names.insert(spec.name);
    }
    return names;
  }

  std::vector<VolumeRoom> volume_rooms() {
    constexpr double endless = std::numeric_limits<double>::infinity();
    const auto bytes = retention_.footage_bytes();
    std::vector<VolumeRoom> all;
    for (const auto& volume : volumes_) {
      const auto status = volume->status();
      const auto used = bytes.find(volume->name());
      const auto& limits = retention_.limits_of(volume->name());
      const bool no_limit = status.space.total_bytes == 0 && status.space.free_bytes > 0;
      VolumeRoom room{volume->name(), status.weight > 0};
      room.used_bytes = used == bytes.end() ? 0 : static_cast<double>(used->second);
      room.free_bytes = no_limit ? endless : static_cast<double>(status.space.free_bytes) - static_cast<double>(limits.min_free_bytes);
      room.quota_bytes = limits.quota_bytes > 0 ? static_cast<double>(limits.quota_bytes) : endless;
      room.file_system = status.space.file_system;
      all.push_back(std::move(room));
    }
    return all;
  }

  /// Those that have better things to do than what can wait.
  std::set<std::string> busy_volumes() {
    std::set<std::string> busy;
    for (const auto& volume : volumes_) {
      const auto status = volume->status();
      if (!status.healthy || status.queued_bytes > busy_queue) busy.insert(volume->name());
    }
    return busy;
  }

  void index_loop() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, index_interval, [this] { return stopped_; })) return;
      }
      update_index();
    }
  }

  void update_index() {
    auto told = ledger_.flush(*store_);
    if (told && ledger_.take_overflow()) {
      reconciler_.emplace(near_, ledger_, *store_, moves_.get());
      reconciling_ = true;
    }
    Result<bool> more = false;
    if (told && reconciling_) more = reconciler_->step();
    if (told && more) {
      if (auto retimed = retimer_.step(); !retimed) more = std::unexpected(retimed.error());
    }
    const std::lock_guard lock(mutex_);
    const bool was_reachable = index_status_.reachable;
    index_status_.reachable = told && more;
    if (index_status_.reachable) {
      reconciling_ = *more;
      if (!reconciling_) index_status_.reindex_needed = reconciler_->reindex_needed();
      if (!index_status_.last_error.empty()) log::info("archive", "the index answers again");
      index_status_.last_error.clear();
      return;
    }
    const auto& error = told ? more.error() : told.error();
    if (was_reachable || index_status_.last_error.empty()) {
      log::warn("archive", "the index does not answer, recording goes on: {}", error.message);
    }
    index_status_.last_error = error.message;
  }

  const ArchiveOptions options_;
  const Clock& clock_;
  const std::unique_ptr<SegmentStore> store_;
  const std::unique_ptr<MoveStore> moves_;
  const Volumes disks_;
  const Volumes near_;  ///< of these, the ones whose files are looked at after a crash
  Ledger ledger_;
  WriteBudget budget_;
  std::vector<std::unique_ptr<Volume>> volumes_;
  const Placement placement_{volumes_};
  MergedCatalog catalog_;
  std::optional<Reconciler> reconciler_;
  Retimer retimer_{disks_, ledger_, *store_, clock_};
  Retention retention_;
  std::optional<Mover> mover_;
  RetentionWatch retention_watch_{clock_};
  Scrubber scrubber_;
  RecordingWatch watch_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  bool reconciling_ = true;
  IndexStatus index_status_;
  std::map<StreamKey, std::weak_ptr<RecordingCell>> cells_;
  std::thread index_thread_;
};

}  // namespace

namespace {

Result<std::unique_ptr<Archive>> open_archive(std::vector<VolumeSpec> volumes, std::unique_ptr<SegmentStore> store,
                                              std::unique_ptr<MoveStore> moves, const Clock& clock, const ArchiveOptions& options) {
  if (std::ranges::none_of(volumes, [](const VolumeSpec& volume) { return volume.weight > 0; })) {
    return fail(ErrorCode::invalid_argument, "the archive needs at least one volume to record to");
  }
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    if (!volumes[i].disk) return fail(ErrorCode::invalid_argument, "the volume '" + volumes[i].name + "' has no disk");
    for (std::size_t j = 0; j < i; ++j) {
      if (volumes[i].name == volumes[j].name) {
        return fail(ErrorCode::invalid_argument, "two volumes have the name '" + volumes[i].name + "'");
      }
    }
  }
  if (options.segment_length < std::chrono::seconds{1} || options.fragment_length <= Duration{0}) {
    return fail(ErrorCode::invalid_argument, "a file of footage lasts at least one second", "segment_seconds");
  }
  return std::make_unique<StandardArchive>(std::move(volumes), std::move(store), std::move(moves), clock, options);
}

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(std::vector<VolumeSpec> volumes, std::unique_ptr<SegmentStore> store, const Clock& clock,
                                               const ArchiveOptions& options) {
  return open_archive(std::move(volumes), std::move(store), nullptr, clock, options);
}

Result<std::unique_ptr<Archive>> Archive::open(std::vector<VolumeSpec> volumes, db::Database& database, const Clock& clock,
                                               const ArchiveOptions& options) {
  return open_archive(std::move(volumes), make_sql_segment_store(database), make_sql_move_store(database), clock, options);
}

}  // namespace ccoc::archive
