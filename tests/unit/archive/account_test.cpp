#include "../../../src/archive/account.h"

#include <gtest/gtest.h>

#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;
using media::GapCause;

const UtcTime noon = at("2026-11-24T12:00:00.000Z");
UtcTime second(double s) { return noon + Duration{static_cast<std::int64_t>(s * 1e6)}; }
Span span(double from, double to) { return {second(from), second(to)}; }
Gap gap(double from, double to, GapCause cause) { return {cam01, second(from), second(to), cause, {}}; }
constexpr Duration half = milliseconds{500};

Duration sum_of(const Account& account) {
  auto sum = account.footage + account.unexplained;
  for (const auto& [cause, length] : account.gaps) sum += length;
  return sum;
}

TEST(Account, adds_footage_and_gaps_up_to_what_was_due) {
  const auto account = settle(span(0, 100), {span(0, 40), span(60, 100)}, {gap(40, 60, GapCause::camera)}, half);
  EXPECT_EQ(account.due(), seconds{100});
  EXPECT_EQ(account.footage, seconds{80});
  EXPECT_EQ(account.gaps.at(GapCause::camera), seconds{20});
  EXPECT_EQ(account.unexplained, Duration{0});
}

TEST(Account, says_what_nothing_explains) {
  const auto account = settle(span(0, 100), {span(10, 40), span(70, 90)}, {gap(40, 60, GapCause::hub)}, half);
  EXPECT_EQ(account.unexplained, seconds{30});
  EXPECT_EQ(account.holes, (std::vector{span(0, 10), span(60, 70), span(90, 100)}));
  EXPECT_EQ(sum_of(account), account.due());
}

TEST(Account, counts_time_once_however_much_overlaps) {
  const auto account = settle(span(0, 100), {span(0, 50), span(20, 60), span(80, 200)},
                              {gap(-10, 5, GapCause::disk), gap(55, 70, GapCause::camera), gap(65, 85, GapCause::network)}, half);
  EXPECT_EQ(account.footage, seconds{80});
  EXPECT_EQ(account.gaps.at(GapCause::camera), seconds{10});
  EXPECT_EQ(account.gaps.at(GapCause::network), seconds{10});
  EXPECT_FALSE(account.gaps.contains(GapCause::disk));
  EXPECT_EQ(sum_of(account), account.due());
}

TEST(Account, leaves_out_what_was_switched_off) {
  const auto account = settle(span(0, 100), {span(0, 40)}, {gap(40, 100, GapCause::disabled)}, half);
  EXPECT_EQ(account.disabled, seconds{60});
  EXPECT_EQ(account.due(), seconds{40});
  EXPECT_EQ(sum_of(account), account.due());
}

TEST(Account, gives_a_hole_within_the_tolerance_to_what_was_before) {
  const auto account = settle(span(0, 100), {span(0, 40), span(40.5, 70)}, {gap(70.2, 99.8, GapCause::camera)}, half);
  EXPECT_EQ(account.footage, Duration{70'200'000});
  EXPECT_EQ(account.gaps.at(GapCause::camera), Duration{29'800'000});
  EXPECT_EQ(account.unexplained, Duration{0});
}

TEST(Account, of_an_archive_begins_with_the_oldest_footage_and_ends_with_what_is_written) {
  ArchiveLife life(at("2026-11-24T05:00:00.000Z"));
  life.boot();
  life.archive->step();
  EXPECT_EQ(life.archive->catalog().account(cam01, noon, noon).error().field, "to");
  const auto nothing = life.archive->catalog().account(cam01, at("2026-11-24T05:00:00.000Z"), noon).value();
  EXPECT_EQ(nothing.due(), Duration{0});
  auto recorder = life.archive->record(cam01).value();
  Camera camera(life.clock.utc_now());
  const auto record = [&](Duration length) {
    const auto end = life.clock.utc_now() + length;
    while (life.clock.utc_now() < end) {
      camera.run_until(life.clock.utc_now() + seconds{1}, *recorder);
      life.clock.advance(seconds{1});
      life.archive->step();
    }
  };
  record(seconds{100});
  recorder->on_interrupted(GapCause::camera, "unplugged");
  life.clock.advance(seconds{30});
  life.archive->step();
  const auto lasting = life.archive->catalog().account(cam01, at("2026-11-24T04:00:00.000Z"), noon).value();
  EXPECT_EQ(lasting.from, at("2026-11-24T05:00:00.000Z"));
  EXPECT_EQ(lasting.to, at("2026-11-24T05:02:10.000Z"));
  EXPECT_EQ(lasting.footage, seconds{100});
  EXPECT_EQ(lasting.gaps.at(GapCause::camera), seconds{30});
  camera.restart(life.clock.utc_now());
  record(seconds{50});
  const auto after = life.archive->catalog().account(cam01, at("2026-11-24T05:00:30.000Z"), noon).value();
  EXPECT_EQ(after.from, at("2026-11-24T05:00:30.000Z"));
  EXPECT_EQ(after.gaps.at(GapCause::camera), seconds{30});
  EXPECT_EQ(after.unexplained, Duration{0});
  EXPECT_EQ(sum_of(after), after.due());
}

}  // namespace
}  // namespace ccoc::archive
