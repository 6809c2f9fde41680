// Who may do what: rights are single permissions, a role is a fixed set of them. What no role grants
// is denied.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ccoc::access {

enum class Right : std::uint8_t {
  cameras_read,       ///< "cameras.read"
  cameras_manage,     ///< "cameras.manage"
  live_view,          ///< "live.view"
  playback_view,      ///< "playback.view"
  recordings_export,  ///< "recordings.export"
  map_read,           ///< "map.read"
  status_read,        ///< "status.read"
  events_read,        ///< "events.read"
  users_manage,       ///< "users.manage"
  system_manage,      ///< "system.manage"
  audit_read,         ///< "audit.read"
  live_send,          ///< "live.send": push pictures as a camera does that waits for them (WHIP)
};

inline constexpr std::array all_rights{
    Right::cameras_read, Right::cameras_manage, Right::live_view,    Right::playback_view, Right::recordings_export, Right::map_read,
    Right::status_read,  Right::events_read,    Right::users_manage, Right::system_manage, Right::audit_read,        Right::live_send,
};

/// The dotted name, as the API shows it.
std::string_view to_string(Right right);
std::optional<Right> parse_right(std::string_view name);

/// A set of rights; empty unless granted.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(std::initializer_list<Right> rights) {
    for (const Right right : rights) bits_ |= bit(right);
  }
  constexpr bool has(Right right) const { return (bits_ & bit(right)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  /// What both allow.
  constexpr Rights operator&(Rights other) const {
    Rights out;
    out.bits_ = bits_ & other.bits_;
    return out;
  }
  /// What either allows.
  constexpr Rights operator|(Rights other) const {
    Rights out;
    out.bits_ = bits_ | other.bits_;
    return out;
  }
  friend constexpr bool operator==(Rights, Rights) = default;
  /// Dotted names, in the order of `all_rights`.
  std::vector<std::string> names() const;

 private:
  static constexpr std::uint32_t bit(Right right) { return 1u << static_cast<unsigned>(right); }
  std::uint32_t bits_ = 0;
};

enum class Role : std::uint8_t { administrator, investigator, operator_, viewer };

inline constexpr std::array all_roles{Role::administrator, Role::investigator, Role::operator_, Role::viewer};

/// "administrator", "investigator", "operator", "viewer".
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view name);

/// What a role may do; fixed in the program, so that nobody can grant himself more by a table.
Rights rights_of(Role role);

}  // namespace ccoc::access
