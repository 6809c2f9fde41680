#include "ccoc/base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace ccoc::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, are_told_in_prometheus_text_format) {
  Registry registry;
  registry.counter("ccoc_frames_total", "Frames received", {{"camera", "cam01"}, {"stream", "main"}}).add(3);
  registry.counter("ccoc_frames_total", "Frames received", {{"camera", "cam02"}, {"stream", "main"}}).add(4);
  registry.gauge("ccoc_cameras", "Cameras that are live").set(1.5);
  EXPECT_EQ(registry.expose(),
            "# HELP ccoc_cameras Cameras that are live\n"
            "# TYPE ccoc_cameras gauge\n"
            "ccoc_cameras 1.5\n"
            "# HELP ccoc_frames_total Frames received\n"
            "# TYPE ccoc_frames_total counter\n"
            "ccoc_frames_total{camera=\"cam01\",stream=\"main\"} 3\n"
            "ccoc_frames_total{camera=\"cam02\",stream=\"main\"} 4\n");
}

TEST(Metrics, the_same_name_and_labels_are_the_same_series) {
  Registry registry;
  auto& first = registry.counter("ccoc_x_total", "X", {{"a", "b"}});
  EXPECT_EQ(&first, &registry.counter("ccoc_x_total", "X", {{"a", "b"}}));
  EXPECT_NE(&first, &registry.counter("ccoc_x_total", "X", {{"a", "c"}}));
}

TEST(Metrics, label_values_cannot_break_the_format) {
  Registry registry;
  registry.gauge("ccoc_x", "line\nbreak \\", {{"name", "a\"} 1\nccoc_forged 1\\"}}).set(0);
  EXPECT_EQ(registry.expose(),
            "# HELP ccoc_x line\\nbreak \\\\\n# TYPE ccoc_x gauge\n"
            "ccoc_x{name=\"a\\\"} 1\\nccoc_forged 1\\\\\"} 0\n");
}

TEST(Metrics, a_histogram_counts_up_to_and_including_each_bound) {
  Registry registry;
  auto& histogram = registry.histogram("ccoc_wait_seconds", "Wait", {0.5, 1});
  for (const double value : {0.25, 0.5, 0.75, 2.0}) histogram.observe(value);
  EXPECT_THAT(registry.expose(), HasSubstr("ccoc_wait_seconds_bucket{le=\"0.5\"} 2\n"
                                           "ccoc_wait_seconds_bucket{le=\"1\"} 3\n"
                                           "ccoc_wait_seconds_bucket{le=\"+Inf\"} 4\n"
                                           "ccoc_wait_seconds_sum 3.5\n"
                                           "ccoc_wait_seconds_count 4\n"));
}

TEST(Metrics, numbers_that_are_none_have_their_names) {
  Registry registry;
  registry.gauge("ccoc_a", "A").set(std::numeric_limits<double>::infinity());
  registry.gauge("ccoc_b", "B").set(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(registry.expose(), HasSubstr("ccoc_a +Inf\n"));
  EXPECT_THAT(registry.expose(), HasSubstr("ccoc_b NaN\n"));
}

TEST(Metrics, a_collector_speaks_until_its_token_is_gone) {
  Registry registry;
  auto token = registry.add_collector([](Exposition& to) { to.gauge("ccoc_live", "Live", {{"camera", "cam07"}}, 1); });
  EXPECT_THAT(registry.expose(), HasSubstr("ccoc_live{camera=\"cam07\"} 1\n"));
  token.reset();
  EXPECT_THAT(registry.expose(), Not(HasSubstr("cam07")));
}

TEST(Metrics, no_increment_of_any_thread_is_lost) {
  Registry registry;
  auto& counter = registry.counter("ccoc_n_total", "N");
  auto& histogram = registry.histogram("ccoc_h", "H", {10});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 10'000; ++n) {
          counter.add();
          histogram.observe(1);
        }
      });
    }
  }
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_EQ(histogram.count(0), 40'000U);
  EXPECT_DOUBLE_EQ(histogram.sum(), 40'000);
}

TEST(MetricsDeathTest, one_name_with_two_types_is_a_broken_invariant) {
  Registry registry;
  registry.counter("ccoc_x_total", "X");
  EXPECT_DEATH(registry.gauge("ccoc_x_total", "X"), "two types");
  EXPECT_DEATH(registry.gauge("ccoc x", "X"), "letters");
}

}  // namespace
}  // namespace ccoc::metrics
