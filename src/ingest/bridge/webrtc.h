// Answering a WebRTC peer with GStreamer's webrtcbin: who pushes to the hub (WHIP) and who watches (WHEP). The hub has no
// servers for STUN and TURN and offers its own addresses; the answer is whole, so nothing is trickled.
#pragma once

#include <optional>

#include "ccoc/ingest/bridge_wire.h"
#include "gst.h"
#include "offer.h"

namespace ccoc::ingest::bridge {

/// Floating. `unsupported` when GStreamer's plug-ins for it are
/// not installed, or this program was built without them.
Result<GstElement*> make_webrtc_element();

/// Of an element in a running pipeline that is to receive one video and perhaps one audio stream.
/// The answer, after at most a few seconds; `invalid_argument` when what is offered is not understood.
Result<std::string> answer_sender(GstElement* webrtc, const Offer& offer);
/// Of one that sends what comes to its pad, as `video` offers to take it.
Result<std::string> answer_viewer(GstElement* webrtc, const Offer& offer);

/// What the viewer takes best of pictures with this profile (profile_idc, constraint flags and level_idc in 6 hexadecimal
/// digits); nothing when it takes no H.264 in fragments.
std::optional<OfferedVideo> best_for(const Offer& offer, const std::string& profile);

enum class PeerState { connecting, connected, gone };
PeerState state_of(GstElement* webrtc);

}  // namespace ccoc::ingest::bridge
