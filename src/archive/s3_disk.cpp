#include "ccoc/archive/s3_disk.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <pugixml.hpp>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// Larger files are uploaded in parts (S3 asks for at least 5 MiB each, and at most 10 000).
constexpr std::size_t part_size = 16u << 20;
/// Read at once where it is read on, and where it is not.
constexpr std::size_t far_ahead = 4u << 20;
constexpr std::size_t near_ahead = 256u << 10;
constexpr std::size_t most_at_once = 16u << 20;
constexpr std::size_t longest_answer = 64u << 20;
constexpr Duration ask_again = std::chrono::seconds{60};

struct CurlFree {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;
struct ListFree {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

struct Request {
  std::string method;  ///< GET, HEAD, PUT, POST, DELETE
  std::string key;     ///< of the object, without prefix; empty: the bucket
  std::string query;   ///< encoded, sorted by name, every name with its '='
  ByteView body = {};
  std::string range = {};  ///< "0-99"
};

struct Reply {
  long status = 0;
  std::string body;
  std::string etag;
  std::optional<std::uint64_t> length;
};

/// RFC 3986 §2.3; '/' stays in keys.
std::string encoded(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
                       c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::string sha256(ByteView bytes) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(bytes.data(), bytes.size(), digest.data());
  std::string out;
  for (const auto byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > longest_answer) return 0;
  body.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* into) {
  auto& reply = *static_cast<Reply*>(into);
  const std::string_view line(data, size * count);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' ')) value.remove_suffix(1);
  if (name == "etag") reply.etag = value;
  if (name == "content-length") {
    std::uint64_t length = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), length).ec == std::errc{}) reply.length = length;
  }
  return size * count;
}

int still_wanted(void* cancelled, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(cancelled)->load() ? 1 : 0;
}

class Store {
 public:
  Store(S3Options options, std::string base, std::string prefix)
      : options_(std::move(options)), base_(std::move(base)), prefix_(std::move(prefix)) {
    static const bool once = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    (void)once;
  }

  const std::string& prefix() const { return prefix_; }

  /// Any status; `unavailable` when there is no answer.
  Result<Reply> ask(const Request& request) {
    auto curl = take_handle();
    if (!curl) return fail(ErrorCode::internal, "no HTTP client");
    auto* handle = curl.get();
    ::curl_easy_reset(handle);
    Reply reply;
    std::string url = base_;
    if (!request.key.empty()) url += '/' + encoded(prefix_ + request.key, true);
    if (!request.query.empty()) url += '?' + request.query;
    const auto seconds = static_cast<long>(options_.timeout / std::chrono::seconds{1});
    const auto set = [&](auto option, auto value) { ::curl_easy_setopt(handle, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, seconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, seconds);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, &reply.body);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, &reply);
    if (options_.cancelled) {
      set(CURLOPT_NOPROGRESS, 0L);
      set(CURLOPT_XFERINFOFUNCTION, still_wanted);
      set(CURLOPT_XFERINFODATA, options_.cancelled.get());
    }
    std::string signing;
    if (!options_.access_key.empty()) {
      signing = "aws:amz:" + options_.region + ":s3";
      set(CURLOPT_AWS_SIGV4, signing.c_str());
      set(CURLOPT_USERNAME, options_.access_key.c_str());
      set(CURLOPT_PASSWORD, options_.secret_key.c_str());
    }
    // libcurl puts it in its signature, and older ones do not make it themselves.
    const auto content_sum = "x-amz-content-sha256: " + sha256(request.body);
    std::unique_ptr<curl_slist, ListFree> headers;
    const auto add_header = [&](const char* line) { headers.reset(::curl_slist_append(headers.release(), line)); };
    if (!signing.empty()) add_header(content_sum.c_str());
    if (request.method == "PUT" || request.method == "POST") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
      add_header("Content-Type: application/octet-stream");
    }
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else {
      set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.range.empty()) set(CURLOPT_RANGE, request.range.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    const auto code = ::curl_easy_perform(handle);
    if (code != CURLE_OK) return fail(ErrorCode::unavailable, fmt::format("the store does not answer: {}", ::curl_easy_strerror(code)));
    ::curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply.status);
    give_handle(std::move(curl));
    return reply;
  }

  /// The same, with every status that is no success as an error.
  Result<Reply> get(const Request& request) {
    auto reply = ask(request);
    if (!reply || (reply->status >= 200 && reply->status < 300)) return reply;
    const auto what = fmt::format("the store answers {} to {} {}{}", reply->status, request.method, request.key, detail_of(reply->body));
    if (reply->status == 404) return fail(ErrorCode::not_found, what);
    if (reply->status == 401 || reply->status == 403) return fail(ErrorCode::permission_denied, what);
    if (reply->status == 507) return fail(ErrorCode::no_space, what);
    return fail(ErrorCode::unavailable, what);
  }

 private:
  /// S3's <Error><Code>…</Code><Message>…</Message></Error>.
  static std::string detail_of(const std::string& body) {
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size())) return {};
    const std::string code = document.child("Error").child_value("Code");
    const std::string message = document.child("Error").child_value("Message");
    return code.empty() ? std::string{} : fmt::format(" ({}: {})", code.substr(0, 60), message.substr(0, 200));
  }

  CurlHandle take_handle() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return CurlHandle(::curl_easy_init());
    auto handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_handle(CurlHandle handle) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < 8) idle_.push_back(std::move(handle));
  }

  const S3Options options_;
  const std::string base_;    ///< with the bucket
  const std::string prefix_;  ///< empty, or ends in '/'
  std::mutex mutex_;
  std::vector<CurlHandle> idle_;  ///< their connections stay open
};

