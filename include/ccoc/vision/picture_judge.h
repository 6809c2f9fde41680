// Whether a camera shows anything: judged from coarse looks at its key frames, one camera's, in order. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "ccoc/base/time.h"
#include "ccoc/vision/snapshot.h"

namespace ccoc::vision {

enum class PictureState {
  unknown,  ///< no picture was looked at lately
  ok,
  black,    ///< nearly all of it is black
  white,    ///< nearly all of it is white
  covered,  ///< nearly all of it is without any detail: covered, turned to a wall, out of focus
  frozen,   ///< frames come, and show the same picture for minutes
};
std::string_view to_string(PictureState state);

/// What one look shows; `ok` or one of the three that a single picture can show. A tenth of the picture may look
/// otherwise, such as the camera's name and clock.
PictureState classify(const Look& look);

/// Whether two pictures are the same but for a twentieth (a clock drawn into them). A still street is not the same twice: its
/// sensor's noise moves the mean of every cell. Where more than four fifths are too dark or too bright for that, it is
/// not known and false.
bool same_picture(const Look& a, const Look& b);

class PictureJudge {
 public:
  explicit PictureJudge(Duration frozen_after) : frozen_after_(frozen_after) {}

  /// A look at the picture taken at `at`; later than the one before.
  void see(const Look& look, UtcTime at);
  /// No picture comes; what is seen next is not compared with what was.
  void lost(UtcTime at);

  PictureState state() const { return state_; }
  UtcTime since() const { return since_; }

 private:
  void enter(PictureState state, UtcTime since);

  const Duration frozen_after_;
  PictureState state_ = PictureState::unknown;
  UtcTime since_;
  std::optional<Look> last_;
  PictureState last_class_ = PictureState::unknown;
  UtcTime last_at_;
  UtcTime class_since_;
  UtcTime same_since_;
  unsigned same_count_ = 0;
};

}  // namespace ccoc::vision
