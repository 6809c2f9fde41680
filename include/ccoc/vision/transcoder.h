// Streams made into H.264 for viewers who cannot decode what the camera sends: one worker process and one thread for each
// session, no more of them than configured. Nothing else notices a session that crashes, hangs or is slow.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::vision {

struct TranscoderOptions {
  std::string worker;         ///< path of ccoc-vision
  unsigned max_sessions = 2;  ///< 0: none
  unsigned max_width = 1280, max_height = 720;
  Duration timeout = std::chrono::seconds(5);  ///< for one unit; then the worker is killed and replaced
  /// Beyond either, what waits is dropped up to the next key frame.
  std::size_t max_waiting = 300;  ///< units: a viewer of a live stream begins with all since its key frame
  std::size_t max_waiting_bytes = 16u << 20;
};

/// One viewer's. The calls come from one thread at a time and never block.
class TranscodeSession {
 public:
  /// `flags` are those push() was given with the unit.
  using Output = std::function<void(const media::AccessUnitPtr& unit, std::uint8_t flags)>;

  virtual ~TranscodeSession() = default;
  /// `hidden`: it is decoded, because others need it, but nothing is given for it. The first unit, and the first after a
  /// restart, must be a key unit: what comes before one is dropped.
  virtual void push(media::AccessUnitPtr unit, std::uint8_t flags, bool hidden) = 0;
  /// What was pushed and has not come out never will, once it returns.
  virtual void restart() = 0;
  virtual int worker_pid() const = 0;          ///< 0 while none runs
  virtual std::uint64_t restarts() const = 0;  ///< of the worker, after the first start
};

/// Thread-safe. Sessions may outlive it.
class Transcoder {
 public:
  explicit Transcoder(TranscoderOptions options);

  /// `output` is called on the session's thread, and never again once the session's destructor has returned. Units are
  /// H.264, at most max_width × max_height, with capture and media times of what they were made of.
  /// `limit_exceeded` when as many sessions run as may, `unsupported` when none may.
  Result<std::unique_ptr<TranscodeSession>> open(TranscodeSession::Output output);

  unsigned sessions() const { return *count_; }

 private:
  const TranscoderOptions options_;
  const std::shared_ptr<std::atomic<unsigned>> count_ = std::make_shared<std::atomic<unsigned>>(0u);
};

}  // namespace ccoc::vision
