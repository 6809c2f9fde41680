// Sends one viewer the hub's pictures by WebRTC (WHEP), as they are, and its sound.
#pragma once

#include "ccoc/ingest/bridge_wire.h"
#include "hub_link.h"

namespace ccoc::ingest::bridge {

/// Until the viewer has gone, which is noticed by his connection's end or his silence. The hub gives the pictures once SetUp has
/// told it that he is there: H.264, Annex B, whole, without reordering; and sound if the answer said so.
Ended send_to_viewer(const Start& order, HubLink& hub);

}  // namespace ccoc::ingest::bridge
