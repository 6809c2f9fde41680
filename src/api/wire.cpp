#include "wire.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

namespace ccoc::api {
namespace {

constexpr std::size_t most_pieces = 64;
constexpr std::size_t longest_frame_header = 10;
constexpr char close_frame = '\x88';

/// RFC 6455 §5.2: the whole message in one frame.
std::size_t write_frame_header(bool binary, std::size_t size, std::uint8_t* out) {
  constexpr std::uint8_t last_of_message = 0x80, text_frame = 1, binary_frame = 2;
  out[0] = last_of_message | (binary ? binary_frame : text_frame);
  const std::size_t length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  out[1] = static_cast<std::uint8_t>(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < length_bytes; ++i) out[2 + i] = static_cast<std::uint8_t>(size >> 8 * (length_bytes - 1 - i));
  return 2 + length_bytes;
}

}  // namespace

struct Wire::State : std::enable_shared_from_this<State> {
  struct Piece {
    std::array<std::uint8_t, longest_frame_header + unit_header_size> head{};
    std::size_t head_size = 0;
    std::string own;
    SharedBytes shared;
    std::array<ByteView, 3> parts() const {
      return {ByteView(head).first(head_size), as_bytes(own), shared ? ByteView(*shared) : ByteView{}};
    }
    std::size_t size() const { return head_size + own.size() + (shared ? shared->size() : 0); }
  };

  explicit State(boost::beast::tcp_stream s) : stream(std::move(s)) {}

  void flush() {
    if (waiting) return;
    if (!send_queue()) return wait();
    complete({});
  }

  void complete(boost::system::error_code error) {
    if (completion) std::exchange(completion, nullptr)(error, error ? 0 : completion_size);
  }

  void fail(boost::system::error_code error) {
    broken = true;
    queue.clear();
    unsent = front_sent = 0;
    complete(error);
    boost::system::error_code ignored;
    stream.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  }

  void wait() {
    waiting = true;
    stream.socket().async_wait(boost::asio::ip::tcp::socket::wait_write, [self = shared_from_this()](boost::system::error_code error) {
      self->waiting = false;
      if (error) return self->fail(error);
      self->flush();
      if (!self->waiting && self->drained) self->drained();
    });
  }

  /// False when the kernel takes no more now.
  bool send_queue() {
    while (!queue.empty()) {
      std::size_t wanted = 0;
      const auto sent = send_some(wanted);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return false;
      if (sent < 0) {
        fail({errno, boost::system::system_category()});
        return true;
      }
      drop(static_cast<std::size_t>(sent));
      if (static_cast<std::size_t>(sent) < wanted) return false;
    }
    return true;
  }

  ssize_t send_some(std::size_t& wanted) {
    std::array<iovec, most_pieces> pieces;
    std::size_t count = 0, skip = front_sent;
    const auto add = [&](ByteView bytes) {
      const auto left_out = std::min(skip, bytes.size());
      skip -= left_out;
      bytes = bytes.subspan(left_out);
      if (bytes.empty()) return;
      pieces[count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
      wanted += bytes.size();
    };
    for (auto piece = queue.begin(); piece != queue.end() && count + 3 <= most_pieces; ++piece) std::ranges::for_each(piece->parts(), add);
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    return ::sendmsg(stream.socket().native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void drop(std::size_t bytes) {
    unsent -= bytes;
    bytes += front_sent;
    while (!queue.empty() && bytes >= queue.front().size()) {
      bytes -= queue.front().size();
      queue.pop_front();
    }
    front_sent = bytes;
  }

  void push(Piece piece) {
    if (broken) return;
    unsent += piece.size();
    queue.push_back(std::move(piece));
  }

  boost::beast::tcp_stream stream;
  std::deque<Piece> queue;
  std::size_t front_sent = 0;  ///< of the first piece
  std::size_t unsent = 0;
  bool waiting = false;  ///< for the kernel to take more
  bool broken = false;
  bool closed = false;    ///< Beast has sent its close frame, behind which nothing may follow (RFC 6455 §5.5.1)
  Completion completion;  ///< of Beast's one write
  std::size_t completion_size = 0;
  std::function<void()> drained;
};

Wire::Wire(boost::beast::tcp_stream stream) : state_(std::make_shared<State>(std::move(stream))) {}

Wire::~Wire() {
  if (!state_) return;
  state_->drained = nullptr;
  boost::system::error_code ignored;
  state_->stream.socket().close(ignored);
}

void Wire::put(OutMessage message) {
  if (state_->closed) return;
  State::Piece piece;
  const auto size = message.binary ? unit_header_size + message.bytes->size() : message.text.size();
  piece.head_size = write_frame_header(message.binary, size, piece.head.data());
  if (message.binary) {
    std::ranges::copy(message.header, piece.head.data() + piece.head_size);
    piece.head_size += unit_header_size;
    piece.shared = std::move(message.bytes);
  } else {
    piece.own = std::move(message.text);
  }
  state_->push(std::move(piece));
}

void Wire::flush() { state_->flush(); }
std::size_t Wire::unsent() const { return state_->unsent; }
void Wire::on_drained(std::function<void()> call) { state_->drained = std::move(call); }
boost::beast::tcp_stream& Wire::next_layer() { return state_->stream; }
const boost::beast::tcp_stream& Wire::next_layer() const { return state_->stream; }

void Wire::write(std::string bytes, Completion completion) {
  if (state_->broken) return completion(boost::asio::error::broken_pipe, 0);
  state_->completion_size = bytes.size();
  state_->completion = std::move(completion);
  state_->closed = state_->closed || bytes.starts_with(close_frame);
  State::Piece piece;
  piece.own = std::move(bytes);
  state_->push(std::move(piece));
  state_->flush();
}

}  // namespace ccoc::api
