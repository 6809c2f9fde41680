#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ccoc/base/asio_reactor.h"

namespace ccoc {
namespace {

/// A thread is made when there is work and none that waits for it.
class ThreadPool final : public WorkQueue {
 public:
  ThreadPool(const std::string& name, unsigned threads, std::size_t max_queued)
      : label_(name.substr(0, 15)), max_threads_(threads), max_queued_(max_queued) {}

  ~ThreadPool() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  bool submit(std::function<void()> work) override {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || queue_.size() >= max_queued_) return false;
      if (idle_ <= queue_.size() && threads_.size() < max_threads_ && !add_thread() && threads_.empty()) return false;
      queue_.push_back(std::move(work));
    }
    wake_.notify_one();
    return true;
  }

 private:
  /// With the lock held. False: the machine has none to give.
  bool add_thread() {
    try {
      threads_.emplace_back([this] {
        pthread_setname_np(pthread_self(), label_.c_str());
        run();
      });
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      ++idle_;
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
  }

  const std::string label_;
  const std::size_t max_threads_;
  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::size_t idle_ = 0;  ///< threads that wait
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<WorkQueue> make_thread_pool(std::string name, unsigned threads, std::size_t max_queued) {
  return std::make_unique<ThreadPool>(name, threads, max_queued);
}

}  // namespace ccoc
