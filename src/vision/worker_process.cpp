#include "worker_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "ccoc/base/child_process.h"
#include "wire.h"

namespace ccoc::vision {
namespace {

std::unexpected<Error> worker_ended() { return fail(ErrorCode::unavailable, "the picture decoder ended while it worked on this picture"); }

}  // namespace

Status WorkerProcess::start(const std::string& path) {
  kill();
  const auto child = start_child(path, {});
  if (!child) return std::unexpected(child.error().within("the picture decoder"));
  pid_ = child->pid;
  socket_ = child->socket;
  return {};
}

bool WorkerProcess::running() {
  if (pid_ == 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = 0;
  kill();
  return false;
}

void WorkerProcess::kill() {
  if (pid_ != 0) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

Status WorkerProcess::wait_for(short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail(ErrorCode::timeout, "the picture decoder did not answer in time");
    pollfd wanted{socket_, events, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return std::unexpected(errno_error(errno, "poll"));
  }
}

Status WorkerProcess::write_all(ByteView bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const auto count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (const auto ready = wait_for(POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return worker_ended();
    }
  }
  return {};
}

Status WorkerProcess::read_all(std::span<std::uint8_t> into, Deadline deadline) {
  while (!into.empty()) {
    const auto count = recv(socket_, into.data(), into.size(), 0);
    if (count > 0) {
      into = into.subspan(static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      if (const auto ready = wait_for(POLLIN, deadline); !ready) return ready;
    } else if (count == 0 || errno != EINTR) {
      return worker_ended();
    }
  }
  return {};
}

Result<Bytes> WorkerProcess::exchange(std::span<const ByteView> pieces, Deadline deadline, const std::function<void()>& sent) {
  std::size_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  if (size > max_message) return fail(ErrorCode::limit_exceeded, "the picture is larger than 16 MiB");
  auto length = static_cast<std::uint32_t>(size);
  const std::span<std::uint8_t> length_bytes(reinterpret_cast<std::uint8_t*>(&length), sizeof length);
  if (const auto done = write_all(length_bytes, deadline); !done) return std::unexpected(done.error());
  for (const auto piece : pieces)
    if (const auto done = write_all(piece, deadline); !done) return std::unexpected(done.error());
  sent();
  if (const auto done = read_all(length_bytes, deadline); !done) return std::unexpected(done.error());
  if (length == 0 || length > max_message) return fail(ErrorCode::unavailable, "the picture decoder answers nonsense");
  Bytes answer(length);
  if (const auto done = read_all(answer, deadline); !done) return std::unexpected(done.error());
  return answer;
}

}  // namespace ccoc::vision
