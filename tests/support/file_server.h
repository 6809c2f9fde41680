// A small HTTP server for tests: files of one folder, with ranges, redirects, a login, and Motion JPEG without end.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ccoc::test {

class FileServer {
 public:
  struct Answer {
    std::string head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    std::string body;
    std::string repeated;  ///< sent again and again after the body, 25 times a second
  };
  /// Of a request's head.
  using Handler = std::function<Answer(const std::string& head)>;

  /// `host`: a numeric IPv4 address of this machine.
  explicit FileServer(Handler handler, std::string host = "127.0.0.1") : handler_(std::move(handler)), host_(std::move(host)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, host_.c_str(), &address.sin_addr);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~FileServer() {
    stopping_ = true;
    acceptor_.join();
    for (auto& worker : workers_) worker.join();
    ::close(listener_);
  }
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  std::string url(const std::string& path) const { return "http://" + host_ + ":" + std::to_string(port_) + path; }

  /// Serves the files of a folder.
  static Handler files_of(const std::filesystem::path& folder) {
    return [folder](const std::string& head) {
      Answer answer;
      const auto path = path_of(head);
      std::ifstream in(folder / path.substr(1), std::ios::binary);
      if (path.size() < 2 || path.find("..") != std::string::npos || !in) return answer;
      answer.body.assign(std::istreambuf_iterator<char>(in), {});
      answer.head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
      return answer;
    };
  }
  /// Sends whoever asks to another place.
  static Handler redirect_to(const std::string& url) {
    return [url](const std::string&) {
      Answer answer;
      answer.head = "HTTP/1.1 302 Found\r\nLocation: " + url + "\r\nContent-Length: 0\r\n\r\n";
      return answer;
    };
  }
  static std::string path_of(const std::string& head) {
    const auto from = head.find(' ');
    return from == std::string::npos ? std::string() : head.substr(from + 1, head.find(' ', from + 1) - from - 1);
  }

 private:
  void accept_all() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer >= 0) workers_.emplace_back([this, peer] { serve(peer); });
    }
  }

  void serve(int peer) {
    std::string head;
    while (!stopping_) {
      const auto end = head.find("\r\n\r\n");
      if (end != std::string::npos) {
        if (!answer(peer, handler_(head.substr(0, end + 2)))) break;
        head.erase(0, end + 4);
        continue;
      }
      pollfd waiting{peer, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      char buffer[4096];
      const auto count = ::recv(peer, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      head.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(peer);
  }

  bool answer(int peer, const Answer& answer) {
    bool good = send_all(peer, answer.head + answer.body);
    while (good && !answer.repeated.empty() && !stopping_) {
      good = send_all(peer, answer.repeated);
      pollfd gone{peer, POLLRDHUP, 0};
      ::poll(&gone, 1, 40);  // a frame every 40 ms, while there is somebody
    }
    return good && answer.repeated.empty();
  }

  bool send_all(int peer, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      pollfd waiting{peer, POLLOUT, 0};
      if (stopping_) return false;
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const auto count = ::send(peer, text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) return false;
      done += static_cast<std::size_t>(count);
    }
    return true;
  }

  Handler handler_;
  const std::string host_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
  std::vector<std::thread> workers_;
};

}  // namespace ccoc::test
