#include <gtest/gtest.h>

#include "ccoc/api/web_socket.h"

namespace ccoc::api {
namespace {

OutUnit unit(std::uint8_t flags, std::size_t size, std::int64_t time = 0) {
  return OutUnit{flags, time, time, std::make_shared<const Bytes>(size), nullptr};
}

UnitHeader header_of(const OutMessage& message) { return decode_unit_header(message.header).value(); }

/// Takes everything; the headers of the binary messages.
std::vector<UnitHeader> drain(Outbox& outbox) {
  std::vector<UnitHeader> out;
  while (auto message = outbox.take()) {
    if (message->binary) out.push_back(header_of(*message));
  }
  return out;
}

TEST(UnitHeader, has_its_fields_where_the_contract_says) {
  const auto bytes = encode({.flags = 9, .id = 0x0102, .sequence = 0x03040506, .capture_us = 0x0708090a0b0c0d0e, .media_time = -2});
  const std::array<std::uint8_t, 24> expected{1,  9,  1,  2,  3,    4,    5,    6,    7,    8,    9,    10,
                                              11, 12, 13, 14, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
  EXPECT_EQ(bytes, expected);
}

TEST(UnitHeader, comes_back_as_it_went) {
  const UnitHeader header{.flags = 3, .id = 65535, .sequence = 4'000'000'000, .capture_us = -1, .media_time = 1LL << 60};
  EXPECT_EQ(decode_unit_header(encode(header)), header);
  EXPECT_EQ(decode_unit_header(Bytes(23)), std::nullopt);
  EXPECT_EQ(decode_unit_header(Bytes(24)), std::nullopt) << "version 0";
}

TEST(Outbox, gives_what_was_put_in_order_and_counts_per_subscription) {
  Outbox outbox;
  outbox.send_text("hello");
  outbox.put(1, unit(unit_flags::key, 10));
  outbox.put(2, unit(unit_flags::key, 10));
  outbox.put(1, unit(0, 10));
  EXPECT_EQ(outbox.take()->text, "hello");
  const auto headers = drain(outbox);
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0].id, 1);
  EXPECT_EQ(headers[0].sequence, 0u);
  EXPECT_EQ(headers[1].id, 2);
  EXPECT_EQ(headers[1].sequence, 0u);
  EXPECT_EQ(headers[2].sequence, 1u);
  EXPECT_EQ(outbox.waiting_bytes(), 0u);
}

TEST(Outbox, lets_a_slow_viewer_go_on_at_the_next_key_unit) {
  Outbox outbox({.media_bytes = 1000, .hard_bytes = 4000, .subscription_bytes = 500, .text_bytes = 1000});
  EXPECT_EQ(outbox.put(1, unit(unit_flags::key, 300, 1)), Outbox::Put::queued);
  EXPECT_EQ(outbox.put(1, unit(0, 100, 2)), Outbox::Put::queued);
  EXPECT_EQ(outbox.put(1, unit(0, 100, 3)), Outbox::Put::dropped);
  EXPECT_EQ(outbox.put(1, unit(0, 1, 4)), Outbox::Put::dropped) << "cannot be decoded without the one before";
  EXPECT_EQ(outbox.put(1, unit(unit_flags::key, 300, 5)), Outbox::Put::resumed);
  const auto headers = drain(outbox);
  ASSERT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers[0].media_time, 5);
  EXPECT_EQ(headers[0].flags, unit_flags::key | unit_flags::skipped);
}

TEST(Outbox, keeps_what_can_be_decoded_while_it_drops) {
  Outbox outbox({.media_bytes = 1000, .hard_bytes = 4000, .subscription_bytes = 500, .text_bytes = 1000});
  outbox.put(1, unit(unit_flags::key, 300, 1));
  outbox.put(1, unit(0, 300, 2));
  const auto headers = drain(outbox);
  ASSERT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers[0].media_time, 1);
}

