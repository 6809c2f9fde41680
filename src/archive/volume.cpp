#include "volume.h"

#include <pthread.h>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// A disk call that takes longer means that the disk stalls.
constexpr Duration stalled = std::chrono::seconds{5};

}  // namespace

Volume::Volume(VolumeSpec spec, WriteBudget& budget, Ledger& ledger, const Clock& clock, const ArchiveOptions& options)
    : spec_(std::move(spec)), budget_(budget), ledger_(ledger), clock_(clock), options_(options), last_sync_(clock.now()) {}

Volume::~Volume() { stop(); }

std::shared_ptr<StreamWriter> Volume::make_writer(const StreamKey& key) {
  return std::make_shared<StreamWriter>(key, spec_.name, *spec_.disk, ledger_, clock_, options_);
}

bool Volume::push(const std::shared_ptr<StreamWriter>& writer, Job job) {
  const auto* fragment = std::get_if<FragmentJob>(&job);
  const std::size_t bytes = fragment != nullptr ? fragment->bytes : 0;
  if (bytes > 0 && !budget_.take(bytes)) return false;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({writer, std::move(job)});
    queued_bytes_ += bytes;
    wake = std::exchange(writer_sleeps_, false);
  }
  if (wake) wake_writer_.notify_one();
  return true;
}

void Volume::start() {
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
  Queue rest;
  {
    const std::lock_guard lock(mutex_);
    rest.swap(queue_);
  }
  write_all(rest);
  sync_if_dirty();
}

void Volume::step() {
  Queue queue;
  {
    const std::lock_guard lock(mutex_);
    queue.swap(queue_);
  }
  write_all(queue);
  if (clock_.now() - last_sync_ >= options_.sync_interval) {
    last_sync_ = clock_.now();
    sync_if_dirty();
  }
}

void Volume::write_all(Queue& queue) {
  while (!queue.empty()) {
    auto [writer, job] = std::move(queue.front());
    queue.pop_front();
    {
      const std::lock_guard lock(mutex_);
      busy_since_ = clock_.now();
    }
    std::size_t bytes = 0;
    if (const auto* fragment = std::get_if<FragmentJob>(&job)) {
      bytes = fragment->bytes;
      writer->write(*fragment);
    } else if (const auto* interrupt = std::get_if<InterruptJob>(&job)) {
      writer->interrupt(*interrupt);
    } else {
      writer->finish();
    }
    job = FinishJob{};  // lets go of the frames before their bytes are counted as free
    budget_.give_back(bytes);
    const std::lock_guard lock(mutex_);
    busy_since_.reset();
    queued_bytes_ -= bytes;
    dirty_ = dirty_ || bytes > 0;
  }
}

void Volume::write_loop() {
  for (;;) {
    Queue queue;
    {
      std::unique_lock lock(mutex_);
      writer_sleeps_ = queue_.empty();
      wake_writer_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      writer_sleeps_ = false;
      if (queue_.empty()) return;
      queue.swap(queue_);
    }
    write_all(queue);
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
  }
}

void Volume::sync_if_dirty() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(dirty_, false)) return;
  }
  const auto synced = spec_.disk->sync_all();
  const std::lock_guard lock(mutex_);
  if (synced) {
    last_error_.clear();
    return;
  }
  dirty_ = true;
  if (last_error_.empty()) log::error("archive", "volume {}: {}", spec_.name, synced.error().message);
  last_error_ = synced.error().message;
}

VolumeStatus Volume::status() {
  VolumeStatus status;
  status.name = spec_.name;
  const auto space = spec_.disk->space();
  if (space) status.space = *space;
  const std::lock_guard lock(mutex_);
  status.queued_bytes = queued_bytes_;
  status.last_error = space ? last_error_ : space.error().message;
  if (busy_since_ && clock_.now() - *busy_since_ > stalled) {
    status.last_error = "the disk has not answered a write for " +
                        std::to_string((clock_.now() - *busy_since_) / std::chrono::seconds{1}) + " s";
  }
  status.healthy = status.last_error.empty();
  return status;
}

}  // namespace ccoc::archive
