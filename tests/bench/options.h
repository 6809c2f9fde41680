// What a run measures and where.
#pragma once

#include <string>

namespace ccoc::bench {

struct Options {
  std::string mode = "all";  ///< record, peers, ingest, latency, fanout, playback, seeks, index, archive, kills, encryption, all
  int cameras = 60;
  int seconds = 60;             ///< of each recording measurement
  int warm_up_s = 14;           ///< before it
  int runs = 2;                 ///< of the hub's recording, so that the noise shows
  int kills = 100;              ///< of the hub, in "kills"
  long long rows = 43'200'000;  ///< of the index
  std::string index;            ///< URL of a database with the rows of an earlier run; empty: they are made
  bool peers = true;
  bool encrypted = false;   ///< the hub writes its footage encrypted
  bool udp = false;         ///< the hub asks for RTP by UDP
  bool sub_streams = true;  ///< the hub takes them too; peers never do
  std::string main_clip;    ///< Annex B file that every camera plays; empty: the simulator's own clips
  std::string program;      ///< ccoc
  std::string tools;        ///< folder of the benchmark's own programs
  std::string clips;        ///< cache of the simulated cameras' clips; empty: the simulator's default
  std::string work;         ///< scratch folder, emptied
  std::string document;     ///< the table goes here, between its markers; empty: only printed
  std::string only;         ///< of the fan-out: cases whose name holds this
  bool keep = false;        ///< leave the scratch folder
};

}  // namespace ccoc::bench
