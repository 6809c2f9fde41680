#include "viewer.h"

namespace ccoc::bench {
namespace {

constexpr std::size_t header_size = 24;

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t out = 0;
  for (const auto byte : bytes) out = out << 8 | byte;
  return out;
}

}  // namespace

Result<Viewer> Viewer::open(const HttpClient& http) {
  auto socket = WebSocket::open(http, "/api/v1/stream");
  if (!socket) return std::unexpected(socket.error());
  return Viewer{std::move(*socket)};
}

Status Viewer::subscribe(int id, const std::string& camera, const std::string& stream, const std::string& position) {
  return socket_.send_text(R"({"op":"subscribe","id":)" + std::to_string(id) + R"(,"camera":")" + camera + R"(","stream":")" + stream +
                           R"(","position":")" + position + R"("})");
}

Status Viewer::seek(int id, UtcTime position) {
  return socket_.send_text(R"({"op":"seek","id":)" + std::to_string(id) + R"(,"position":")" + format_rfc3339(position) + R"("})");
}

Status Viewer::unsubscribe(int id) { return socket_.send_text(R"({"op":"unsubscribe","id":)" + std::to_string(id) + "}"); }

Result<Picture> Viewer::next_picture(std::chrono::steady_clock::time_point deadline, const std::function<bool(const Picture&)>& wanted) {
  for (;;) {
    const auto message = socket_.receive(deadline);
    if (!message) return std::unexpected(message.error());
    const auto bytes = message->payload;
    if (message->text) {
      const auto text = as_text(bytes);
      if (text.find(R"("op":"error")") != std::string_view::npos) {
        return fail(ErrorCode::unavailable, "the hub said " + std::string(text));
      }
      continue;
    }
    if (bytes.size() < header_size || bytes[0] != 1) return fail(ErrorCode::corrupt, "a message without its header");
    const Picture picture{
        .flags = bytes[1],
        .id = static_cast<std::uint16_t>(big_endian(bytes.subspan(2, 2))),
        .sequence = static_cast<std::uint32_t>(big_endian(bytes.subspan(4, 4))),
        .capture = UtcTime{Duration{static_cast<std::int64_t>(big_endian(bytes.subspan(8, 8)))}},
        .data = bytes.subspan(header_size),
        .received = message->received,
    };
    if (wanted(picture)) return picture;
  }
}

}  // namespace ccoc::bench
