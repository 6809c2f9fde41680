// Sound that a viewer does not take as it came, made into Opus: a pipeline of its own, so that nothing that fails in it reaches
// the pictures.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ccoc/ingest/bridge_wire.h"
#include "gst.h"

namespace ccoc::ingest::bridge {

/// Decoded, at most two channels of it, and coded with 48 kHz in frames of 20 ms. Used by one thread.
class SoundConverter {
 public:
  /// Given each frame as it is made, on another thread; owns it.
  using Made = std::function<void(GstBuffer*)>;

  /// Nothing when all that is needed for this codec is installed; else a sentence.
  static std::string missing_for(media::AudioCodec codec);

  /// For sounds that are described as this one is.
  SoundConverter(const Sound& first, Made made);
  ~SoundConverter();
  SoundConverter(const SoundConverter&) = delete;
  SoundConverter& operator=(const SoundConverter&) = delete;

  bool is_for(const Sound& sound) const;
  /// What comes faster than it can be made loses its oldest. False when it cannot be decoded: from then on nothing is made.
  bool push(const Sound& sound, GstClockTime time);

 private:
  void build();

  const media::AudioCodec codec_;
  const std::uint32_t rate_, channels_;
  const Bytes config_;
  const Made made_;
  Element pipeline_;
  GstElement* source_ = nullptr;  ///< null: it could not be built
};

/// A copy of the sound's bytes, to be presented at that time.
GstBuffer* make_buffer(const Sound& sound, GstClockTime time);

}  // namespace ccoc::ingest::bridge
