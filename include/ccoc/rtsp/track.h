// The two kinds of track that are looked at.
#pragma once

namespace ccoc::rtsp {

enum class TrackKind { video, audio };

}  // namespace ccoc::rtsp
