// Waits for someone who pushes by RTMP: rtmp://:1935/app/key?mode=listener. GStreamer has no server for it.
#pragma once

#include "ccoc/ingest/bridge_wire.h"
#include "hub_link.h"
#include "url.h"

namespace ccoc::ingest::bridge {

/// Until the sender ends. A second sender that knows the key takes the place of the first, whose connection may be dead
/// without anyone having noticed; who does not know it is turned away.
Ended listen_for_rtmp(const Url& url, HubLink& hub);

}  // namespace ccoc::ingest::bridge
