// Which addresses this process may connect to. Every TCP connection of every plug-in is judged when it is made, so that
// redirects, playlists and names that change their address are, too.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "ccoc/base/result.h"

namespace ccoc::ingest::bridge {

inline constexpr const char* refused_sentence = "loopback and link-local addresses are refused (ingest.allow_loopback allows them)";

inline constexpr const char* elsewhere_sentence =
    "the server sends the hub to another host; that is followed only if ingest.follow_redirects allows it";

/// From now on loopback, link-local and unspecified addresses cannot be connected to.
void refuse_local_addresses();
/// From now on only the addresses of this host can be connected to, as they are when its name is looked up.
void only_this_host(const std::string& host);
/// Why a connection was refused since the start; null: none was.
const char* refusal();
bool is_refused(const sockaddr* address, socklen_t size);
/// A numeric address that is not refused; no name is looked up.
bool is_allowed_address(const std::string& text);

/// The first allowed address of a host, numeric, for protocols that connect without connect(). `not_found`,
/// `permission_denied` with the sentence.
Result<std::string> resolve(const std::string& host);

/// Whether a TCP connection can be made: `unavailable` or `timeout` with the reason; as resolve().
Status reach(const std::string& host, std::uint16_t port, std::uint32_t limit_ms);

}  // namespace ccoc::ingest::bridge
