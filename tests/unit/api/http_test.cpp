#include "ccoc/api/http.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ccoc::api {
namespace {

Request request_for(std::string_view target) {
  Request request;
  EXPECT_TRUE(parse_target(target, request)) << target;
  return request;
}

TEST(Target, is_split_and_decoded) {
  const auto request = request_for("/api/v1/cameras/cam%2D01?from=a%20b&q=%E0%B8%81+x&flag&empty=");
  EXPECT_EQ(request.path, "/api/v1/cameras/cam-01");
  EXPECT_EQ(request.query.get("from"), "a b");
  EXPECT_EQ(request.query.get("q"), "ก x");
  EXPECT_EQ(request.query.get("flag"), "");
  EXPECT_EQ(request.query.get("empty"), "");
  EXPECT_EQ(request.query.get("other"), std::nullopt);
}

TEST(Target, that_is_not_clean_is_refused) {
  for (const std::string_view target :
       {"", "*", "http://x/", "a/b", "/%", "/%4", "/%zz", "/%00", "/a%0d%0ab", "/%ff", "/%c0%af", "/%ed%a0%80", "/../etc/passwd", "/a/..",
        "/a/./b", "/%2e%2e/x", "/a/%2e%2e", "/x?a=%ff", "/x?%zz=1"}) {
    Request request;
    EXPECT_FALSE(parse_target(target, request)) << target;
  }
}

TEST(Target, may_hold_dots_inside_names) { EXPECT_EQ(request_for("/a..b/.c/d..").path, "/a..b/.c/d.."); }

TEST(Headers, are_found_without_case) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.set("content-type", "b");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "b");
  EXPECT_EQ(headers.fields().size(), 1u);
  EXPECT_FALSE(headers.contains("Content"));
}

TEST(Cookie, is_found_among_others) {
  Request request;
  request.headers.add("Cookie", "a=1; ccoc_session=xyz=; b=2");
  EXPECT_EQ(request.cookie("ccoc_session"), "xyz=");
  EXPECT_EQ(request.cookie("session"), "");
  EXPECT_EQ(request.cookie("b"), "2");
}

TEST(Utf8, is_told_from_what_only_looks_like_it) {
  EXPECT_TRUE(is_valid_utf8("ascii ก €\U0001F600"));
  for (const std::string_view bad : {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\xb8"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
}

TEST(Range, of_first_and_last_bytes) {
  EXPECT_EQ(parse_range("bytes=0-9", 100).value(), (ByteRange{0, 10}));
  EXPECT_EQ(parse_range("bytes=90-", 100).value(), (ByteRange{90, 10}));
  EXPECT_EQ(parse_range("bytes=90-1000", 100).value(), (ByteRange{90, 10}));
  EXPECT_EQ(parse_range("bytes=-30", 100).value(), (ByteRange{70, 30}));
  EXPECT_EQ(parse_range("bytes=-300", 100).value(), (ByteRange{0, 100}));
}

TEST(Range, that_lies_outside_is_an_error) {
  for (const std::string_view header : {"bytes=100-", "bytes=100-200", "bytes=-0"}) {
    EXPECT_FALSE(parse_range(header, 100)) << header;
  }
  EXPECT_FALSE(parse_range("bytes=0-0", 0));
}

TEST(Range, that_is_not_understood_is_ignored) {
  for (const std::string_view header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=1-2", "bytes=99999999999999999999-"}) {
    const auto range = parse_range(header, 100);
    ASSERT_TRUE(range) << header;
    EXPECT_EQ(*range, std::nullopt) << header;
  }
}

class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const auto count = std::min(into.size(), text_.size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), text_.data() + offset, count);
    return count;
  }

 private:
  std::string text_;
};

TEST(Source, answers_a_range_with_its_part) {
  Request request;
  request.headers.add("Range", "bytes=2-4");
  const auto response = source_response(request, std::make_shared<TextSource>("0123456789"), "text/plain", "tag");
  EXPECT_EQ(response.status, 206u);
  EXPECT_EQ(response.headers.get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(response.body_size(), 3u);
}

TEST(Source, is_not_sent_again_to_who_has_it) {
  Request request;
  request.headers.add("If-None-Match", "\"other\", \"tag\"");
  const auto response = source_response(request, std::make_shared<TextSource>("0123456789"), "text/plain", "tag");
  EXPECT_EQ(response.status, 304u);
}

TEST(Source, is_sent_whole_when_the_condition_of_a_range_fails) {
  Request request;
  request.headers.add("Range", "bytes=2-4");
  request.headers.add("If-Range", "\"old\"");
  const auto response = source_response(request, std::make_shared<TextSource>("0123456789"), "text/plain", "tag");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body_size(), 10u);
}

TEST(Source, refuses_a_range_behind_its_end) {
  Request request;
  request.headers.add("Range", "bytes=10-");
  const auto response = source_response(request, std::make_shared<TextSource>("0123456789"), "text/plain", "");
  EXPECT_EQ(response.status, 416u);
  EXPECT_EQ(response.headers.get("Content-Range"), "bytes */10");
}

}  // namespace
}  // namespace ccoc::api
