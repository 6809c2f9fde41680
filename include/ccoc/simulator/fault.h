// How simulated cameras misbehave, and when (docs: faults of cameras and networks). A FaultPlan holds what was asked
// for on the command line; Farm::apply() makes a single fault happen now, for tests and remote control.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::simulator {

enum class FaultKind {
  // Events.
  drop,    ///< the connections are closed in the middle of a frame
  stall,   ///< sockets stay open; nothing is sent or answered for `length`
  reboot,  ///< connections are closed, new ones refused for `length`; then new SSRC, sequence and timestamps from zero
  jump,    ///< RTP timestamps jump by `amount` for good
  stray,   ///< RTP timestamps are off by `amount` for one frame
  behave,  ///< all conditions end
  // Conditions: for `length`, or until `behave`.
  busy,          ///< SETUP is answered with 453
  unauthorized,  ///< every request is answered with 401, whatever the password
  missing,       ///< DESCRIBE is answered with 404
  redirect,      ///< DESCRIBE of main is answered with 302 to sub
  tcponly,       ///< SETUP for UDP is answered with 461
  udponly,       ///< SETUP for TCP is answered with 461
  nokeepalive,   ///< GET_PARAMETER and OPTIONS are answered with 501
  mute,          ///< no request is answered; pictures go on
  nosprop,       ///< the description has no parameter sets
  channels,      ///< frames come on channel `value` and not on the one agreed
  garbage,       ///< text between the frames of a connection
  loss,          ///< `value` % of the packets are left out
  duplicate,     ///< `value` % of the packets come twice
  reorder,       ///< `value` % of the packets come after the next one
  nomarker,      ///< no packet carries the marker bit
  allmarkers,    ///< every packet carries it
  noreports,     ///< no sender reports
  clock,         ///< sender reports tell a time that is off by `amount`
  freeze,        ///< one and the same picture, five times a second
  black,         ///< a black picture, five times a second (H.264)
  drift,         ///< the camera's clock runs `value` ppm too fast
};
std::string_view to_string(FaultKind kind);
/// Lasts, rather than happens.
bool is_condition(FaultKind kind);

struct Fault {
  unsigned camera = 0;  ///< from 1; 0 means every camera
  FaultKind kind = FaultKind::drop;
  Duration at{0};      ///< since the farm started
  Duration length{0};  ///< of stall, reboot and conditions; of these 0: until `behave`
  Duration amount{0};  ///< of jump, stray and clock; may be negative
  double value = 0;    ///< percent, ppm or channel
  Duration every{0};   ///< again after this long; 0: once
};

/// CAMERA:KIND@TIME, then +LENGTH, then =VALUE, then ,every=TIME where they apply: `cam03:drop@10s` ·
/// `cam03:stall@10s+20s` · `cam03:jump@10s=+7200s` · `all:loss@10s+30s=5%` · `cam03:drift@0s=500ppm` ·
/// `cam03:busy@10s+5s,every=30s`. Units ms, s, m, h. `invalid_argument` says what is wrong.
Result<Fault> parse_fault(std::string_view spec);

/// When which fault is due. One thread.
class FaultPlan {
 public:
  void add(const Fault& fault);
  /// When the next one is due, since the start.
  std::optional<Duration> next() const;
  /// Takes what is due at `elapsed`, in order of time; repeated ones are scheduled again.
  std::vector<Fault> take_due(Duration elapsed);

 private:
  std::vector<Fault> faults_;
};

}  // namespace ccoc::simulator
