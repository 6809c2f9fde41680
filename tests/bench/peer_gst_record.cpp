// Peer of the hub: GStreamer records cameras in one process, the way its own elements do it.
// usage: bench_gst_record FOLDER rtsp://… rtsp://…
#include <glib-unix.h>
#include <gst/gst.h>

#include <cstdio>
#include <string>

namespace {

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_REMOVE;
}

gboolean on_message(GstBus*, GstMessage* message, gpointer loop) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    std::fprintf(stderr, "%s\n", error->message);
    g_error_free(error);
    return quit(loop);
  }
  return G_SOURCE_CONTINUE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: bench_gst_record FOLDER URL…\n"), 2;
  gst_init(nullptr, nullptr);
  std::string description;
  for (int i = 2; i < argc; ++i) {
    const auto name = std::string(argv[1]) + "/gst-" + std::to_string(i - 1) + "-%03d.mp4";
    description += "rtspsrc protocols=tcp location=" + std::string(argv[i]) +
                   " ! rtph264depay ! h264parse ! splitmuxsink max-size-time=60000000000 location=" + name + "  ";
  }
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(description.c_str(), &error);
  if (pipeline == nullptr) return std::fprintf(stderr, "%s\n", error->message), 1;
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_bus_add_watch(bus, on_message, loop);
  g_unix_signal_add(SIGTERM, quit, loop);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_main_loop_run(loop);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  g_main_loop_unref(loop);
  return 0;
}
