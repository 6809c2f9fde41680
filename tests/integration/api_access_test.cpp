// Who gets in, and who may do what, over real sockets and a real database.
#include <gtest/gtest.h>

#include "support/api_world.h"

namespace ccoc::test {
namespace {

using access::Right;

class ApiAccess : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
  }
  static void TearDownTestSuite() {
    delete world;
    world = nullptr;
  }
  static Person person(std::string_view name) {
    Person out(world->port());
    EXPECT_EQ(out.log_in(name).status, 200) << name;
    return out;
  }
  static ApiWorld* world;
};
ApiWorld* ApiAccess::world = nullptr;

TEST_F(ApiAccess, logs_in_says_who_one_is_and_logs_out) {
  Person viewer(world->port());
  EXPECT_EQ(viewer.get("/api/v1/session").status, 401);
  const auto entered = viewer.log_in("viewer");
  ASSERT_EQ(entered.status, 200);
  const auto cookie = entered.header("Set-Cookie");
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  const auto session = json_of(viewer.get("/api/v1/session"));
  EXPECT_EQ(session.at("user").at("username").as_string(), "viewer");
  EXPECT_EQ(session.at("user").at("role").as_string(), "viewer");
  EXPECT_EQ(session, json_of(entered));
  EXPECT_EQ(viewer.ask("DELETE", "/api/v1/session").status, 204);
  EXPECT_EQ(viewer.get("/api/v1/session").status, 401);
}

TEST_F(ApiAccess, does_not_say_whether_name_or_password_was_wrong) {
  const auto wrong_password = Person(world->port()).log_in("operator", "not this one");
  const auto wrong_name = Person(world->port()).log_in("nobody", "not this one");
  EXPECT_EQ(wrong_password.status, 401);
  EXPECT_EQ(wrong_name.status, 401);
  EXPECT_EQ(wrong_password.body, wrong_name.body);
}

TEST_F(ApiAccess, refuses_changes_without_the_csrf_token) {
  const auto administrator = person("administrator");
  const HeaderList only_cookie{{"Cookie", administrator.cookie()}};
  const auto refused = Peer(world->port()).ask("DELETE", "/api/v1/cameras/cam01", only_cookie);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(json_of(refused).at("type").as_string(), "/problems/csrf");
  auto wrong = only_cookie;
  wrong.emplace_back("X-CSRF-Token", std::string(43, 'a'));
  EXPECT_EQ(Peer(world->port()).ask("DELETE", "/api/v1/cameras/cam01", wrong).status, 403);
  EXPECT_EQ(administrator.get("/api/v1/cameras/cam01").status, 200);
}

TEST_F(ApiAccess, refuses_changes_from_pages_of_other_sites) {
  const auto administrator = person("administrator");
  const auto answer = administrator.ask("DELETE", "/api/v1/cameras/cam01", {}, {{"Origin", "http://evil.example"}});
  EXPECT_EQ(answer.status, 403);
}

TEST_F(ApiAccess, refuses_web_sockets_from_pages_of_other_sites) {
  const auto viewer = person("viewer");
  const auto port = world->port();
  EXPECT_EQ(SocketPeer(port, "/api/v1/stream", {{"Cookie", viewer.cookie()}, {"Origin", "http://evil.example"}}).answer().status, 403);
  EXPECT_TRUE(SocketPeer(port, "/api/v1/stream", {{"Cookie", viewer.cookie()}, {"Origin", "http://localhost"}}).open());
  EXPECT_EQ(SocketPeer(port, "/api/v1/stream").answer().status, 401);
}

/// A target for a route's template, whose handler does no harm.
std::string target_of(const std::string& pattern) {
  std::string out = pattern;
  if (const auto at = out.find("{id}"); at != std::string::npos) out.replace(at, 4, "no-such-one");
  return out;
}

TEST_F(ApiAccess, every_route_asks_for_its_right_from_every_role) {
  ASSERT_GE(world->api->router().routes().size(), 30u);
  for (const auto role : access::all_roles) {
    const auto somebody = person(access::to_string(role));
    const auto rights = access::rights_of(role);
    for (const auto& route : world->api->router().routes()) {
      if (route->need.kind() != api::Need::Kind::right) continue;
      const auto target = target_of(route->path);
      const bool socket = std::holds_alternative<api::SocketHandler>(route->handler);
      const int status = socket ? somebody.socket(target).answer().status
                                : somebody.ask(api::to_string(route->method), target, route->method == api::Method::get ? "" : "{").status;
      if (rights.has(route->need.right())) {
        EXPECT_NE(status, 403) << access::to_string(role) << " " << target;
        EXPECT_NE(status, 401) << access::to_string(role) << " " << target;
      } else {
        EXPECT_EQ(status, 403) << access::to_string(role) << " " << target;
      }
    }
  }
}

