// Reads cameras over RTSP with interleaved RTP, as plainly as it can be done: the floor that recorders are measured
// against, and the direct view that the hub's added latency is compared with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "net.h"

namespace ccoc::bench {

/// One playing stream: DESCRIBE, SETUP and PLAY are done. `authorization`: the value of that header, or empty.
Result<Socket> play_rtsp(std::uint16_t port, const std::string& url, const std::string& authorization = {});

/// Reads streams of a farm for `seconds`; `on_frame` gets each frame's first packet and when its last one was read.
Status read_frames(std::uint16_t port, const std::vector<std::string>& urls, double seconds,
                   const std::function<void(ByteView first_packet, UtcTime received)>& on_frame);

/// The floor: one thread, epoll with a low-water mark, recv, strip the framing, write to a file per stream in
/// `folder`. Runs until SIGTERM.
Status record_floor(std::uint16_t port, const std::vector<std::string>& urls, const std::string& folder);

}  // namespace ccoc::bench