TEST(Outbox, takes_a_first_key_unit_of_any_reasonable_size) {
  Outbox outbox({.media_bytes = 1000, .hard_bytes = 4000, .subscription_bytes = 500, .text_bytes = 1000});
  EXPECT_EQ(outbox.put(1, unit(unit_flags::key, 3000)), Outbox::Put::queued);
  EXPECT_EQ(outbox.put(2, unit(unit_flags::key, 3000)), Outbox::Put::dropped) << "beyond the hard limit";
}

TEST(Outbox, is_bounded_whatever_is_put) {
  const OutboxLimits limits{.media_bytes = 100'000, .hard_bytes = 300'000, .subscription_bytes = 50'000, .text_bytes = 1000};
  Outbox outbox(limits);
  for (int i = 0; i < 10'000; ++i) {
    outbox.put(static_cast<std::uint16_t>(i % 64), unit(i % 25 == 0 ? unit_flags::key : std::uint8_t{0}, 3000));
    ASSERT_LE(outbox.waiting_bytes(), limits.hard_bytes);
  }
}

TEST(Outbox, spares_those_who_keep_up) {
  Outbox outbox({.media_bytes = 100'000, .hard_bytes = 300'000, .subscription_bytes = 5000, .text_bytes = 1000});
  for (int i = 0; i < 20; ++i) outbox.put(1, unit(i == 0 ? unit_flags::key : std::uint8_t{0}, 1000));
  EXPECT_EQ(outbox.put(2, unit(unit_flags::key, 1000)), Outbox::Put::queued);
}

TEST(Outbox, sends_an_initialization_segment_once_and_again_when_it_changes) {
  Outbox outbox;
  const auto first = std::make_shared<const Bytes>(Bytes{1});
  const auto second = std::make_shared<const Bytes>(Bytes{2});
  auto with = [](SharedBytes init, std::uint8_t flags) { return OutUnit{flags, 0, 0, std::make_shared<const Bytes>(5), std::move(init)}; };
  outbox.put(1, with(first, unit_flags::key));
  outbox.put(1, with(first, 0));
  outbox.put(1, with(second, unit_flags::key));
  const auto headers = drain(outbox);
  ASSERT_EQ(headers.size(), 5u);
  EXPECT_EQ(headers[0].flags, unit_flags::initialization);
  EXPECT_EQ(headers[1].flags, unit_flags::key);
  EXPECT_EQ(headers[2].flags, 0);
  EXPECT_EQ(headers[3].flags, unit_flags::initialization);
  EXPECT_EQ(headers[4].sequence, 4u);
}

TEST(Outbox, forgets_a_subscription_on_demand) {
  Outbox outbox;
  outbox.put(1, unit(unit_flags::key, 10));
  drain(outbox);
  outbox.put(1, unit(0, 10));
  outbox.clear(1, true);
  EXPECT_EQ(outbox.waiting_bytes(), 0u);
  outbox.put(1, unit(unit_flags::key, 10));
  EXPECT_EQ(drain(outbox).at(0).sequence, 0u);
}

TEST(Outbox, hangs_up_on_who_reads_no_answers) {
  Outbox outbox({.media_bytes = 1000, .hard_bytes = 4000, .subscription_bytes = 500, .text_bytes = 100});
  outbox.send_text(std::string(80, 'x'));
  EXPECT_FALSE(outbox.closing());
  outbox.send_text(std::string(80, 'x'));
  ASSERT_TRUE(outbox.closing());
  EXPECT_EQ(outbox.closing()->code, 1008);
  EXPECT_EQ(outbox.waiting_bytes(), 0u);
  EXPECT_EQ(outbox.put(1, unit(unit_flags::key, 1)), Outbox::Put::closed);
}

TEST(Outbox, wakes_the_taker_once_per_emptiness) {
  Outbox outbox;
  int calls = 0;
  outbox.on_ready([&] { ++calls; });
  EXPECT_EQ(calls, 0);
  outbox.send_text("a");
  outbox.send_text("b");
  EXPECT_EQ(calls, 1);
  while (outbox.take()) {
  }
  outbox.send_text("c");
  EXPECT_EQ(calls, 2);
  outbox.take();
  outbox.take();
  outbox.close(1000, "");
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace ccoc::api
