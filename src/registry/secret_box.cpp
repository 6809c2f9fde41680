#include "ccoc/registry/secret_box.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ccoc/base/bytes.h"

namespace ccoc::registry {
namespace {

static_assert(crypto_secretbox_KEYBYTES == 32);

bool ready() {
  static const bool started = sodium_init() >= 0;
  return started;
}

Status write_key(const std::filesystem::path& file, const std::array<std::uint8_t, 32>& key) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno_error(errno, file.string()));
  const auto written = ::write(fd, key.data(), key.size());
  const int problem = errno;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  if (written != static_cast<ssize_t>(key.size()) || !synced) {
    ::unlink(file.c_str());
    return std::unexpected(errno_error(problem, file.string()));
  }
  return {};
}

}  // namespace

Result<SecretBox> SecretBox::open(const std::filesystem::path& key_file) {
  if (!ready()) return fail(ErrorCode::internal, "libsodium does not start");
  const int fd = ::open(key_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (errno != ENOENT) return std::unexpected(errno_error(errno, key_file.string()));
    std::array<std::uint8_t, 32> fresh{};
    randombytes_buf(fresh.data(), fresh.size());
    if (const auto written = write_key(key_file, fresh); !written) {
      // Somebody made it at the same moment: take theirs.
      if (written.error().code == ErrorCode::conflict) return open(key_file);
      return std::unexpected(written.error());
    }
    return SecretBox(fresh);
  }
  std::array<std::uint8_t, 32> key{};
  char more = 0;
  struct stat status{};
  ::fstat(fd, &status);
  const bool whole = ::read(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::read(fd, &more, 1) == 0;
  ::close(fd);
  if ((status.st_mode & 077) != 0) {
    return fail(ErrorCode::permission_denied, key_file.string() + " can be read by others; run chmod 600 on it");
  }
  if (!whole) return fail(ErrorCode::corrupt, key_file.string() + " is no key of this hub (32 bytes)");
  return SecretBox(key);
}

std::string SecretBox::seal(std::string_view secret) const {
  Bytes box(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + secret.size());
  randombytes_buf(box.data(), crypto_secretbox_NONCEBYTES);
  crypto_secretbox_easy(box.data() + crypto_secretbox_NONCEBYTES, as_bytes(secret).data(), secret.size(), box.data(), key_.data());
  std::string text(sodium_base64_ENCODED_LEN(box.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), box.data(), box.size(), sodium_base64_VARIANT_ORIGINAL);
  text.resize(text.size() - 1);
  return text;
}

Result<std::string> SecretBox::unseal(std::string_view sealed) const {
  Bytes box(sealed.size() + 1);
  std::size_t size = 0;
  const auto broken = [] { return fail(ErrorCode::corrupt, "a stored password cannot be read with this hub's key (DATA/secret.key)"); };
  if (sodium_base642bin(box.data(), box.size(), sealed.data(), sealed.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) !=
          0 ||
      size < crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES) {
    return broken();
  }
  std::string out(size - crypto_secretbox_NONCEBYTES - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(out.data()), box.data() + crypto_secretbox_NONCEBYTES,
                                 size - crypto_secretbox_NONCEBYTES, box.data(), key_.data()) != 0) {
    return broken();
  }
  return out;
}

}  // namespace ccoc::registry
