// The model disk, linked into this program.
#include "sim/sim_disk.cpp"   // NOLINT
#include "sim/write_log.cpp"  // NOLINT