class S3ReadFile final : public DiskFile {
 public:
  S3ReadFile(std::shared_ptr<Store> store, std::string key, std::uint64_t size)
      : store_(std::move(store)), key_(std::move(key)), size_(size) {}

  Status append(std::span<const ByteView>) override { return fail(ErrorCode::unsupported, "an object cannot be appended to"); }
  Status truncate(std::uint64_t) override { return fail(ErrorCode::unsupported, "an object cannot be cut"); }
  Status sync() override { return {}; }
  Result<std::uint64_t> size() override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t done = 0;
    while (done < into.size() && offset + done < size_) {
      const auto at = offset + done;
      if (at < window_at_ || at >= window_at_ + window_.size()) {
        if (auto fetched = fetch(at, into.size() - done); !fetched) return std::unexpected(fetched.error());
      }
      const auto from = static_cast<std::size_t>(at - window_at_);
      const auto count = std::min(into.size() - done, window_.size() - from);
      if (count == 0) return fail(ErrorCode::io, "the store sent less than was asked for");
      std::memcpy(into.data() + done, window_.data() + from, count);
      done += count;
    }
    return done;
  }

 private:
  Status fetch(std::uint64_t at, std::size_t wanted) {
    // Read on from where the last piece ended, or not far from it: more of it will be wanted.
    const auto end = window_at_ + window_.size();
    const bool onwards = !window_.empty() && at >= end && at - end < far_ahead;
    const auto count = std::min<std::uint64_t>(std::clamp(wanted, onwards ? far_ahead : near_ahead, most_at_once), size_ - at);
    auto reply = store_->get({"GET", key_, {}, {}, fmt::format("{}-{}", at, at + count - 1)});
    if (!reply) return std::unexpected(reply.error());
    if (reply->status != 206 && !(reply->status == 200 && at == 0)) {
      return fail(ErrorCode::unsupported, "the store does not send parts of objects");
    }
    window_ = std::move(reply->body);
    window_at_ = at;
    return {};
  }

  const std::shared_ptr<Store> store_;
  const std::string key_;
  const std::uint64_t size_;
  std::string window_;
  std::uint64_t window_at_ = 0;
};

