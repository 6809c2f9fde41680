#include "ccoc/archive/encrypted_disk.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

namespace ccoc::archive {
namespace {

// magic (8) · mark of the key (8) · nonce (16): the first counter block
constexpr std::size_t front_size = 32;
constexpr std::array<std::uint8_t, 8> magic{'C', 'C', 'O', 'C', 'A', 'E', 'S', '1'};
constexpr std::size_t block = 16;
using Front = std::array<std::uint8_t, front_size>;
using Nonce = std::array<std::uint8_t, block>;
using Mark = std::array<std::uint8_t, 8>;

/// Tells one key from another, and nothing of it.
Mark mark_of(const FootageKey& key) {
  constexpr std::string_view purpose = "ccoc footage key";
  Bytes text(key.begin(), key.end());
  text.insert(text.end(), purpose.begin(), purpose.end());
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(text.data(), text.size(), digest.data());
  Mark mark;
  std::copy_n(digest.begin(), mark.size(), mark.begin());
  return mark;
}

/// The counter block that lies `blocks` behind `nonce`: addition over 128 bits, most significant byte first.
Nonce advanced(Nonce nonce, std::uint64_t blocks) {
  unsigned carry = 0;
  for (std::size_t i = nonce.size(); i-- > 0;) {
    const auto added = nonce[i] + static_cast<unsigned>(blocks & 0xff) + carry;
    nonce[i] = static_cast<std::uint8_t>(added);
    carry = added >> 8;
    blocks >>= 8;
  }
  return nonce;
}

/// Key stream of one file, from any offset. Encrypting and decrypting are the same.
class Stream {
 public:
  Stream(const FootageKey& key, const Nonce& nonce) : key_(key), nonce_(nonce), context_(::EVP_CIPHER_CTX_new()) {}

  bool seek(std::uint64_t offset) {
    const auto counter = advanced(nonce_, offset / block);
    if (!context_ || ::EVP_EncryptInit_ex(context_.get(), ::EVP_aes_256_ctr(), nullptr, key_.data(), counter.data()) != 1) return false;
    std::array<std::uint8_t, block> skipped{};
    return apply(std::span(skipped).first(offset % block), skipped.data());
  }
  bool apply(ByteView in, std::uint8_t* out) {
    while (!in.empty()) {
      const auto piece = static_cast<int>(std::min<std::size_t>(in.size(), 1u << 30));
      int written = 0;
      if (::EVP_EncryptUpdate(context_.get(), out, &written, in.data(), piece) != 1 || written != piece) return false;
      in = in.subspan(static_cast<std::size_t>(piece));
      out += piece;
    }
    return true;
  }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
  };
  FootageKey key_;
  Nonce nonce_;
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

std::unexpected<Error> cipher_failed() { return fail(ErrorCode::internal, "the cipher failed"); }

class EncryptedFile final : public DiskFile {
 public:
  /// `front`: still to be written.
  EncryptedFile(std::unique_ptr<DiskFile> inner, const FootageKey& key, const Front& front, bool front_written, std::uint64_t size)
      : inner_(std::move(inner)), front_(front), stream_(key, nonce_of(front)), front_written_(front_written), size_(size) {}

  Status append(std::span<const ByteView> pieces) override {
    if (cut_) return fail(ErrorCode::conflict, "an encrypted file that was cut takes no more");
    std::size_t total = 0;
    for (const auto piece : pieces) total += piece.size();
    // One for each thread that writes, not for each file: hundreds are open.
    thread_local Bytes buffer;
    if (buffer.size() < total) buffer.resize(total);
    if (!stream_.seek(size_)) return cipher_failed();
    auto* out = buffer.data();
    for (const auto piece : pieces) {
      if (!stream_.apply(piece, out)) return cipher_failed();
      out += piece.size();
    }
    const std::array<ByteView, 2> whole{ByteView(front_), ByteView(buffer).first(total)};
    const auto what = std::span(whole).subspan(front_written_ ? 1 : 0);
    front_written_ = true;
    // Whatever happens, these bytes of the key stream are used.
    size_ += total;
    auto done = inner_->append(what);
    if (!done) cut_ = true;
    return done;
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const auto got = inner_->read_at(offset + front_size, into);
    if (!got || *got == 0) return got;
    if (!stream_.seek(offset) || !stream_.apply(into.first(*got), into.data())) return cipher_failed();
    return got;
  }
  Status truncate(std::uint64_t size) override {
    cut_ = true;
    return inner_->truncate(size + front_size);
  }
  Result<std::uint64_t> size() override {
    const auto whole = inner_->size();
    if (!whole) return whole;
    return *whole - std::min<std::uint64_t>(*whole, front_size);
  }
  Status sync() override { return inner_->sync(); }
  void drop_cache() override { inner_->drop_cache(); }

