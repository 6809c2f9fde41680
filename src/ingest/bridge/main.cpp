// ccoc-bridge: receives one stream with GStreamer and hands its pictures and sound to the hub, byte for byte. The hub starts
// it, gives the order (bridge_wire.h) over standard input, and kills it. It parses what strangers send, so it is a process
// of its own, without rights it does not need.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "address_guard.h"
#include "pipeline.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr rlim_t max_memory = 1024ull * 1024 * 1024;

void die_with_the_hub() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) _exit(0);
}

/// After GStreamer has read, and perhaps written, its list of plug-ins.
void give_up_rights() {
  const auto limit = [](auto resource, rlim_t value) {
    const rlimit both{value, value};
    setrlimit(resource, &both);
  };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);  // no core file may hold what a camera saw
  limit(RLIMIT_FSIZE, 0);
  std::signal(SIGXFSZ, SIG_IGN);  // a write to a file fails, and that is all
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_DATA, max_memory);  // the sanitizers' shadow memory needs terabytes
  dup2(STDOUT_FILENO, STDERR_FILENO);  // else a stranger could fill the hub's log; the sanitizers need it
#endif
}

Ended receive(const Start& order, HubLink& hub) {
  const auto url = parse_url(order.url);
  if (!url) return explain(url.error());
  keep_only_elements_for(url->scheme);
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

int main() {
  using namespace ccoc::ingest::bridge;
  die_with_the_hub();
  HubLink hub;
  const auto order = hub.receive_order();
  g_log_set_writer_func([](GLogLevelFlags, const GLogField*, gsize, gpointer) { return G_LOG_WRITER_HANDLED; }, nullptr, nullptr);
  setpriority(PRIO_PROCESS, 0, 5);  // recording the others comes first
  gst_init(nullptr, nullptr);
  give_up_rights();
  if (order.refuse_local) refuse_local_addresses();
  hub.end(receive(order, hub));
}
