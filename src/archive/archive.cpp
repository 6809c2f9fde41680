#include "ccoc/archive/archive.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <set>
#include <thread>

#include "ccoc/base/log.h"
#include "merged_catalog.h"
#include "recorder.h"
#include "recovery.h"
#include "recording_watch.h"
#include "retention.h"
#include "retention_watch.h"
#include "scrubber.h"

namespace ccoc::archive {
namespace {

constexpr auto index_interval = std::chrono::seconds{1};
/// A disk with more to write than this has no idle time.
constexpr std::uint64_t busy_queue = 8u << 20;

class StandardArchive final : public Archive {
 public:
  StandardArchive(std::vector<VolumeSpec> specs, std::unique_ptr<SegmentStore> store, const Clock& clock,
                  const ArchiveOptions& options)
      : options_(options),
        clock_(clock),
        store_(std::move(store)),
        disks_(disks_of(specs)),
        ledger_(clock, options_),
        budget_(options_.write_buffer_bytes),
        catalog_(*store_, ledger_, clock, disks_),
        reconciler_(std::in_place, disks_, ledger_, *store_),
        retention_(disks_, ledger_, *store_, clock),
        scrubber_(disks_, *store_, clock, options_.scrub),
        watch_(disks_, clock) {
    for (auto& spec : specs) {
      volumes_.push_back(std::make_unique<Volume>(std::move(spec), budget_, ledger_, clock_, options_));
    }
  }

  ~StandardArchive() override { stop(); }

  RecoveryReport recover() override { return recover_tails(disks_, ledger_); }

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
      log::warn("archive", "{} index rows could not be written ({}); they are made again at the next start",
                ledger_.backlog(), told.error().message);
    }
  }

  Result<std::unique_ptr<Recorder>> record(const StreamKey& key) override {
    if (auto ok = validate(key); !ok) return std::unexpected(ok.error());
    if (!ledger_.begin_recording(key)) {
      return fail(ErrorCode::conflict, key.camera + "/" + key.stream + " is recorded already");
    }
    const std::lock_guard lock(mutex_);
    auto recorder = std::make_unique<StreamRecorder>(volume_for(key), ledger_, key, clock_, options_);
    writers_[key] = recorder->writer();
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

  std::optional<RetentionProblem> retention_problem() override { return retention_watch_.problem(); }

  void watch() override {
    std::map<std::string, std::string> volume_problem;
    for (const auto& volume : volumes_) volume_problem[volume->name()] = volume->status().last_error;
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
    for (auto it = writers_.begin(); it != writers_.end();) {
      if (const auto writer = it->second.lock()) {
        all[it->first] = writer->status();
        ++it;
      } else {
        it = writers_.erase(it);
      }
    }
    return all;
  }

 private:
  static Volumes disks_of(const std::vector<VolumeSpec>& specs) {
    Volumes disks;
    for (const auto& spec : specs) disks[spec.name] = spec.disk;
    return disks;
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

  /// A stream stays on one volume, so that its files follow each other; streams are spread evenly.
  Volume& volume_for(const StreamKey& key) {
    const auto [it, added] = volume_of_.try_emplace(key, next_volume_);
    if (added) next_volume_ = (next_volume_ + 1) % volumes_.size();
    return *volumes_[it->second];
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
      reconciler_.emplace(disks_, ledger_, *store_);
      reconciling_ = true;
    }
    Result<bool> more = false;
    if (told && reconciling_) more = reconciler_->step();
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
  const Volumes disks_;
  Ledger ledger_;
  WriteBudget budget_;
  std::vector<std::unique_ptr<Volume>> volumes_;
  MergedCatalog catalog_;
  std::optional<Reconciler> reconciler_;
  Retention retention_;
  RetentionWatch retention_watch_{clock_};
  Scrubber scrubber_;
  RecordingWatch watch_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  bool reconciling_ = true;
  IndexStatus index_status_;
  std::map<StreamKey, std::weak_ptr<StreamWriter>> writers_;
  std::map<StreamKey, std::size_t> volume_of_;
  std::size_t next_volume_ = 0;
  std::thread index_thread_;
};

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(std::vector<VolumeSpec> volumes, std::unique_ptr<SegmentStore> store,
                                               const Clock& clock, const ArchiveOptions& options) {
  if (volumes.empty()) return fail(ErrorCode::invalid_argument, "the archive needs at least one volume");
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
  return std::make_unique<StandardArchive>(std::move(volumes), std::move(store), clock, options);
}

Result<std::unique_ptr<Archive>> Archive::open(std::vector<VolumeSpec> volumes, db::Database& database,
                                               const Clock& clock, const ArchiveOptions& options) {
  return open(std::move(volumes), make_sql_segment_store(database), clock, options);
}

}  // namespace ccoc::archive