class S3WriteFile final : public DiskFile {
 public:
  S3WriteFile(std::shared_ptr<Store> store, std::string key) : store_(std::move(store)), key_(std::move(key)) {}
  ~S3WriteFile() override {
    if (upload_.empty()) return;
    if (auto gone = store_->get({"DELETE", key_, "uploadId=" + encoded(upload_, false)}); !gone) {
      log::warn("archive", "{}: {}", key_, gone.error().message);
    }
  }

  Status append(std::span<const ByteView> pieces) override {
    if (done_) return fail(ErrorCode::unsupported, "an object cannot be appended to");
    for (const auto piece : pieces) {
      size_ += piece.size();
      buffer_.insert(buffer_.end(), piece.begin(), piece.end());
    }
    while (buffer_.size() >= 2 * part_size) {
      if (auto sent = send_part(part_size); !sent) return sent;
    }
    return {};
  }
  Status sync() override {
    if (done_) return {};
    if (upload_.empty()) {
      if (auto put = store_->get({"PUT", key_, {}, buffer_}); !put) return std::unexpected(put.error());
    } else {
      if (auto sent = send_part(buffer_.size()); !sent) return sent;
      if (auto complete = finish_parts(); !complete) return complete;
    }
    done_ = true;
    upload_.clear();
    buffer_ = {};
    return {};
  }
  Status truncate(std::uint64_t) override { return fail(ErrorCode::unsupported, "an object cannot be cut"); }
  Result<std::uint64_t> size() override { return size_; }
  Result<std::size_t> read_at(std::uint64_t, std::span<std::uint8_t>) override {
    return fail(ErrorCode::unsupported, "the object is not there yet");
  }

 private:
  Status send_part(std::size_t count) {
    if (upload_.empty()) {
      const auto begun = store_->get({"POST", key_, "uploads="});
      if (!begun) return std::unexpected(begun.error());
      pugi::xml_document document;
      document.load_buffer(begun->body.data(), begun->body.size());
      upload_ = document.child("InitiateMultipartUploadResult").child_value("UploadId");
      if (upload_.empty()) return fail(ErrorCode::unavailable, "the store gives no name to an upload in parts");
    }
    const auto query = fmt::format("partNumber={}&uploadId={}", etags_.size() + 1, encoded(upload_, false));
    const auto sent = store_->get({"PUT", key_, query, ByteView(buffer_).first(count)});
    if (!sent) return std::unexpected(sent.error());
    etags_.push_back(sent->etag);
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
    return {};
  }
  Status finish_parts() {
    std::string body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < etags_.size(); ++i) {
      body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1, etags_[i]);
    }
    body += "</CompleteMultipartUpload>";
    const auto reply = store_->get(
        {"POST", key_, "uploadId=" + encoded(upload_, false), {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}});
    if (!reply) return std::unexpected(reply.error());
    // A failure may come with status 200, while the answer was under way.
    if (reply->body.find("<Error") != std::string::npos) return fail(ErrorCode::unavailable, "the store could not join the parts");
    return {};
  }

  const std::shared_ptr<Store> store_;
  const std::string key_;
  Bytes buffer_;
  std::uint64_t size_ = 0;
  std::string upload_;
  std::vector<std::string> etags_;
  bool done_ = false;
};

