#include "ccoc/vision/transcoder.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "answers.h"
#include "ccoc/base/log.h"
#include "ccoc/media/nal.h"
#include "worker_process.h"

namespace ccoc::vision {
namespace {

/// A worker that cannot be started, or dies at every picture, is not tried more often than this.
constexpr auto shortest_life = std::chrono::seconds(1);
/// Pictures that a decoder keeps back, at most: beyond it a worker loses them.
constexpr std::size_t most_inside = 64;

class Session final : public TranscodeSession {
 public:
  Session(const TranscoderOptions& options, std::shared_ptr<std::atomic<unsigned>> count, Output output)
      : options_(options), count_(std::move(count)), output_(std::move(output)), thread_([this] {
          pthread_setname_np(pthread_self(), "ccoc-transcode");
          run();
        }) {}

  ~Session() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    {
      // Whatever it is at, nobody waits for it any more.
      const std::lock_guard lock(process_mutex_);
      if (pid_ != 0) ::kill(pid_, SIGKILL);
    }
    thread_.join();
    --*count_;
  }

  void push(media::AccessUnitPtr unit, std::uint8_t flags, bool hidden) override {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= options_.max_waiting || waiting_bytes() >= options_.max_waiting_bytes) {
        // Too slow for this stream: on with the next key frame, as for a slow viewer.
        waiting_.clear();
        need_key_ = true;
      }
      if (need_key_ && !unit->key) return;
      waiting_.push_back({std::move(unit), flags, hidden, std::exchange(need_key_, false)});
    }
    wake_.notify_one();
  }

  void restart() override {
    const std::lock_guard outputs(output_mutex_);
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    need_key_ = true;
    ++epoch_;
  }

  int worker_pid() const override { return pid_; }
  std::uint64_t restarts() const override {
    const auto starts = starts_.load();
    return starts > 0 ? starts - 1 : 0;
  }

 private:
  std::size_t waiting_bytes() const {
    std::size_t sum = 0;
    for (const auto& job : waiting_) sum += job.unit->data->size();
    return sum;
  }

  struct Job {
    media::AccessUnitPtr unit;
    std::uint8_t flags = 0;
    bool hidden = false;
    bool restart = false;
  };
  struct Inside {
    media::AccessUnitPtr unit;
    std::uint8_t flags = 0;
  };

  void run() {
    for (;;) {
      Job job;
      std::uint64_t epoch = 0;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        job = std::move(waiting_.front());
        waiting_.pop_front();
        epoch = epoch_;
      }
      if (!work(job, epoch)) lost_worker();
    }
  }

  /// The worker begins anew with the next key frame.
  void lost_worker() {
    {
      const std::lock_guard lock(process_mutex_);
      worker_.kill();
      pid_ = 0;
    }
    std::unique_lock lock(mutex_);
    need_key_ = true;
    std::erase_if(waiting_, [this](Job& job) {
      if (need_key_ && job.unit->key) {
        need_key_ = false;
        job.restart = true;
      }
      return need_key_;
    });
    const auto left = started_at_ + shortest_life - std::chrono::steady_clock::now();
    wake_.wait_for(lock, left, [this] { return stopping_; });
  }

  /// False when the worker is of no use any more.
  bool work(const Job& job, std::uint64_t epoch) {
    if (job.restart) inside_.clear();
    if (!still_running() && !begin_worker(job)) return !job.unit->key;
    RequestHead head{.task = Task::transcode};
    head.codec = wire_codec(job.unit->format->codec);
    head.max_width = static_cast<std::uint16_t>(options_.max_width);
    head.max_height = static_cast<std::uint16_t>(options_.max_height);
    head.id = ++last_id_;
    if (job.unit->key) head.flags |= transcode_flags::key;
    if (job.restart) head.flags |= transcode_flags::restart;
    if (job.hidden) head.flags |= transcode_flags::hidden;
    if (!job.hidden) inside_[head.id] = {job.unit, job.flags};
    while (inside_.size() > most_inside) inside_.erase(inside_.begin());
    const auto annexb = media::to_annexb(*job.unit);
    const ByteView pieces[] = {{reinterpret_cast<const std::uint8_t*>(&head), sizeof head}, annexb};
    auto answer = worker_.exchange(pieces, std::chrono::steady_clock::now() + options_.timeout, [] {});
    if (!answer) return false;
    const auto body = body_of(std::move(*answer), AnswerKind::units);
    if (!body) return body.error().code != ErrorCode::unavailable && skip_damaged();
    const auto units = parse_units(*body);
    if (!units) return false;
    return std::ranges::all_of(*units, [&](const CodedUnit& unit) { return give(unit, epoch); });
  }

  bool still_running() {
    const std::lock_guard lock(process_mutex_);
    if (worker_.running()) return true;
    pid_ = 0;
    return false;
  }

  bool begin_worker(const Job& job) {
    if (!job.unit->key) return false;
    const std::lock_guard lock(process_mutex_);
    inside_.clear();
    format_.reset();
    started_at_ = std::chrono::steady_clock::now();
    if (const auto started = worker_.start(options_.worker); !started) {
      log::warn("vision", "{}", started.error().message);
      return false;
    }
    pid_ = worker_.pid();
    ++starts_;
    return true;
  }

  /// A unit that cannot be decoded costs the pictures up to the next key frame.
  bool skip_damaged() {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [found = false](Job& job) mutable {
      if (!found && job.unit->key) found = job.restart = true;
      return !found;
    });
    need_key_ = waiting_.empty();
    return true;
  }

  bool give(const CodedUnit& coded, std::uint64_t epoch) {
    const auto found = inside_.find(coded.id);
    if (found == inside_.end()) return false;
    const auto source = std::move(found->second);
    inside_.erase(found);
    auto data = take_h264(coded.annexb, format_);
    if (!data) return false;
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = format_;
    unit->data = std::move(*data);
    // Pictures come out in the order they are shown.
    const auto shift = source.unit->composition_offset;
    unit->media_time = source.unit->media_time + shift;
    unit->capture_time = source.unit->capture_time + from_ticks(shift, video_timescale);
    unit->key = coded.key;
    unit->discontinuity = source.unit->discontinuity;
    const std::lock_guard outputs(output_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || epoch_ != epoch) return true;
    }
    output_(unit, source.flags);
    return true;
  }

  const TranscoderOptions options_;
  const std::shared_ptr<std::atomic<unsigned>> count_;
  const Output output_;

  std::mutex process_mutex_;  ///< held while the worker is started or collected, so that its pid is its own
  std::mutex output_mutex_;   ///< held while output_ is called; taken before mutex_
  std::mutex mutex_;          ///< of the next five
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  bool need_key_ = true;
  bool stopping_ = false;
  std::uint64_t epoch_ = 0;

  // The thread's own.
  WorkerProcess worker_;
  std::map<std::int64_t, Inside> inside_;  ///< by id: in the worker
  std::int64_t last_id_ = 0;
  media::VideoFormatPtr format_;
  std::chrono::steady_clock::time_point started_at_{};
  std::atomic<int> pid_{0};
  std::atomic<std::uint64_t> starts_{0};

  std::thread thread_;  ///< the last: it uses all of the above
};

}  // namespace

Transcoder::Transcoder(TranscoderOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<TranscodeSession>> Transcoder::open(TranscodeSession::Output output) {
  if (options_.max_sessions == 0 || options_.worker.empty())
    return fail(ErrorCode::unsupported, "this hub transcodes nothing (vision.transcodings)");
  if (++*count_ > options_.max_sessions) {
    --*count_;
    return fail(ErrorCode::limit_exceeded, "as many pictures are being transcoded as this hub may (vision.transcodings)");
  }
  return std::make_unique<Session>(options_, count_, std::move(output));
}

}  // namespace ccoc::vision
