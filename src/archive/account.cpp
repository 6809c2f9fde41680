#include "account.h"

#include <algorithm>

namespace ccoc::archive {
namespace {

constexpr std::size_t most_holes = 100;

/// One stretch with what it is: a gap, or footage where `gap` is null.
struct Piece {
  Span span;
  const Gap* gap = nullptr;
};

/// What of `gap` no footage covers. `footage` is sorted and does not overlap.
void cut_out(const Gap& gap, const std::vector<Span>& footage, std::vector<Piece>& pieces) {
  auto from = gap.from;
  auto it = std::ranges::upper_bound(footage, from, {}, &Span::to);
  for (; it != footage.end() && it->from < *gap.to; ++it) {
    if (it->from > from) pieces.push_back({{from, it->from}, &gap});
    from = std::max(from, it->to);
  }
  if (from < *gap.to) pieces.push_back({{from, *gap.to}, &gap});
}

std::vector<Span> united(std::vector<Span> spans) {
  std::ranges::sort(spans, {}, &Span::from);
  std::vector<Span> out;
  for (const auto& span : spans) {
    if (!out.empty() && span.from <= out.back().to) {
      out.back().to = std::max(out.back().to, span.to);
    } else {
      out.push_back(span);
    }
  }
  return out;
}

}  // namespace

Account settle(const Span& due, std::vector<Span> footage, std::vector<Gap> gaps, Duration tolerance) {
  Account account;
  account.from = due.from;
  account.to = std::max(due.from, due.to);
  footage = united(std::move(footage));
  std::vector<Piece> pieces;
  for (const auto& span : footage) pieces.push_back({span, nullptr});
  for (const auto& gap : gaps) cut_out(gap, footage, pieces);
  std::ranges::stable_sort(pieces, {}, [](const Piece& p) { return p.span.from; });
  const auto book = [&](const Gap* gap, Duration length) {
    if (gap == nullptr) {
      account.footage += length;
    } else if (gap->cause == media::GapCause::disabled) {
      account.disabled += length;
    } else {
      account.gaps[gap->cause] += length;
    }
  };
  const auto leave_hole = [&](const Piece* before, UtcTime from, UtcTime to) {
    if (to <= from) return;
    if (before != nullptr && to - from <= tolerance) return book(before->gap, to - from);
    account.unexplained += to - from;
    if (account.holes.size() < most_holes) account.holes.push_back({from, to});
  };
  auto reached = due.from;
  const Piece* before = nullptr;
  for (const auto& piece : pieces) {
    const auto from = std::max(piece.span.from, reached), to = std::min(piece.span.to, due.to);
    if (to <= from) continue;
    leave_hole(before, reached, from);
    book(piece.gap, to - from);
    reached = to;
    before = &piece;
  }
  leave_hole(before, reached, due.to);
  return account;
}

std::vector<Span> holes_between(std::vector<Span> covered, Duration tolerance) {
  const auto spans = united(std::move(covered));
  std::vector<Span> holes;
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].from - spans[i - 1].to > tolerance) holes.push_back({spans[i - 1].to, spans[i].from});
  }
  return holes;
}

}  // namespace ccoc::archive