class S3Disk final : public Disk {
 public:
  S3Disk(std::shared_ptr<Store> store, const Clock& clock) : store_(std::move(store)), clock_(clock) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    const auto there = store_->get({"HEAD", path, {}});
    if (there) return fail(ErrorCode::conflict, path + " exists");
    if (there.error().code != ErrorCode::not_found) return std::unexpected(there.error());
    return std::make_unique<S3WriteFile>(store_, path);
  }
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override {
    const auto head = store_->get({"HEAD", path, {}});
    if (!head) return std::unexpected(head.error());
    if (!head->length) return fail(ErrorCode::unavailable, "the store does not tell the size of " + path);
    return std::make_unique<S3ReadFile>(store_, path, *head->length);
  }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override { return open_read(path); }

  Result<std::vector<DiskEntry>> list(const std::string& folder) override {
    const auto prefix = store_->prefix() + (folder.empty() ? std::string{} : folder + '/');
    std::vector<DiskEntry> entries;
    std::string next;
    do {
      std::string query = next.empty() ? "" : "continuation-token=" + encoded(next, false) + "&";
      query += "delimiter=%2F&list-type=2&prefix=" + encoded(prefix, false);
      const auto page = store_->get({"GET", {}, query});
      if (!page) return std::unexpected(page.error());
      pugi::xml_document document;
      if (!document.load_buffer(page->body.data(), page->body.size())) return fail(ErrorCode::unavailable, "the store's list is no XML");
      const auto result = document.child("ListBucketResult");
      for (const auto object : result.children("Contents")) {
        const std::string key = object.child_value("Key");
        if (key.size() > prefix.size() && key.starts_with(prefix)) {
          entries.push_back({key.substr(prefix.size()), false, object.child("Size").text().as_ullong()});
        }
      }
      for (const auto common : result.children("CommonPrefixes")) {
        std::string key = common.child_value("Prefix");
        if (key.size() > prefix.size() + 1 && key.starts_with(prefix)) {
          entries.push_back({key.substr(prefix.size(), key.size() - prefix.size() - 1), true, 0});
        }
      }
      next = result.child_value("NextContinuationToken");
    } while (!next.empty());
    if (entries.empty() && !folder.empty()) return fail(ErrorCode::not_found, "there is no folder " + folder);
    std::ranges::sort(entries, {}, &DiskEntry::name);
    return entries;
  }
  /// A folder is nothing but a part of names: there is none to remove.
  Status remove(const std::string& path) override {
    if (path.find('.') == std::string::npos) return {};
    const auto gone = store_->get({"DELETE", path, {}});
    return gone ? Status{} : std::unexpected(gone.error());
  }
  Status rename(const std::string&, const std::string&) override { return fail(ErrorCode::unsupported, "an object keeps its name"); }
  Result<DiskSpace> space() override {
    constexpr DiskSpace endless{0, ~std::uint64_t{0} >> 1};
    const std::lock_guard lock(mutex_);
    if (asked_at_ && clock_.now() - *asked_at_ < ask_again) {
      if (last_error_) return std::unexpected(*last_error_);
      return endless;
    }
    const auto answer = store_->get({"GET", {}, "list-type=2&max-keys=1&prefix=" + encoded(store_->prefix(), false)});
    asked_at_ = clock_.now();
    last_error_.reset();
    if (answer) return endless;
    last_error_ = answer.error();
    return std::unexpected(answer.error());
  }
  Status sync_all() override { return {}; }

 private:
  const std::shared_ptr<Store> store_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<MonoTime> asked_at_;
  std::optional<Error> last_error_;
};

}  // namespace

Result<std::shared_ptr<Disk>> open_s3_disk(const S3Options& options, const Clock& clock) {
  const auto scheme = options.url.find("://");
  const auto host = scheme == std::string::npos ? std::string::npos : options.url.find('/', scheme + 3);
  if (host == std::string::npos || host + 1 >= options.url.size()) {
    return fail(ErrorCode::invalid_argument, "must be https://HOST/BUCKET or https://HOST/BUCKET/PREFIX", "s3");
  }
  const auto bucket_end = std::min(options.url.find('/', host + 1), options.url.size());
  auto prefix = bucket_end < options.url.size() ? options.url.substr(bucket_end + 1) : std::string{};
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty()) prefix += '/';
  auto store = std::make_shared<Store>(options, options.url.substr(0, bucket_end), std::move(prefix));
  return std::make_shared<S3Disk>(std::move(store), clock);
}

}  // namespace ccoc::archive
