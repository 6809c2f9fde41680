// A small blocking HTTP/1.1 client over one connection per request: enough for tests, independent of the
// hub's own HTTP code. Chunked bodies are not understood (the hub sends none).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ccoc::test {

struct HttpAnswer {
  int status = 0;  ///< 0: no answer
  std::string head;
  std::string body;
  boost::json::value json() const { return boost::json::parse(body); }
  std::string header(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }
};

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : port_(port) {}

  HttpAnswer request(const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& type = "application/json", const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    HttpAnswer answer;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(fd);
      return answer;
    }
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\nConnection: close\r\n";
    if (!cookie_.empty()) text += "Cookie: " + cookie_ + "\r\n";
    if (!csrf_.empty()) text += "X-CSRF-Token: " + csrf_ + "\r\n";
    for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
    if (!body.empty() || method != "GET") {
      text += "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    text += "\r\n" + body;
    for (std::size_t done = 0; done < text.size();) {
      const auto count = ::send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    std::string all;
    char buffer[65536];
    for (ssize_t count; (count = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(fd);
    const auto end = all.find("\r\n\r\n");
    if (end == std::string::npos || all.size() < 12) return answer;
    answer.status = std::stoi(all.substr(9, 3));
    answer.head = all.substr(0, end + 2);
    answer.body = all.substr(end + 4);
    return answer;
  }
  HttpAnswer get(const std::string& target) { return request("GET", target); }

  /// Logs in and keeps cookie and CSRF token.
  HttpAnswer log_in(const std::string& user, const std::string& password) {
    auto answer =
        request("POST", "/api/v1/session", boost::json::serialize(boost::json::object{{"username", user}, {"password", password}}));
    if (answer.status == 200) {
      const auto cookie = answer.header("Set-Cookie");
      cookie_ = cookie.substr(0, cookie.find(';'));
      csrf_ = std::string(answer.json().as_object().at("csrf_token").as_string());
    }
    return answer;
  }
  const std::string& cookie() const { return cookie_; }

 private:
  std::uint16_t port_;
  std::string cookie_;
  std::string csrf_;
};

}  // namespace ccoc::test
