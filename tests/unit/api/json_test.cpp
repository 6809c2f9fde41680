#include "../../../src/api/json.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace ccoc::api {
namespace {

namespace json = boost::json;

Request with_body(std::string body, std::string type = "application/json") {
  Request request;
  request.headers.add("Content-Type", std::move(type));
  request.body = std::move(body);
  return request;
}

TEST(JsonText, writes_plain_numbers_and_escapes_what_must_be) {
  EXPECT_EQ(to_text(json::value{{"lat", 18.79543}, {"n", -3}, {"t", "a\"\\\n"}, {"u", nullptr}, {"b", json::array{true}}}),
            R"({"lat":18.79543,"n":-3,"t":"a\"\\\u000a","u":null,"b":[true]})");
}

TEST(JsonText, mends_what_is_no_utf8) {
  EXPECT_EQ(to_text(json::value(std::string("a\xff\xe0\xb8z"))), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
  EXPECT_EQ(to_text(json::value(std::string("ก"))), "\"ก\"");
}

TEST(JsonText, has_no_word_for_what_is_no_number) { EXPECT_EQ(to_text(json::value(std::numeric_limits<double>::quiet_NaN())), "null"); }

TEST(Body, that_is_malformed_is_400) {
  for (const std::string body : {"", "{", "{\"a\":}", "{\"a\":\"\xff\"}", "[1,]", "nul", "{\"a\":NaN}"}) {
    const auto value = parse_body(with_body(body));
    ASSERT_FALSE(value) << body;
    EXPECT_EQ(value.error().status, 400u);
    EXPECT_EQ(value.error().type, "/problems/malformed");
  }
}

TEST(Body, that_nests_too_deep_is_400) {
  const auto value = parse_body(with_body(std::string(1000, '[') + std::string(1000, ']')));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().status, 400u);
}

TEST(Body, of_another_type_is_415) {
  const auto value = parse_body(with_body("{}", "application/x-www-form-urlencoded"));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().status, 415u);
  EXPECT_TRUE(parse_body(with_body("{}", "application/json; charset=utf-8")));
}

TEST(Fields, are_all_judged_at_once) {
  const auto value = json::parse(R"({"name":5,"count":1.5,"flag":"yes","at":"yesterday","more":1})");
  FieldReader fields(value);
  EXPECT_FALSE(fields.text("name", {1, 10}, true));
  EXPECT_FALSE(fields.integer("count", 0, 10, true));
  EXPECT_FALSE(fields.boolean("flag", false));
  EXPECT_FALSE(fields.time("at", false));
  EXPECT_FALSE(fields.text("missing", {1, 10}, true));
  EXPECT_FALSE(fields.finish());
  std::vector<std::string> names;
  for (const auto& error : fields.take_errors()) names.push_back(error.field);
  EXPECT_EQ(names, (std::vector<std::string>{"name", "count", "flag", "at", "missing", "more"}));
}

TEST(Fields, count_characters_and_not_bytes) {
  const auto value = json::parse(R"({"name":"กขค"})");
  FieldReader fields(value);
  EXPECT_EQ(fields.text("name", {1, 3}, true), "กขค");
  EXPECT_TRUE(fields.finish());
}

TEST(Fields, of_something_else_than_an_object) {
  const auto value = json::parse("[1]");
  FieldReader fields(value);
  EXPECT_FALSE(fields.text("name", {1, 3}, false));
  EXPECT_FALSE(fields.finish());
}

TEST(QueryFields, are_judged_together) {
  Request request;
  ASSERT_TRUE(parse_target("/t?limit=0&from=x&stream=third&dry=maybe", request));
  QueryReader query(request.query);
  EXPECT_FALSE(query.integer("limit", 1, 500));
  EXPECT_FALSE(query.time("from", true));
  EXPECT_FALSE(query.time("to", true));
  EXPECT_EQ(query.choice("stream", {"main", "sub"}), "main");
  EXPECT_FALSE(query.boolean("dry"));
  const auto refusal = query.refusal(request);
  EXPECT_EQ(refusal.status, 422u);
  const auto problem = json::parse(std::get<std::string>(refusal.body));
  EXPECT_EQ(problem.at("errors").as_array().size(), 5u);
  EXPECT_EQ(problem.at("type").as_string(), "/problems/invalid");
}

TEST(Problem, keeps_the_inside_inside) {
  const auto problem = to_problem(Error{ErrorCode::internal, "relation \"secret\" does not exist", {}});
  EXPECT_EQ(problem.status, 500u);
  EXPECT_EQ(problem.json().find("secret"), std::string::npos);
}

TEST(Problem, says_when_to_come_back) {
  const auto response = problem_response(to_problem(Error{ErrorCode::unavailable, "the database is away", {}}), "/x");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.headers.get("Retry-After"), "2");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
}

}  // namespace
}  // namespace ccoc::api
