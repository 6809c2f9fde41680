#include "ccoc/ingest/outages.h"

#include <algorithm>
#include <map>
#include <set>

#include "ccoc/base/reactor.h"
#include "ccoc/rtsp/url.h"

namespace ccoc::ingest {
namespace {

constexpr std::size_t fewest = 3;
constexpr Duration together = std::chrono::seconds{30};

/// "10.1.2.0/24" of rtsp://10.1.2.7/…; empty for a name.
std::string network_of(const registry::Camera& camera) {
  const auto* main = camera.stream("main");
  const auto url = main == nullptr ? std::nullopt : std::optional(rtsp::parse_url(main->url));
  if (!url || !*url || !parse_peer_address((*url)->host, 0)) return {};
  const auto& host = (*url)->host;
  if (const auto dot = host.rfind('.'); dot != std::string::npos) return host.substr(0, dot) + ".0/24";
  const auto bytes = parse_peer_address(host, 0)->address;
  std::string out;
  for (std::size_t i = 0; i < 8; i += 2) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const auto byte : {bytes[i], bytes[i + 1]}) out += {hex[byte >> 4], hex[byte & 15]};
    out += ':';
  }
  return out + ":/64";
}

struct Member {
  const registry::Camera* camera;
  const StreamStatus* status;
  bool away() const { return status->state == StreamState::offline || status->state == StreamState::connecting; }
};

/// The outage of a group, if it has one.
std::optional<Outage> judge(Outage::Shared shared, const std::string& name, const std::vector<Member>& members) {
  std::vector<Member> away;
  std::ranges::copy_if(members, std::back_inserter(away), &Member::away);
  if (away.size() < fewest || away.size() * 10 < members.size() * 9) return std::nullopt;
  std::ranges::sort(away, {}, [](const Member& member) { return member.status->since; });
  // The largest number that went within the window.
  std::size_t most = 0, begin = 0, first = 0;
  for (std::size_t end = 0; end < away.size(); ++end) {
    while (away[end].status->since - away[begin].status->since > together) ++begin;
    if (end - begin + 1 > most) most = end - begin + 1, first = begin;
  }
  if (most < fewest || most * 2 < away.size()) return std::nullopt;
  Outage out{shared, name, away[first].status->since, {}};
  for (const auto& member : away) out.cameras.push_back(member.camera->id);
  std::ranges::sort(out.cameras);
  return out;
}

}  // namespace

std::string_view to_string(Outage::Shared shared) {
  switch (shared) {
    case Outage::Shared::everything: return "everything";
    case Outage::Shared::network: return "network";
    case Outage::Shared::owner: return "owner";
  }
  return "everything";
}

std::vector<Outage> find_outages(const std::vector<registry::Camera>& cameras, const std::vector<StreamStatus>& statuses) {
  std::map<std::string_view, const StreamStatus*> by_camera;
  for (const auto& status : statuses) {
    if (status.role == "main") by_camera[status.camera] = &status;
  }
  using Key = std::pair<Outage::Shared, std::string>;
  std::map<Key, std::vector<Member>> groups;
  for (const auto& camera : cameras) {
    const auto found = by_camera.find(camera.id);
    if (found == by_camera.end() || found->second->state == StreamState::disabled) continue;
    const Member member{&camera, found->second};
    groups[{Outage::Shared::everything, ""}].push_back(member);
    if (const auto network = network_of(camera); !network.empty()) groups[{Outage::Shared::network, network}].push_back(member);
    if (!camera.owner.name.empty()) groups[{Outage::Shared::owner, camera.owner.name}].push_back(member);
  }
  std::vector<Outage> found;
  for (const auto& [key, members] : groups) {
    if (auto outage = judge(key.first, key.second, members)) found.push_back(std::move(*outage));
  }
  std::ranges::stable_sort(found, std::greater{}, [](const Outage& outage) { return outage.cameras.size(); });
  std::set<std::string> named;
  std::erase_if(found, [&](const Outage& outage) {
    const bool known = std::ranges::all_of(outage.cameras, [&](const auto& id) { return named.contains(id); });
    named.insert(outage.cameras.begin(), outage.cameras.end());
    return known;
  });
  return found;
}

}  // namespace ccoc::ingest
