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
  drop,    ///< the connections are closed in the middle of a frame
  stall,   ///< sockets stay open; nothing is sent or answered for `length`
  reboot,  ///< connections are closed, new ones refused for `length`; then new SSRC, sequence and timestamps from zero
  jump,    ///< RTP timestamps jump by `amount` for good
  stray,   ///< RTP timestamps are off by `amount` for one frame
};
std::string_view to_string(FaultKind kind);

struct Fault {
  unsigned camera = 0;  ///< from 1; 0 means every camera
  FaultKind kind = FaultKind::drop;
  Duration at{0};      ///< since the farm started
  Duration length{0};  ///< of stall and reboot
  Duration amount{0};  ///< of jump and stray; may be negative
  Duration every{0};   ///< again after this long; 0: once
};

/// `cam03:drop@10s` · `cam03:stall@10s+20s` · `cam03:reboot@10s+5s` · `cam03:jump@10s=+7200s` · `all:stray@10s=-60s`, each
/// with `,every=30s` behind it if it comes again. Units ms, s, m, h. `invalid_argument` says what is wrong.
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
