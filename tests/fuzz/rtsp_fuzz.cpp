// RTSP messages and their headers, in any pieces: whatever the cuts, the same items come out, as long as nothing had to be
// skipped as garbage.
#include <algorithm>
#include <vector>

#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"
#include "check.h"

using namespace ccoc;

namespace {

struct Seen {
  std::vector<std::size_t> items;
  bool clean = false;
};

void look_into(const rtsp::Message& message) {
  for (const auto value : message.all("Transport")) {
    for (const auto& transport : rtsp::parse_transports(value)) rtsp::to_string(transport);
  }
  rtsp::parse_session(message.header("Session"));
  rtsp::parse_rtp_info(message.header("RTP-Info"));
  rtsp::lists_method(message.header("Public"), "GET_PARAMETER");
  rtsp::resolve_control(rtsp::base_url(message, "rtsp://cam/main"), message.header("Location"));
  (void)rtsp::parse_url(message.header("Location"));
  rtsp::Authenticator authenticator("user", "password");
  if (authenticator.on_unauthorized(message) == rtsp::Authenticator::Verdict::retry) {
    const auto answer = authenticator.authorization("DESCRIBE", "rtsp://cam/main");
    check(answer.find('\r') == std::string::npos && answer.find('\n') == std::string::npos);
  }
  check(rtsp::serialize(message).size() >= message.body.size());
}

Seen read(ByteView bytes, std::size_t piece, bool look) {
  Seen seen;
  rtsp::StreamParser parser;
  parser.expect_channel(0);
  parser.expect_channel(1);
  for (std::size_t at = 0; at < bytes.size() && !parser.error(); at += piece) {
    parser.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    while (auto item = parser.next()) {
      if (const auto* message = std::get_if<rtsp::Message>(&*item)) {
        if (look) look_into(*message);
        seen.items.push_back(message->headers.size() << 20 | message->body.size());
      } else {
        const auto& frame = std::get<rtsp::InterleavedFrame>(*item);
        seen.items.push_back(std::size_t{1} << 40 | frame.payload.size());
      }
    }
    check(parser.buffered() <= 2 * 1024 * 1024);
  }
  seen.clean = !parser.error() && parser.skipped_bytes() == 0;
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] % 64 + 1u;
  const ByteView bytes{data + 1, size - 1};
  const auto whole = read(bytes, bytes.size(), true);
  const auto pieces = read(bytes, piece, false);
  check(!whole.clean || !pieces.clean || whole.items == pieces.items);
  return 0;
}
