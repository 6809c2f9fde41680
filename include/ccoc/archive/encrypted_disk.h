// Footage at rest, unreadable without the key: AES-256 in counter mode (NIST SP 800-38A §6.5) over any disk. It keeps a thief of the
// disk from seeing; against forgery evidence is signed.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "ccoc/base/disk.h"

namespace ccoc::archive {

using FootageKey = std::array<std::uint8_t, 32>;

/// Reads the key at `path` (64 hexadecimal digits); `make`: makes it when there is none, mode 600. `not_found`, `corrupt`, `io`.
Result<FootageKey> load_footage_key(const std::string& path, bool make);

/// `inner`, on which new files are written encrypted when `encrypt`; files written before, encrypted or not, are read as they are.
/// An encrypted file begins with 32 bytes of its own (magic, the key's mark, a random nonce), which no size or offset counts.
/// A file that was cut takes no more bytes (`conflict`): no byte of key stream is used twice. A file of another key is `corrupt`.
/// Thread-safe as `inner` is.
std::shared_ptr<Disk> make_encrypted_disk(std::shared_ptr<Disk> inner, const FootageKey& key, bool encrypt);

}  // namespace ccoc::archive
