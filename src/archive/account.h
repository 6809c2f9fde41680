// Adds up what became of a stream's time: footage, gaps by cause, and what nobody can explain. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "ccoc/archive/catalog.h"

namespace ccoc::archive {

/// The reason of a gap that is only known because there is nothing.
inline constexpr std::string_view lost_cause = "the cause was lost with the hub's memory";

/// `footage` and `gaps` (whose `to` is set) may overlap each other and reach beyond `due`; footage counts before a gap, an
/// earlier gap before a later one. A hole not longer than `tolerance` belongs to the footage or gap before it.
Account settle(const Span& due, std::vector<Span> footage, std::vector<Gap> gaps, Duration tolerance);

/// Holes longer than `tolerance` between the first and the last of these stretches, in any order.
std::vector<Span> holes_between(std::vector<Span> covered, Duration tolerance);

}  // namespace ccoc::archive
