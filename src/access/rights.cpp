#include "ccoc/access/rights.h"

namespace ccoc::access {

std::string_view to_string(Right right) {
  switch (right) {
    case Right::cameras_read: return "cameras.read";
    case Right::cameras_manage: return "cameras.manage";
    case Right::live_view: return "live.view";
    case Right::playback_view: return "playback.view";
    case Right::recordings_export: return "recordings.export";
    case Right::map_read: return "map.read";
    case Right::status_read: return "status.read";
    case Right::events_read: return "events.read";
    case Right::users_manage: return "users.manage";
    case Right::system_manage: return "system.manage";
    case Right::audit_read: return "audit.read";
    case Right::live_send: return "live.send";
  }
  return "";
}

std::optional<Right> parse_right(std::string_view name) {
  for (const Right right : all_rights) {
    if (to_string(right) == name) return right;
  }
  return std::nullopt;
}

std::vector<std::string> Rights::names() const {
  std::vector<std::string> out;
  for (const Right right : all_rights) {
    if (has(right)) out.emplace_back(to_string(right));
  }
  return out;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::administrator: return "administrator";
    case Role::investigator: return "investigator";
    case Role::operator_: return "operator";
    case Role::viewer: return "viewer";
  }
  return "";
}

std::optional<Role> parse_role(std::string_view name) {
  for (const Role role : all_roles) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

Rights rights_of(Role role) {
  using enum Right;
  switch (role) {
    case Role::administrator:
      return {cameras_read, cameras_manage, live_view,    playback_view, recordings_export, map_read,
              status_read,  events_read,    users_manage, system_manage, audit_read,        live_send};
    case Role::investigator: return {cameras_read, live_view, playback_view, recordings_export, map_read, status_read, events_read};
    case Role::operator_: return {cameras_read, live_view, playback_view, map_read, status_read, events_read};
    case Role::viewer: return {cameras_read, live_view, map_read, status_read, events_read};
  }
  return {};
}

}  // namespace ccoc::access
