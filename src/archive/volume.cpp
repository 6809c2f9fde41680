#include "volume.h"

#include <pthread.h>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// A disk call that takes longer means that the disk stalls.
constexpr Duration stalled = std::chrono::seconds{5};
/// From a refused write to the first trial; it doubles up to the longest while trials and writes fail.
constexpr Duration first_trial = std::chrono::seconds{30};
constexpr Duration longest_trial = std::chrono::hours{1};
constexpr Duration moment = std::chrono::seconds{2};
/// So long without a failure, and the next one is the first.
constexpr Duration forgiven_after = std::chrono::minutes{10};
constexpr auto trial_file = ".ccoc-trial";

std::size_t bytes_of(const Job& job) {
  const auto* fragment = std::get_if<FragmentJob>(&job);
  return fragment != nullptr ? fragment->bytes : 0;
}

}  // namespace

Volume::Volume(VolumeSpec spec, WriteBudget& budget, Ledger& ledger, const Clock& clock, const ArchiveOptions& options)
    : spec_(std::move(spec)), budget_(budget), ledger_(ledger), clock_(clock), options_(options), last_sync_(clock.now()) {
  measure();
}

Volume::~Volume() { stop(); }

std::shared_ptr<StreamWriter> Volume::make_writer(const StreamKey& key, std::shared_ptr<RecordingCell> cell) {
  return std::make_shared<StreamWriter>(key, spec_.name, *spec_.disk, ledger_, clock_, options_, std::move(cell));
}

bool Volume::push(const std::shared_ptr<StreamWriter>& writer, Job job) {
  const auto bytes = bytes_of(job);
  if (bytes > 0 && !budget_.take(bytes)) return false;
  enqueue(writer, std::move(job), bytes);
  return true;
}

void Volume::adopt(const std::shared_ptr<StreamWriter>& writer, Job job) {
  const auto bytes = bytes_of(job);
  enqueue(writer, std::move(job), bytes);
}

void Volume::enqueue(const std::shared_ptr<StreamWriter>& writer, Job job, std::size_t bytes) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({writer, std::move(job)});
    queued_bytes_ += bytes;
    wake = std::exchange(writer_sleeps_, false);
  }
  if (wake) wake_writer_.notify_one();
}

std::vector<Job> Volume::take_back(const std::shared_ptr<StreamWriter>& writer) {
  std::vector<Job> jobs;
  const std::lock_guard lock(mutex_);
  std::erase_if(queue_, [&](Queued& queued) {
    if (queued.writer != writer) return false;
    queued_bytes_ -= bytes_of(queued.job);
    jobs.push_back(std::move(queued.job));
    return true;
  });
  return jobs;
}

bool Volume::usable() {
  const std::lock_guard lock(mutex_);
  if (spec_.weight <= 0 || failed_at_) return false;
  if (busy_since_ && clock_.now() - *busy_since_ > stalled) return false;
  return !space_ || space_->free_bytes >= spec_.min_free_bytes / 2;
}

void Volume::start() {
  if (spec_.weight <= 0) return;
  writer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ccoc-write");
    write_loop();
  });
  syncer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ccoc-sync");
    sync_loop();
  });
}

void Volume::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_writer_.notify_all();
  wake_syncer_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (syncer_.joinable()) syncer_.join();
  while (write_next()) {
  }
  sync_if_dirty();
}

void Volume::step() {
  while (write_next()) {
  }
  if (clock_.now() - last_sync_ < options_.sync_interval) return;
  last_sync_ = clock_.now();
  sync_if_dirty();
  try_again();
  measure();
}

void Volume::look() {
  if (spec_.weight <= 0) measure();
}

