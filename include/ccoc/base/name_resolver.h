// Looks up host names for a reactor's connections. A name whose server does not answer takes ten seconds and more; it must
// not hold up the others, of which there may be thousands (faults.md 16).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/reactor.h"
#include "ccoc/base/result.h"

namespace ccoc {

using Addresses = std::vector<PeerAddress>;  ///< without ports; never empty

/// Blocks. `not_found` when the name has no address, `unavailable` when nobody who could know answers (getaddrinfo(3),
/// RFC 6724 order).
Result<Addresses> look_up(const std::string& host);

/// Thread-safe. Has threads only while names are looked up, at most `most_threads`. Names that failed when they were last
/// asked for wait behind all others and have `threads_for_doubtful` threads at most. Whoever asks for a name that is being
/// looked up shares the answer.
class NameResolver {
 public:
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;
  using Answer = std::function<void(const Result<Addresses>&)>;
  static constexpr unsigned most_threads = 32;
  static constexpr unsigned threads_for_doubtful = 2;

  explicit NameResolver(Lookup lookup = look_up);
  /// Does not wait for look-ups under way; no answer is given any more.
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  /// `answer` is called once, on a thread of the resolver, and must not block or call the resolver. It is not called when
  /// `wanted` ended before the look-up began.
  void resolve(const std::string& host, std::weak_ptr<const void> wanted, Answer answer);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ccoc
