// What a worker answers is untrusted: it may have been taken over by the picture it decoded.
#include "../../../src/vision/answers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "unit/media/streams.h"

namespace ccoc::vision {
namespace {

Bytes unit_bytes(std::int64_t id, std::uint32_t size, ByteView body) {
  const UnitHead head{id, size, 1};
  Bytes out(sizeof head);
  std::memcpy(out.data(), &head, sizeof head);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

TEST(WorkerAnswers, of_another_kind_or_none_are_refused) {
  EXPECT_EQ(body_of({}, AnswerKind::look).error().code, ErrorCode::unavailable);
  EXPECT_EQ(body_of({0, 1, 2}, AnswerKind::look).error().code, ErrorCode::unavailable);
  EXPECT_EQ(body_of({9, 1, 2}, AnswerKind::look).error().code, ErrorCode::unavailable);
  EXPECT_EQ(body_of({2, 1, 2}, AnswerKind::look).value(), (Bytes{1, 2}));
}

TEST(WorkerAnswers, bring_no_control_characters_and_no_novels_into_logs) {
  Bytes answer{1};
  for (int i = 0; i < 10'000; ++i) answer.push_back(static_cast<std::uint8_t>(i));
  const auto error = body_of(std::move(answer), AnswerKind::jpeg).error();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_LE(error.message.size(), 300u);
  for (const char c : error.message) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(WorkerAnswers, with_a_look_of_another_size_or_without_sense_are_refused) {
  LookHead head{640, 360, 100, 20};
  Bytes body(sizeof head + look_cells * 2);
  std::memcpy(body.data(), &head, sizeof head);
  EXPECT_TRUE(parse_look(body));
  EXPECT_FALSE(parse_look(ByteView(body).first(body.size() - 1)));
  const auto with = [&](LookHead changed) {
    std::memcpy(body.data(), &changed, sizeof changed);
    return parse_look(body).has_value();
  };
  EXPECT_FALSE(with({0, 360, 100, 20}));
  EXPECT_FALSE(with({640, 90'000, 100, 20}));
  EXPECT_FALSE(with({640, 360, std::numeric_limits<float>::quiet_NaN(), 20}));
  EXPECT_FALSE(with({640, 360, 100, -1}));
}

TEST(WorkerAnswers, with_units_whose_lengths_do_not_add_up_are_refused) {
  const Bytes body{0, 0, 0, 1, 0x65, 1, 2, 3};
  auto two = unit_bytes(1, 8, body);
  const auto second = unit_bytes(2, 8, body);
  two.insert(two.end(), second.begin(), second.end());
  ASSERT_EQ(parse_units(two).value().size(), 2u);
  EXPECT_FALSE(parse_units(ByteView(two).first(two.size() - 1)));
  EXPECT_FALSE(parse_units(unit_bytes(1, 0, {})));
  EXPECT_FALSE(parse_units(unit_bytes(1, 0xffffffff, body)));
  Bytes many;
  for (int i = 0; i < 100; ++i) many.insert(many.end(), second.begin(), second.end());
  EXPECT_FALSE(parse_units(many));
}

TEST(WorkerAnswers, of_any_bytes_never_become_a_picture_without_parameter_sets) {
  std::mt19937 random(4);
  media::VideoFormatPtr format;
  for (int round = 0; round < 5000; ++round) {
    Bytes noise(1 + random() % 400);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 2);
    const auto units = parse_units(noise);
    EXPECT_TRUE(!units || units->size() <= 64);
    const auto data = take_h264(noise, format);
    if (data) {
      ASSERT_TRUE(format);
      EXPECT_TRUE(media::for_each_nal(**data, [](ByteView) {}));
    }
  }
  EXPECT_FALSE(take_h264(Bytes{0, 0, 0, 1, 0x65, 1, 2, 3}, format = nullptr));
}

}  // namespace
}  // namespace ccoc::vision
