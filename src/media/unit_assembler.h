// Joins NAL units and fragments of one RTP stream to access units: where a picture ends, whether it is whole,
// and which parameter sets are in force. The payload formats (depacketizer_h264, _h265) feed it.
#pragma once

#include "ccoc/media/depacketizer.h"
#include "parameter_sets.h"

namespace ccoc::media {

/// For each packet: begin_packet, any of add_nal / start_fragment / continue_fragment / bad, end_packet.
class UnitAssembler {
 public:
  UnitAssembler(Codec codec, Depacketizer::Sink sink) : codec_(codec), sink_(std::move(sink)), sets_(codec) {}

  ParameterSets& sets() { return sets_; }
  const DepacketizerCounts& counts() const { return counts_; }
  /// For what comes without marker bits: true when flush() ends every unit, false when the next one's beginning does.
  void expect_flush(bool each_unit) { marker_trusted_ = each_unit; }

  void begin_packet(std::uint32_t timestamp);
  /// A whole NAL unit.
  void add_nal(ByteView nal);
  /// The first fragment of a NAL unit: its header, rebuilt, and the bytes after it.
  void start_fragment(ByteView header, ByteView payload);
  /// A later fragment of the unit with this nal_unit_type.
  void continue_fragment(int type, ByteView payload, bool last);
  /// The packet, or the rest of it, makes no sense.
  void bad() { ++counts_.bad_packets; }
  void end_packet(bool marker);

  void lost();
  void flush();

 private:
  void append(ByteView header, ByteView payload);
  void before_nal(ByteView start);
  void note_nal(ByteView nal);
  void add_joined(ByteView nals);
  void close_fragment();
  void break_fragment();
  void finish_unit();
  void deliver();
  void reset_unit();
  void distrust_marker();
  bool begins_unit(ByteView nal) const;
  void give_back_memory();

  Codec codec_;
  Depacketizer::Sink sink_;
  ParameterSets sets_;
  DepacketizerCounts counts_;

  // The unit being joined, as AccessUnit::data, and the fragmented NAL unit at its end.
  Bytes scratch_;
  std::size_t peak_ = 0;  ///< largest unit of late
  unsigned units_since_peak_ = 0;
  bool fragment_open_ = false;
  std::size_t fragment_at_ = 0;  ///< where its length stands in scratch_
  int fragment_type_ = 0;

  std::uint32_t timestamp_ = 0;       ///< of the packet
  std::uint32_t unit_timestamp_ = 0;  ///< of the unit's first slice
  bool any_packet_ = false;
  bool has_picture_ = false;  ///< the unit has a slice
  bool random_access_ = false, recovery_ = false, exact_recovery_ = false, own_sps_ = false;
  bool damaged_ = false;
  bool too_large_ = false;
  bool loss_ = false;           ///< packets are missing right before the next NAL unit
  bool loss_blamed_ = false;    ///< and a unit was marked for it
  bool blame_next_ = false;     ///< whole packets went missing before this unit began
  bool marker_before_ = false;  ///< the packet before this one carried the marker

  // Is the marker bit to be believed?
  bool marker_trusted_ = true;
  bool marker_seen_ = false;
  unsigned good_markers_ = 0;     ///< units of several packets whose last packet alone carried it
  bool ended_by_marker_ = false;  ///< the unit before was, and nothing came since
  std::uint32_t ended_timestamp_ = 0;
  unsigned packets_ = 0, markers_ = 0;  ///< of the unit, counting packets with slices
};

}  // namespace ccoc::media
