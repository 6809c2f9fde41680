#include "ccoc/api/router.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace ccoc::api {
namespace {

Handler answer(std::string text) {
  return [text](const Request&) { return json_response(200, text); };
}

Router sample() {
  Router router;
  router.add({Method::get, "/cameras", Need::session(), answer("list")});
  router.add({Method::post, "/cameras", Need::session(), answer("create")});
  router.add({Method::get, "/cameras/{id}", Need::session(), answer("one")});
  router.add({Method::post, "/cameras/import", Need::session(), answer("import")});
  router.add({Method::get, "/cameras/{id}/snapshot.jpg", Need::nothing(), answer("snapshot")});
  return router;
}

TEST(Router, finds_the_route_and_its_parameters) {
  const auto router = sample();
  const auto match = router.match(Method::get, "/cameras/cam01/snapshot.jpg");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->path, "/cameras/{id}/snapshot.jpg");
  EXPECT_EQ(match.parameters, (std::vector<std::pair<std::string, std::string>>{{"id", "cam01"}}));
}

TEST(Router, prefers_what_is_written_to_what_is_a_parameter) {
  Router router;
  router.add({Method::get, "/cameras/{id}", Need::session(), answer("one")});
  router.add({Method::get, "/cameras/import", Need::session(), answer("import")});
  EXPECT_EQ(router.match(Method::get, "/cameras/import").route->path, "/cameras/import");
  EXPECT_EQ(router.match(Method::get, "/cameras/export").route->path, "/cameras/{id}");
}

TEST(Router, takes_head_for_get) {
  const auto router = sample();
  ASSERT_NE(router.match(Method::head, "/cameras").route, nullptr);
  EXPECT_EQ(router.match(Method::head, "/cameras").route->method, Method::get);
}

TEST(Router, tells_a_wrong_method_from_a_wrong_path) {
  const auto router = sample();
  const auto wrong_method = router.match(Method::delete_, "/cameras");
  EXPECT_EQ(wrong_method.route, nullptr);
  EXPECT_TRUE(wrong_method.other_methods);
  EXPECT_EQ(wrong_method.allow, "GET, POST");
  const auto wrong_path = router.match(Method::get, "/kameras");
  EXPECT_EQ(wrong_path.route, nullptr);
  EXPECT_FALSE(wrong_path.other_methods);
}

TEST(Router, does_not_match_more_or_fewer_segments) {
  const auto router = sample();
  for (const std::string_view path : {"", "/", "/cameras/", "/cameras//snapshot.jpg", "/cameras/a/b", "cameras"}) {
    EXPECT_EQ(router.match(Method::get, path).route, nullptr) << path;
  }
}

TEST(RouterDeathTest, refuses_the_same_route_twice) {
  auto router = sample();
  EXPECT_DEATH(router.add({Method::get, "/cameras", Need::nothing(), answer("again")}), "registered twice");
}

TEST(Need, must_be_declared) {
  static_assert(!std::is_default_constructible_v<Need>);
  static_assert(!std::is_default_constructible_v<Route>);
  EXPECT_EQ(Need::right(access::Right::live_view).kind(), Need::Kind::right);
}

}  // namespace
}  // namespace ccoc::api
