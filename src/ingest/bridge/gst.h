// GStreamer's objects as owned values.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace ccoc::ingest::bridge {

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
struct UnrefCaps {
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
};
struct UnrefMessage {
  void operator()(GstMessage* message) const { gst_message_unref(message); }
};
struct Free {
  void operator()(gpointer memory) const { g_free(memory); }
};

using Element = std::unique_ptr<GstElement, UnrefObject>;
using Pad = std::unique_ptr<GstPad, UnrefObject>;
using Caps = std::unique_ptr<GstCaps, UnrefCaps>;
using BusMessage = std::unique_ptr<GstMessage, UnrefMessage>;
using Text = std::unique_ptr<char, Free>;

}  // namespace ccoc::ingest::bridge
