// The model disk and the simulated world, linked into this program.
#include "sim/sim_disk.cpp"   // NOLINT
#include "sim/sim_world.cpp"  // NOLINT
