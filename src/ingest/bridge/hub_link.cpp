#include "hub_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace ccoc::ingest::bridge {
namespace {

/// More than any picture takes; a hub that reads nothing for so long has forgotten this process.
constexpr int hub_reads_within_ms = 60'000;

/// Whether the socket came to be ready.
bool wait_for(int socket, short events, int limit_ms) {
  pollfd wanted{socket, events, 0};
  int ready = 0;
  do {
    ready = poll(&wanted, 1, limit_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

HubLink::HubLink() {
  socket_ = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (socket_ < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0) _exit(1);
}

Start HubLink::receive_order() {
  for (;;) {
    std::uint8_t buffer[4096];
    const auto count = wait_for(socket_, POLLIN, -1) ? recv(socket_, buffer, sizeof buffer, 0) : -1;
    if (count <= 0) _exit(0);
    reader_.feed({buffer, static_cast<std::size_t>(count)});
    const auto message = reader_.next();
    if (!message) _exit(1);
    if (!message->has_value()) continue;
    const auto* order = std::get_if<Start>(&**message);
    if (order == nullptr) _exit(1);
    return *order;
  }
}

void HubLink::watch(std::function<void(const Message&)> take) {
  std::thread([this, take = std::move(take)] { read_on(take); }).detach();
}

void HubLink::read_on(const std::function<void(const Message&)>& take) {
  Bytes buffer(64 * 1024);
  for (;;) {
    const auto count = wait_for(socket_, POLLIN, -1) ? recv(socket_, buffer.data(), buffer.size(), 0) : -1;
    if (count <= 0 || !take) _exit(0);
    reader_.feed({buffer.data(), static_cast<std::size_t>(count)});
    for (;;) {
      const auto message = reader_.next();
      if (!message) _exit(1);
      if (!message->has_value()) break;
      take(**message);
    }
  }
}

void HubLink::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN ? !wait_for(socket_, POLLOUT, hub_reads_within_ms) : errno != EINTR) {
      _exit(0);
    }
  }
}

void HubLink::send(const Message& message) {
  const auto head = encode(message);
  ByteView data;
  if (const auto* picture = std::get_if<Picture>(&message)) data = picture->data;
  if (const auto* sound = std::get_if<Sound>(&message)) data = sound->data;
  if (head.size() + data.size() > max_message) return;  // no picture is so large
  const std::lock_guard lock(writing_);
  write(head);
  write(data);
}

void HubLink::end(const Ended& message) {
  send(message);
  _exit(0);
}

}  // namespace ccoc::ingest::bridge
