// The measurements: each starts what it needs, adds its figures to the report, and leaves nothing running.
#pragma once

#include "ccoc/base/result.h"
#include "options.h"
#include "report.h"

namespace ccoc::bench {

class HubProcess;
class FarmProcess;

/// The hub recording every camera of the farm: CPU, memory, threads, and no frame lost.
Status measure_recording(const Options& options, Report& report);
/// The hub's ingest at other sizes and by UDP: 60 × 4 Mbit/s by TCP and UDP, 250 and 1000 × 1 Mbit/s.
Status measure_ingest(const Options& options, Report& report);
/// Other recorders under the same farm.
Status measure_peers(const Options& options, Report& report);
/// Viewers of a hub that records: first pictures, added latency, what they cost.
Status measure_viewers(const Options& options, const FarmProcess& farm, HubProcess& hub, Report& report);
/// Many viewers of one camera and some of each, by RTSP and /stream; players beside the recording.
Status measure_fanout(const Options& options, Report& report);
/// Recorded footage of a hub that records: downloads and seeks.
Status measure_playback(const Options& options, HubProcess& hub, Report& report);
/// The hub killed again and again while it records: what that costs, and that the archive is whole.
Status measure_kills(const Options& options, Report& report);
/// Recording in clear and encrypted, in turns.
Status measure_encryption(const Options& options, Report& report);
/// The index alone with as many rows as a month makes: timelines, seeks, batches, retention, size.
Status measure_index(const Options& options, Report& report);
/// Seeks of a hub whose index holds a month of 60 cameras, warm and cold; what files hold beside the pictures.
Status measure_seeks(const Options& options, Report& report);

/// A line for the person who waits.
void say(const std::string& text);
/// A fresh folder below the scratch folder.
std::string fresh_folder(const Options& options, const std::string& name);
void remove_folder(const Options& options, const std::string& folder);

}  // namespace ccoc::bench