bool Volume::write_next() {
  Queued next;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return false;
    next = std::move(queue_.front());
    queue_.pop_front();
    busy_since_ = clock_.now();
  }
  std::size_t bytes = 0;
  auto outcome = StreamWriter::Outcome::skipped;
  if (const auto* fragment = std::get_if<FragmentJob>(&next.job)) {
    bytes = fragment->bytes;
    outcome = next.writer->write(*fragment);
  } else if (const auto* interrupt = std::get_if<InterruptJob>(&next.job)) {
    next.writer->interrupt(*interrupt);
  } else {
    next.writer->finish();
  }
  next.job = FinishJob{};  // lets go of the frames before their bytes are counted as free
  budget_.give_back(bytes);
  const std::lock_guard lock(mutex_);
  busy_since_.reset();
  queued_bytes_ -= bytes;
  dirty_ = dirty_ || bytes > 0;
  note_outcome(outcome);
  return true;
}

void Volume::write_loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      writer_sleeps_ = queue_.empty();
      wake_writer_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      writer_sleeps_ = false;
      if (queue_.empty()) return;
    }
    while (write_next()) {
    }
  }
}

void Volume::sync_loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_syncer_.wait_for(lock, options_.sync_interval, [this] { return stopping_; });
      if (stopping_) return;
    }
    sync_if_dirty();
    try_again();
    measure();
  }
}

/// With the lock held. A success of one stream does not speak for the disk while others were refused a moment ago.
void Volume::note_outcome(StreamWriter::Outcome outcome) {
  const auto now = clock_.now();
  if (outcome == StreamWriter::Outcome::written && failed_at_ && now - *failed_at_ > moment) failed_at_.reset();
  if (outcome != StreamWriter::Outcome::refused) return;
  if (!failed_at_) {
    const bool again = trial_wait_ > Duration{0} && now - last_failure_ < trial_wait_ + forgiven_after;
    trial_wait_ = again ? std::min<Duration>(trial_wait_ * 2, longest_trial) : first_trial;
    trial_at_ = now + trial_wait_;
  }
  failed_at_ = last_failure_ = now;
}

void Volume::try_again() {
  {
    const std::lock_guard lock(mutex_);
    if (!failed_at_ || clock_.now() < trial_at_) return;
  }
  const auto attempt = [this]() -> Status {
    if (auto gone = spec_.disk->remove(trial_file); !gone && gone.error().code != ErrorCode::not_found) return gone;
    auto file = spec_.disk->create(trial_file);
    if (!file) return std::unexpected(file.error());
    const Bytes page(4096);
    const ByteView pieces[] = {page};
    if (auto written = (*file)->append(pieces); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    file->reset();
    return spec_.disk->remove(trial_file);
  };
  const auto tried = attempt();
  const std::lock_guard lock(mutex_);
  if (tried) {
    failed_at_.reset();
    log::info("archive", "volume {}: can be written to again", spec_.name);
  } else {
    trial_wait_ = std::min<Duration>(trial_wait_ * 2, longest_trial);
    trial_at_ = clock_.now() + trial_wait_;
    log::debug("archive", "volume {}: {}", spec_.name, tried.error().message);
  }
}

void Volume::measure() {
  auto space = spec_.disk->space();
  const std::lock_guard lock(mutex_);
  space_error_ = space ? std::string{} : space.error().message;
  if (space) space_ = *space;
}

void Volume::sync_if_dirty() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(dirty_, false)) return;
  }
  const auto synced = spec_.disk->sync_all();
  const std::lock_guard lock(mutex_);
  if (synced) {
    sync_error_.clear();
    return;
  }
  dirty_ = true;
  if (sync_error_.empty()) log::error("archive", "volume {}: {}", spec_.name, synced.error().message);
  sync_error_ = synced.error().message;
}

VolumeStatus Volume::status() {
  VolumeStatus status;
  status.name = spec_.name;
  status.weight = spec_.weight;
  const std::lock_guard lock(mutex_);
  if (space_) status.space = *space_;
  status.queued_bytes = queued_bytes_;
  status.last_error = space_error_.empty() ? sync_error_ : space_error_;
  if (status.last_error.empty() && failed_at_) status.last_error = "it refused what was written to it";
  if (busy_since_ && clock_.now() - *busy_since_ > stalled) {
    status.last_error =
        "the disk has not answered a write for " + std::to_string((clock_.now() - *busy_since_) / std::chrono::seconds{1}) + " s";
  }
  status.healthy = status.last_error.empty();
  return status;
}

}  // namespace ccoc::archive
