#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "context.h"

namespace ccoc::api {
namespace {

constexpr std::string_view index_name = "index.html";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_;
};

class FileBody final : public BodySource {
 public:
  FileBody(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const auto count = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0) return std::unexpected(errno_error(errno, "reading a console file"));
    return static_cast<std::size_t>(count);
  }

 private:
  Descriptor file_;
  std::uint64_t size_;
};

/// Opens component by component and follows no link, so nothing outside `root` can be named.
Descriptor open_beneath(int root, std::string_view path) {
  Descriptor here(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  while (here.open() && !path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const std::string part(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part.front() == '.') return Descriptor(-1);
    const int kind = path.empty() ? 0 : O_DIRECTORY;
    here = Descriptor(::openat(here.get(), part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | kind));
  }
  return here;
}

std::string content_type(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> types{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".geojson", "application/geo+json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".woff", "font/woff"},
      {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [ending, type] : types) {
    if (path.ends_with(ending)) return std::string(type);
  }
  return "application/octet-stream";
}

Response not_there(const Request& request) {
  return refuse(request, make_problem(ProblemKind::not_found, "there is no page at this address"));
}

/// nullopt when there is no such file.
std::optional<Response> serve(int root, std::string_view path, const Request& request) {
  auto file = open_beneath(root, path);
  struct stat info{};
  if (!file.open() || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const std::string tag = std::to_string(size) + "-" + std::to_string(info.st_mtim.tv_sec) + "-" + std::to_string(info.st_mtim.tv_nsec);
  auto out = source_response(request, std::make_shared<FileBody>(std::move(file), size), content_type(path), tag);
  // The build puts a hash into the names beneath assets/: what has such a name never changes.
  out.headers.add("Cache-Control", path.starts_with("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  return out;
}

}  // namespace

Handler make_static_files(const std::string& root) {
  const auto folder = std::make_shared<Descriptor>(root.empty() ? -1 : ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return [folder](const Request& request) {
    if (request.path == "/api" || request.path.starts_with("/api/")) {
      return refuse(request, make_problem(ProblemKind::not_found, "the API has no such path; see " + api_prefix + "/openapi.yaml"));
    }
    if (request.method != Method::get && request.method != Method::head) {
      auto out = refuse(request, make_problem(ProblemKind::method_not_allowed));
      out.headers.add("Allow", "GET, HEAD");
      return out;
    }
    if (!folder->open()) return not_there(request);
    const std::string_view path = std::string_view(request.path).substr(1);
    if (!path.empty()) {
      if (auto out = serve(folder->get(), path, request)) return std::move(*out);
    }
    // Addresses inside the console have no ending; what has one is a file that is missing.
    const auto name = path.substr(path.rfind('/') + 1);
    if (name.find('.') != std::string_view::npos) return not_there(request);
    auto out = serve(folder->get(), index_name, request);
    return out ? std::move(*out) : not_there(request);
  };
}

}  // namespace ccoc::api
