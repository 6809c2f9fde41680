#include "ccoc/vision/snapshot.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "answers.h"
#include "ccoc/media/nal.h"
#include "worker_process.h"

namespace ccoc::vision {
namespace {}  // namespace

struct SnapshotService::State {
  SnapshotOptions options;
  WorkerProcess worker;  ///< used only by the caller whose turn it is

  mutable std::mutex mutex;  ///< for all below
  std::condition_variable free;
  bool taken = false;
  unsigned waiting = 0;
  SnapshotStats stats;

  Status take_turn(WorkerProcess::Deadline deadline) {
    std::unique_lock lock(mutex);
    if (taken && waiting >= options.max_waiting)
      return fail(ErrorCode::limit_exceeded, "too many pictures are being asked for; try again in a moment");
    ++waiting;
    const bool mine = free.wait_until(lock, deadline, [this] { return !taken; });
    --waiting;
    if (!mine) return fail(ErrorCode::timeout, "the picture decoder was busy for too long; try again in a moment");
    taken = true;
    return {};
  }

  void end_turn(bool delivered) {
    {
      const std::lock_guard lock(mutex);
      taken = false;
      ++(delivered ? stats.pictures : stats.failures);
      stats.under_way = false;
      stats.worker_pid = worker.pid();
    }
    free.notify_one();
  }

  Status ensure_worker() {
    if (worker.running()) return {};
    if (auto started = worker.start(options.worker); !started) return started;
    const std::lock_guard lock(mutex);
    ++stats.starts;
    stats.worker_pid = worker.pid();
    return {};
  }

  /// One request; a worker that failed at it is replaced at the next.
  Result<Bytes> ask(const media::AccessUnit& unit, RequestHead head, AnswerKind wanted) {
    if (const auto ready = ensure_worker(); !ready) return std::unexpected(ready.error());
    head.codec = wire_codec(unit.format->codec);
    const auto annexb = media::to_annexb(unit);
    const ByteView pieces[] = {{reinterpret_cast<const std::uint8_t*>(&head), sizeof head}, annexb};
    auto answer = worker.exchange(pieces, std::chrono::steady_clock::now() + options.timeout, [this] {
      const std::lock_guard lock(mutex);
      stats.under_way = true;
    });
    if (!answer) {
      if (answer.error().code != ErrorCode::limit_exceeded) worker.kill();
      return answer;
    }
    return body_of(std::move(*answer), wanted);
  }

  Result<Bytes> ask_in_turn(const media::AccessUnit& unit, const RequestHead& head, AnswerKind wanted) {
    if (!unit.key || !unit.format || !unit.data) return fail(ErrorCode::invalid_argument, "a picture can only be made of a key frame");
    if (const auto turn = take_turn(std::chrono::steady_clock::now() + options.timeout); !turn) return std::unexpected(turn.error());
    auto body = ask(unit, head, wanted);
    end_turn(body.has_value());
    return body;
  }
};

SnapshotService::SnapshotService(SnapshotOptions options) : state_(std::make_unique<State>()) { state_->options = std::move(options); }

SnapshotService::SnapshotService(std::string worker) : SnapshotService(SnapshotOptions{.worker = std::move(worker)}) {}

SnapshotService::~SnapshotService() = default;

Result<Bytes> SnapshotService::jpeg(const media::AccessUnit& key_unit, unsigned max_width) {
  RequestHead head{.task = Task::jpeg};
  head.quality = static_cast<std::uint8_t>(std::clamp(state_->options.quality, 1u, 100u));
  head.max_width = static_cast<std::uint16_t>(std::min(max_width, 16'384u));
  return state_->ask_in_turn(key_unit, head, AnswerKind::jpeg);
}

Result<Look> SnapshotService::look(const media::AccessUnit& key_unit) {
  const auto body = state_->ask_in_turn(key_unit, RequestHead{.task = Task::look}, AnswerKind::look);
  if (!body) return std::unexpected(body.error());
  return parse_look(*body);
}

SnapshotStats SnapshotService::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

}  // namespace ccoc::vision
