#include "ccoc/simulator/control.h"

#include <gtest/gtest.h>

#include "small_clip.h"
#include "support/simple_http.h"

namespace ccoc::simulator {
namespace {

TEST(Control, takes_faults_and_says_what_is_wrong_with_them) {
  FarmOptions options;
  options.cameras = {{testing::small_clip(), nullptr}};
  auto farm = Farm::start(std::move(options));
  ASSERT_TRUE(farm) << farm.error().message;
  auto control = Control::start(**farm, "127.0.0.1", 0, 1);
  ASSERT_TRUE(control) << control.error().message;
  test::HttpClient http((*control)->port());

  EXPECT_EQ(http.request("GET", "/cameras").json().at("streams").as_array().size(), 1u);
  EXPECT_EQ(http.request("POST", "/cameras/cam01/faults", R"({"fault":"stall+20s"})").json().at("fault").as_string(), "cam01:stall@0s+20s");
  EXPECT_EQ(http.request("POST", "/cameras/all/faults", R"({"fault":"loss=5%"})").status, 200);
  EXPECT_EQ(http.request("DELETE", "/cameras/all/faults").status, 200);
  EXPECT_EQ(http.request("POST", "/cameras/cam02/faults", R"({"fault":"drop"})").status, 404);
  EXPECT_EQ(http.request("POST", "/cameras/cam01/faults", R"({"fault":"explode"})").status, 422);
  EXPECT_EQ(http.request("POST", "/cameras/cam01/faults", R"({"fault":5})").status, 400);
  EXPECT_EQ(http.request("POST", "/cameras/cam01/faults", "{").status, 400);
  EXPECT_EQ(http.request("PUT", "/cameras/cam01/faults", "{}").status, 405);
  EXPECT_EQ(http.request("GET", "/elsewhere").status, 404);
  EXPECT_EQ(Control::start(**farm, "127.0.0.1", (*control)->port(), 1).error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace ccoc::simulator
