// ccoc-vision: reads requests from standard input, writes answers to standard output (wire.h), until the hub goes.
// `ccoc-vision --check-sandbox` tries to break out, and exits with 0 when it can't.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "look.h"
#include "picture.h"
#include "sandbox.h"
#include "transcode.h"

extern "C" {
#include <libavutil/log.h>
}

#if defined(__SANITIZE_ADDRESS__)
// The leak check at exit wants system calls that the sandbox refuses.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace ccoc::vision {
namespace {

/// One picture may take this long even when the hub is not there any more to kill us.
constexpr unsigned max_seconds = 10;
/// Before the CPU limit strikes, end between two requests; the hub starts another.
constexpr std::clock_t retire_after = 3000 * CLOCKS_PER_SEC;

bool read_all(void* into, std::size_t size) {
  auto* at = static_cast<std::uint8_t*>(into);
  while (size > 0) {
    const auto count = read(STDIN_FILENO, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool write_all(const void* from, std::size_t size) {
  const auto* at = static_cast<const std::uint8_t*>(from);
  while (size > 0) {
    const auto count = write(STDOUT_FILENO, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool answer(AnswerKind kind, ByteView body) {
  const auto size = static_cast<std::uint32_t>(1 + body.size());
  return write_all(&size, sizeof size) && write_all(&kind, sizeof kind) && write_all(body.data(), body.size());
}

struct Answer {
  AnswerKind kind;
  Result<Bytes> body;
};

Answer work(const RequestHead& head, ByteView bytes, Transcoding& transcoding) {
  switch (head.task) {
    case Task::jpeg: return {AnswerKind::jpeg, make_jpeg(head, bytes)};
    case Task::look: return {AnswerKind::look, look_at(head, bytes)};
    case Task::transcode: return {AnswerKind::units, transcoding.push(head, bytes)};
  }
  return {AnswerKind::error, fail(ErrorCode::unsupported, "this task is not known")};
}

int serve() {
  Bytes message;
  Transcoding transcoding;
  while (std::clock() < retire_after) {
    std::uint32_t size = 0;
    if (!read_all(&size, sizeof size)) return 0;
    RequestHead head;
    if (size < sizeof head || size > max_message) return 1;
    message.resize(size);
    if (!read_all(message.data(), size)) return 0;
    std::memcpy(&head, message.data(), sizeof head);
    alarm(max_seconds);
    auto [kind, body] = work(head, ByteView(message).subspan(sizeof head), transcoding);
    alarm(0);
    if (body && body->size() >= max_message) body = fail(ErrorCode::limit_exceeded, "the picture is too large");
    const bool written = body ? answer(kind, *body) : answer(AnswerKind::error, as_bytes(body.error().message));
    if (!written) return 0;
    if (message.capacity() > 1024 * 1024) Bytes().swap(message);
  }
  return 0;
}

}  // namespace
}  // namespace ccoc::vision

int main(int argc, char** argv) {
  using namespace ccoc::vision;
  av_log_set_level(AV_LOG_QUIET);
  auto locked = lock_down();
  const bool check = argc > 1 && std::strcmp(argv[1], "--check-sandbox") == 0;
  if (locked && check) locked = check_locked_down();
  if (!locked) {
    std::fprintf(stderr, "ccoc-vision: %s\n", locked.error().message.c_str());
    return 1;
  }
  return check ? 0 : serve();
}
