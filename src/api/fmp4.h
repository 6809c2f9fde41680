// Access units of one subscription as fragments for MediaSource: one unit a fragment, on a timeline without holes
// (gaps are closed; the 24-byte header tells the wall clock). A fragment goes out when the unit behind it tells
// its duration.
#pragma once

#include <optional>

#include "ccoc/media/access_unit.h"

namespace ccoc::api {

class FragmentMaker {
 public:
  struct Piece {
    SharedBytes init;  ///< of the format the fragment is in
    SharedBytes fragment;
    media::AccessUnitPtr unit;
    std::uint8_t flags = 0;        ///< as given with the unit
    std::int64_t decode_time = 0;  ///< 90 kHz
  };
  /// Takes a unit; gives the piece of the one before.
  std::optional<Piece> push(media::AccessUnitPtr unit, std::uint8_t flags);
  /// The unit that waits, lasting as long as the one before it.
  std::optional<Piece> flush();

 private:
  Piece make(std::int64_t duration);

  media::AccessUnitPtr waiting_;
  std::uint8_t waiting_flags_ = 0;
  media::VideoFormatPtr format_;
  SharedBytes init_;
  std::int64_t next_time_ = 0;
  std::int64_t last_duration_ = 3600;
  std::uint32_t sequence_ = 1;
};

}  // namespace ccoc::api
