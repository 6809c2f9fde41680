#include <algorithm>

#include "ccoc/rtsp/message.h"
#include "text.h"

namespace ccoc::rtsp {
namespace {

constexpr std::size_t max_headers = 128;
constexpr std::size_t max_garbage = 256 * 1024;
constexpr std::size_t max_method = 24;
constexpr std::size_t max_first_line = 16 * 1024;
constexpr std::size_t head_chunk = 2048;

constexpr std::string_view starts[] = {"RTSP/1.", "OPTIONS ",  "DESCRIBE ",      "ANNOUNCE ",      "SETUP ",    "PLAY ",
                                       "PAUSE ",  "TEARDOWN ", "GET_PARAMETER ", "SET_PARAMETER ", "REDIRECT ", "RECORD "};

bool is_method_char(std::uint8_t c) { return (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_line_end(std::uint8_t c) { return c == '\r' || c == '\n'; }

/// Could `text` be, or become, the start of a message that the standard names?
bool known_start(std::string_view text) {
  return std::any_of(std::begin(starts), std::end(starts),
                     [&](std::string_view s) { return text.starts_with(s) || (text.size() < s.size() && s.starts_with(text)); });
}

/// Any "TOKEN " or "RTSP/": a method we may not know, from a peer we are in step with.
bool token_start(std::string_view text) {
  if (text.empty() || !is_method_char(static_cast<std::uint8_t>(text[0]))) return false;
  for (std::size_t i = 0; i < text.size() && i < max_method; ++i) {
    if (text[i] == ' ') return i >= 3;
    if (text[i] == '/') return text.substr(0, i) == "RTSP";
    if (!is_method_char(static_cast<std::uint8_t>(text[i]))) return false;
  }
  return text.size() < max_method;
}

/// Offset behind the empty line that ends a head; 0 when it is not there yet.
std::size_t head_end(std::string_view text, std::size_t from) {
  for (auto at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    if (at + 2 < text.size() && text[at + 1] == '\r' && text[at + 2] == '\n') return at + 3;
  }
  return 0;
}

bool printable(std::string_view line) {
  return std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 && !is_space(c); });
}

bool good_first_line(std::string_view line) {
  if (!printable(line)) return false;
  line = trim(line);
  if (line.starts_with("RTSP/1.")) return true;
  const auto at = line.rfind(' ');
  return at != std::string_view::npos && line.substr(at + 1).starts_with("RTSP/1.");
}

std::string_view next_line(std::string_view& rest) {
  auto line = take(rest, '\n');
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool parse_first_line(std::string_view line, Message& m) {
  line = trim(line);
  if (line.starts_with("RTSP/")) {
    take(line, ' ');
    line = trim(line);
    const auto status = to_int<int>(take(line, ' '));
    if (!status || *status < 100 || *status > 999) return false;
    m.status = *status;
    m.reason = trim(line);
    return true;
  }
  m.request = true;
  m.method = take(line, ' ');
  m.uri = trim(line.substr(0, line.rfind(' ')));
  return !m.uri.empty();
}

}  // namespace

void StreamParser::expect_channel(std::uint8_t channel) { channels_.set(channel); }

void StreamParser::feed(ByteView bytes) {
  last_append_ = 0;
  drop_from_tail(tail_to_drop_);
  input_ = bytes;
}

std::nullopt_t StreamParser::give_up(ErrorCode code, std::string message) {
  error_ = Error{code, std::move(message), {}};
  tail_.clear();
  partial_.reset();
  input_ = {};
  return std::nullopt;
}

void StreamParser::drop_from_tail(std::size_t bytes) {
  tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(bytes));
  tail_to_drop_ = 0;
  scanned_ = 0;
  // What came from the present input and was not needed is read from there again, without the copy.
  if (tail_.size() <= last_append_) {
    input_ = ByteView(input_.data() - tail_.size(), input_.size() + tail_.size());
    tail_.clear();
  }
  last_append_ = std::min(last_append_, tail_.size());
}

std::optional<StreamParser::Item> StreamParser::next() {
  if (error_) return std::nullopt;
  if (tail_to_drop_ > 0) drop_from_tail(tail_to_drop_);
  std::optional<Item> out;
  for (;;) {
    if (partial_) {
      fill_body(out);
      return out;
    }
    const bool in_tail = !tail_.empty();
    const ByteView view = in_tail ? ByteView(tail_) : input_;
    if (view.empty()) return std::nullopt;
    const Step step = look(view, out);
    if (error_) return std::nullopt;
    if (step.kind == Kind::more) {
      const std::size_t wanted = std::max(step.bytes, view.size() + 1) - (in_tail ? view.size() : 0);
      const std::size_t taken = in_tail ? std::min(wanted, input_.size()) : input_.size();
      if (taken == 0) return std::nullopt;
      tail_.insert(tail_.end(), input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(taken));
      last_append_ += taken;
      input_ = input_.subspan(taken);
      if (!in_tail) return std::nullopt;
      continue;
    }
    if (step.kind == Kind::garbage) {
      skipped_ += step.bytes;
      skipped_in_a_row_ += step.bytes;
      if (skipped_in_a_row_ > max_garbage) {
        return give_up(ErrorCode::corrupt, "the peer sends something else than RTSP (over 256 KiB without a message)");
      }
    } else if (out || partial_) {
      skipped_in_a_row_ = 0;
      in_step_ = true;
    }
    if (in_tail && out) {
      tail_to_drop_ = step.bytes;  // a frame's view looks into the tail until the next call
    } else if (in_tail) {
      drop_from_tail(step.bytes);
    } else {
      input_ = input_.subspan(step.bytes);
      scanned_ = 0;
    }
    if (out) return out;
  }
}

StreamParser::Step StreamParser::look(ByteView view, std::optional<Item>& out) {
  if (view[0] == '$') {
    const bool expected = channels_.none() || view.size() < 2 || channels_.test(view[1]);
    if (in_step_ && expected) return look_frame(view, out);
    if (view.size() < 5) return {Kind::more, 5};
    return plausible_frame(view, expected) ? look_frame(view, out) : skip_garbage(view);
  }
  if (is_line_end(view[0])) {  // some cameras put empty lines between messages
    std::size_t n = 1;
    while (n < view.size() && is_line_end(view[n])) ++n;
    return n < 64 ? Step{Kind::item, n} : skip_garbage(view);
  }
  return look_message(view, out);
}

bool StreamParser::plausible_frame(ByteView view, bool expected) const {
  const std::size_t size = static_cast<std::size_t>(view[2] << 8 | view[3]);
  if (size < 8 || view[4] >> 6 != 2 || !(expected || in_step_)) return false;
  if (view.size() <= 4 + size) return true;
  const auto after = view[4 + size];
  return after == '$' || is_line_end(after) || is_method_char(after);
}

StreamParser::Step StreamParser::look_frame(ByteView view, std::optional<Item>& out) {
  if (view.size() < 4) return {Kind::more, 4};
  const std::size_t size = static_cast<std::size_t>(view[2] << 8 | view[3]);
  if (view.size() < 4 + size) return {Kind::more, 4 + size};
  out = InterleavedFrame{view[1], view.subspan(4, size)};
  return {Kind::item, 4 + size};
}

StreamParser::Step StreamParser::skip_garbage(ByteView view) {
  in_step_ = false;
  std::size_t n = 1;
  while (n < view.size()) {
    const auto c = view[n];
    if (c == '$' || (is_method_char(c) && known_start(as_text(view.subspan(n))))) break;
    ++n;
  }
  return {Kind::garbage, n};
}

StreamParser::Step StreamParser::look_message(ByteView view, std::optional<Item>& out) {
  const auto text = as_text(view);
  if (!(in_step_ ? token_start(text) : known_start(text))) return skip_garbage(view);
  const auto line_end = text.find('\n');
  const bool line_good =
      line_end == std::string_view::npos ? text.size() <= max_first_line && printable(text) : good_first_line(text.substr(0, line_end));
  if (!line_good) return skip_garbage(view);
  const std::size_t end = head_end(text, scanned_ > 3 ? scanned_ - 3 : 0);
  if (end == 0 ? view.size() > limits_.head_bytes : end > limits_.head_bytes) {
    give_up(ErrorCode::limit_exceeded, "the peer's RTSP headers are longer than 64 KiB");
    return {};
  }
  if (end == 0) {
    scanned_ = view.size();
    return {Kind::more, view.size() + head_chunk};
  }
  std::size_t body_size = 0;
  partial_.emplace();
  if (!parse_head(text.substr(0, end), body_size)) {
    partial_.reset();
    return error_ ? Step{} : skip_garbage(view);
  }
  if (body_size == 0) {
    out = std::move(*partial_);
    partial_.reset();
  } else {
    body_size_ = body_size;
  }
  return {Kind::item, end};
}

bool StreamParser::parse_head(std::string_view head, std::size_t& body_size) {
  Message& m = *partial_;
  if (!parse_first_line(next_line(head), m)) return false;
  while (!head.empty()) {
    const auto line = next_line(head);
    if (line.empty()) continue;
    if ((line[0] == ' ' || line[0] == '\t') && !m.headers.empty()) {
      m.headers.back().value += " " + std::string(trim(line));
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // text between headers is nobody's error
    if (m.headers.size() == max_headers) {
      give_up(ErrorCode::limit_exceeded, "the peer sends more than 128 headers");
      return false;
    }
    m.headers.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
  }
  if (!m.has("Content-Length")) return true;
  const auto size = to_int<std::uint64_t>(m.header("Content-Length"));
  if (!size || *size > limits_.body_bytes) {
    give_up(ErrorCode::limit_exceeded,
            "the peer announces a body of '" + std::string(m.header("Content-Length").substr(0, 24)) + "' bytes; at most 1 MiB is taken");
    return false;
  }
  body_size = static_cast<std::size_t>(*size);
  return true;
}

void StreamParser::fill_body(std::optional<Item>& out) {
  auto& body = partial_->body;
  const auto move_from = [&](ByteView from) {
    const std::size_t n = std::min(from.size(), body_size_ - body.size());
    body.append(as_text(from.first(n)));
    return n;
  };
  if (!tail_.empty()) drop_from_tail(move_from(tail_));
  if (tail_.empty()) input_ = input_.subspan(move_from(input_));
  if (body.size() < body_size_) return;
  out = std::move(*partial_);
  partial_.reset();
}

}  // namespace ccoc::rtsp