TEST_F(ApiAccess, no_route_but_the_public_ones_answers_a_stranger) {
  const std::set<std::string> open{"/api/v1/session", "/api/v1/openapi.yaml", "/healthz", "/readyz"};
  for (const auto& route : world->api->router().routes()) {
    if (route->need.kind() == api::Need::Kind::nothing) {
      EXPECT_TRUE(open.contains(route->path)) << route->path;
      continue;
    }
    if (route->need.kind() == api::Need::Kind::right_unless_local) {
      EXPECT_EQ(route->path, "/metrics");
      continue;
    }
    const auto target = target_of(route->path);
    const bool socket = std::holds_alternative<api::SocketHandler>(route->handler);
    const int status =
        socket ? SocketPeer(world->port(), target).answer().status : Peer(world->port()).ask(api::to_string(route->method), target).status;
    EXPECT_EQ(status, 401) << target;
  }
}

TEST_F(ApiAccess, the_document_and_the_router_agree_on_routes_and_rights) {
  const auto yaml = Peer(world->port()).ask("GET", "/api/v1/openapi.yaml").body;
  for (const auto& route : world->api->router().routes()) {
    if (!route->path.starts_with("/api/v1/")) continue;
    const auto path = "\n  " + route->path.substr(7) + ":\n";
    const auto at = yaml.find(path);
    ASSERT_NE(at, std::string::npos) << route->path;
    std::string method(api::to_string(route->method));
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto operation = yaml.find("\n    " + method + ":\n", at);
    const auto right = yaml.find("x-right: ", operation);
    if (route->path == "/api/v1/openapi.yaml") continue;
    ASSERT_NE(right, std::string::npos) << route->path;
    const auto text = yaml.substr(right + 9, yaml.find('\n', right) - right - 9);
    const auto kind = route->need.kind();
    EXPECT_EQ(text, kind == api::Need::Kind::nothing   ? "public"
                    : kind == api::Need::Kind::session ? "session"
                                                       : std::string(access::to_string(route->need.right())))
        << method << " " << route->path;
  }
}

TEST_F(ApiAccess, a_key_works_until_it_is_withdrawn) {
  const auto administrator = person("administrator");
  const auto made = administrator.ask("POST", "/api/v1/keys", R"({"name":"player","rights":["cameras.read"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto value = json_of(made);
  const HeaderList bearer{{"Authorization", "Bearer " + std::string(value.at("bearer").as_string())}};
  const auto port = world->port();
  EXPECT_EQ(Peer(port).ask("GET", "/api/v1/cameras", bearer).status, 200);
  EXPECT_EQ(Peer(port).ask("GET", "/api/v1/users", bearer).status, 403);
  EXPECT_EQ(json_of(Peer(port).ask("GET", "/api/v1/session", bearer)).at("csrf_token").as_string(), "");
  const auto id = std::string(value.at("key").at("id").as_string());
  EXPECT_EQ(administrator.ask("DELETE", "/api/v1/keys/" + id).status, 204);
  EXPECT_EQ(Peer(port).ask("GET", "/api/v1/cameras", bearer).status, 401);
  EXPECT_EQ(Peer(port).ask("GET", "/api/v1/cameras", {{"Authorization", "Bearer nonsense"}}).status, 401);
}

TEST_F(ApiAccess, an_ended_log_in_ends_its_web_sockets) {
  Person viewer = person("viewer");
  auto stream = viewer.socket("/api/v1/stream");
  ASSERT_TRUE(stream.open());
  EXPECT_EQ(viewer.ask("DELETE", "/api/v1/session").status, 204);
  EXPECT_EQ(stream.read_close(), 1008);
}

TEST_F(ApiAccess, users_are_made_changed_and_disabled) {
  const auto administrator = person("administrator");
  const auto made =
      administrator.ask("POST", "/api/v1/users", R"({"username":"somchai","name":"สมชาย","role":"viewer","password":"a long password"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto id = std::string(json_of(made).at("id").as_string());
  Person somchai(world->port());
  const auto entered = somchai.log_in("somchai", "a long password");
  ASSERT_EQ(entered.status, 200);
  EXPECT_TRUE(json_of(entered).at("user").at("must_change_password").as_bool());
  EXPECT_EQ(somchai.ask("POST", "/api/v1/session/password", R"({"current":"wrong","new":"another password"})").status, 422);
  EXPECT_EQ(somchai.ask("POST", "/api/v1/session/password", R"({"current":"a long password","new":"short"})").status, 422);
  EXPECT_EQ(somchai.ask("POST", "/api/v1/session/password", R"({"current":"a long password","new":"another password"})").status, 204);
  EXPECT_FALSE(json_of(somchai.get("/api/v1/session")).at("user").at("must_change_password").as_bool());
  EXPECT_EQ(administrator.ask("PATCH", "/api/v1/users/" + id, R"({"enabled":false})").status, 200);
  EXPECT_EQ(somchai.get("/api/v1/session").status, 401);
  EXPECT_EQ(administrator.ask("PATCH", "/api/v1/users/" + id, R"({"role":"king"})").status, 422);
  EXPECT_EQ(administrator.ask("POST", "/api/v1/users", R"({"username":"somchai","role":"viewer","password":"a long password"})").status,
            409);
}

TEST_F(ApiAccess, guessing_is_slowed_down) {
  Answer answer;
  for (int i = 0; i < 12 && answer.status != 429; ++i) answer = Person(world->port()).log_in("investigator", "a wrong guess");
  ASSERT_EQ(answer.status, 429);
  EXPECT_GE(std::atoi(answer.header("Retry-After").c_str()), 1);
}

}  // namespace
}  // namespace ccoc::test
