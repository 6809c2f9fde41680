// The sound of one viewer, on its way from the hub to his section of audio.
#pragma once

#include <memory>
#include <string>

#include "hub_link.h"
#include "offer.h"
#include "sound_converter.h"

namespace ccoc::ingest::bridge {

/// As it came where he is sent that, else converted to Opus. What goes wrong is told to the hub once; then he hears nothing.
class ViewerSound {
 public:
  ViewerSound(OfferedSound wanted, HubLink& hub) : wanted_(std::move(wanted)), hub_(hub) {}

  /// What the payloader is given, and its name.
  const char* caps() const;
  const char* payloader() const;
  const OfferedSound& wanted() const { return wanted_; }
  /// The appsrc in front of the payloader; before the first take().
  void plug(GstElement* source);
  /// `time`: of its first sample, on the pipeline's clock. Never waits. On one thread.
  void take(const Sound& sound, GstClockTime time);

 private:
  bool goes_as_it_is(const Sound& sound) const;
  bool convert(const Sound& sound, GstClockTime time);
  void fall_silent(const std::string& why);

  const OfferedSound wanted_;
  HubLink& hub_;
  GstElement* source_ = nullptr;
  std::unique_ptr<SoundConverter> converter_;
  bool silent_ = false;
};

}  // namespace ccoc::ingest::bridge