 private:
  static Nonce nonce_of(const Front& front) {
    Nonce nonce;
    std::copy_n(front.begin() + magic.size() + sizeof(Mark), nonce.size(), nonce.begin());
    return nonce;
  }

  std::unique_ptr<DiskFile> inner_;
  Front front_;
  Stream stream_;
  bool front_written_;
  bool cut_ = false;
  std::uint64_t size_;
};

class EncryptedDisk final : public Disk {
 public:
  EncryptedDisk(std::shared_ptr<Disk> inner, const FootageKey& key, bool encrypt)
      : inner_(std::move(inner)), key_(key), mark_(mark_of(key)), encrypt_(encrypt) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    auto file = inner_->create(path);
    if (!file || !encrypt_) return file;
    Front front{};
    std::ranges::copy(magic, front.begin());
    std::ranges::copy(mark_, front.begin() + magic.size());
    if (::RAND_bytes(front.data() + magic.size() + sizeof(Mark), block) != 1) return fail(ErrorCode::internal, "no random numbers");
    return std::make_unique<EncryptedFile>(std::move(*file), key_, front, false, 0);
  }
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override { return opened(inner_->open_read(path), path); }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override { return opened(inner_->open_write(path), path); }
  Result<std::vector<DiskEntry>> list(const std::string& folder) override { return inner_->list(folder); }
  Status remove(const std::string& path) override { return inner_->remove(path); }
  Status rename(const std::string& from, const std::string& to) override { return inner_->rename(from, to); }
  Result<DiskSpace> space() override { return inner_->space(); }
  Status sync_all() override { return inner_->sync_all(); }

 private:
  Result<std::unique_ptr<DiskFile>> opened(Result<std::unique_ptr<DiskFile>> file, const std::string& path) {
    if (!file) return file;
    Front front{};
    const auto got = (*file)->read_at(0, front);
    if (!got) return std::unexpected(got.error());
    if (*got < front.size() || !std::equal(magic.begin(), magic.end(), front.begin())) return file;
    if (!std::equal(mark_.begin(), mark_.end(), front.begin() + magic.size())) {
      return fail(ErrorCode::corrupt, path + ": it was encrypted with another key");
    }
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    return std::make_unique<EncryptedFile>(std::move(*file), key_, front, true, *size - std::min<std::uint64_t>(*size, front_size));
  }

  const std::shared_ptr<Disk> inner_;
  const FootageKey key_;
  const Mark mark_;
  const bool encrypt_;
};

std::optional<FootageKey> parse_key(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  FootageKey key{};
  if (text.size() != 2 * key.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

}  // namespace

Result<FootageKey> load_footage_key(const std::string& path, bool make) {
  if (std::ifstream file(path); file) {
    std::string line;
    std::getline(file, line);
    const auto key = parse_key(line);
    if (!key) return fail(ErrorCode::corrupt, path + " does not hold a key (64 hexadecimal digits)");
    return *key;
  }
  if (errno != ENOENT) return std::unexpected(errno_error(errno, "reading " + path));
  if (!make) return fail(ErrorCode::not_found, "there is no key " + path);
  FootageKey key{};
  if (::RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) return fail(ErrorCode::internal, "no random numbers");
  std::string text;
  for (const auto byte : key) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  text += '\n';
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno_error(errno, "making " + path));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  if (!written) {
    ::unlink(path.c_str());
    return std::unexpected(errno_error(reason, "writing " + path));
  }
  return key;
}

std::shared_ptr<Disk> make_encrypted_disk(std::shared_ptr<Disk> inner, const FootageKey& key, bool encrypt) {
  return std::make_shared<EncryptedDisk>(std::move(inner), key, encrypt);
}

}  // namespace ccoc::archive
