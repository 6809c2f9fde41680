// ccoc-bridge: receives one stream with GStreamer and hands its pictures and sound to the hub, byte for byte. The hub starts
// it, gives the order (bridge_wire.h) over standard input, and kills it. It parses what strangers send, so it is a process
// of its own, without rights it does not need. `ccoc-bridge --check-sandbox` tries to break out, and exits with 0 when it can't.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "address_guard.h"
#include "pipeline.h"
#include "rtmp_listener.h"
#include "sandbox.h"
#include "viewer.h"

namespace ccoc::ingest::bridge {
namespace {

int check_sandbox() {
  auto checked = lock_down({});
  if (checked) checked = check_locked_down();
  if (!checked) std::fprintf(stderr, "ccoc-bridge: %s\n", checked.error().message.c_str());
  return checked ? 0 : 1;
}

Ended receive(const Start& order, HubLink& hub) {
  const auto url = parse_url(order.url);
  if (!url) return explain(url.error());
  keep_only_elements_for(url->scheme);
  if (url->scheme == "whep") return send_to_viewer(order, hub);
  hub.watch();
  if (url->scheme == "rtmp" && url->listens()) return listen_for_rtmp(*url, hub);
  Timeline timeline;
  for (bool again = false;; again = true) {
    auto plan = make_source_element(*url, order);
    if (!plan) return explain(plan.error());
    const bool file = plan->file;
    Pipeline pipeline(*url, order, *std::move(plan), hub, timeline);
    if (again) pipeline.say_nothing_of_set_up();
    if (auto ended = pipeline.run()) return *std::move(ended);
    if (!file) return {media::GapCause::camera, 0, "the sender ended the stream"};
    timeline.begin_anew();
  }
}

}  // namespace
}  // namespace ccoc::ingest::bridge

int main(int argc, char** argv) {
  using namespace ccoc::ingest::bridge;
  if (argc > 1 && std::strcmp(argv[1], "--check-sandbox") == 0) return check_sandbox();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  HubLink hub;
  const auto order = hub.receive_order();
  g_log_set_writer_func([](GLogLevelFlags, const GLogField*, gsize, gpointer) { return G_LOG_WRITER_HANDLED; }, nullptr, nullptr);
  setpriority(PRIO_PROCESS, 0, 5);  // recording the others comes first
  gst_init(nullptr, nullptr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  dup2(STDOUT_FILENO, STDERR_FILENO);  // else a stranger could fill the hub's log; the sanitizers need it
#endif
  if (const auto locked = lock_down(order.files); !locked) hub.end(explain(locked.error()));
  if (order.refuse_local) refuse_local_addresses();
  hub.end(receive(order, hub));
}
