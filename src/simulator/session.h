// One RTSP connection to the farm: answers requests and passes frames on, over the connection or by UDP. Farm thread only.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <random>

#include "ccoc/base/clock.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"
#include "ccoc/simulator/farm.h"

namespace ccoc::simulator {

class Session;
class Stream;

/// What a session asks of its farm.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual const FarmOptions& options() const = 0;
  virtual const Clock& clock() const = 0;
  /// By path ("/cam01/main", more may follow); null when there is none.
  virtual Stream* find_stream(std::string_view path) = 0;
  enum class Mood { fine, silent, down };  ///< silent: it stalls; down: it reboots
  virtual Mood mood(unsigned camera) const = 0;
  /// The fault that lasts, when it does now.
  virtual const Fault* condition(unsigned camera, FaultKind kind) const = 0;
  /// Any of them at all: most cameras behave.
  virtual bool has_conditions(unsigned camera) const = 0;
  virtual std::minstd_rand& random() = 0;
  /// The farm's UDP sockets, -1 when UDP is off.
  virtual int rtp_socket() const = 0;
  virtual int rtcp_socket() const = 0;
  virtual std::pair<std::uint16_t, std::uint16_t> udp_ports() const = 0;
  virtual std::string new_session_id() = 0;
  /// The descriptor wants to be told when it can be written, or read.
  virtual void watch(Session& session, bool readable, bool writable) = 0;
  /// The stream may have been idle: it has frames to send from now on.
  virtual void viewer_added(Stream& stream) = 0;
  /// The session is closed and waits to be destroyed.
  virtual void ended(Session& session) = 0;
};

class Session {
 public:
  Session(SessionHost& host, int fd, const sockaddr_storage& peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int fd() const { return fd_; }
  bool closed() const { return closed_; }
  /// The camera its requests named; 0 before the first.
  unsigned camera() const { return camera_; }
  bool paused() const { return paused_; }
  bool owes_bytes() const { return backlog_sent_ < backlog_.size(); }

  void on_readable();
  void on_writable();
  /// False when the frame was not taken: the viewer waits for a key frame, or is too slow (counted).
  bool send_frame(std::span<std::uint8_t> bytes, bool key, unsigned packets);
  /// The sound of that frame's time, to viewers who set its track up.
  void send_sound(std::int64_t frame, double fps);
  /// Closes the connection in the middle of the next frame; at once when none is on its way.
  void drop_in_mid_frame();
  /// Nothing is read until `pause(false)`.
  void pause(bool paused);
  /// The farm destroys it soon; until then it takes nothing.
  void close();
  /// Nothing more will be sent.
  void finish();
  /// Reads and forgets; closes at the end of the input.
  void discard_input();
  /// Closes what says nothing for too long (no request, no receiver report).
  void check_alive(MonoTime now);
  /// A receiver report came from this address.
  bool owns_rtcp_address(const sockaddr_storage& from) const;
  void touch();

 private:
  void handle(const rtsp::Message& request);
  rtsp::Message answer(const rtsp::Message& request);
  rtsp::Message describe(const rtsp::Message& request, int cseq);
  rtsp::Message setup(const rtsp::Message& request, int cseq);
  rtsp::Message set_up_sound(const rtsp::Message& request, int cseq);
  rtsp::Message play(const rtsp::Message& request, int cseq);
  bool authorized(const rtsp::Message& request, rtsp::Message& refusal);
  void stop_playing();
  void write(ByteView bytes);
  void send_report(MonoTime now);
  void send_udp(std::span<std::uint8_t> bytes);
  bool suffers(FaultKind kind) const { return host_.condition(camera_, kind) != nullptr; }
  std::optional<rtsp::Message> refuse(const rtsp::Message& request, int cseq) const;
  Bytes distorted(ByteView frame) const;

  SessionHost& host_;
  int fd_;
  sockaddr_storage peer_;
  bool closed_ = false;
  bool paused_ = false;
  rtsp::StreamParser parser_;
  rtsp::AuthServer auth_;

  unsigned camera_ = 0;
  Stream* stream_ = nullptr;
  std::string session_id_;
  std::optional<rtsp::Transport> transport_;
  std::optional<std::uint8_t> sound_channel_;
  std::uint16_t sound_sequence_ = 0;
  sockaddr_storage rtp_to_{}, rtcp_to_{};
  bool playing_ = false;
  bool needs_key_ = true;
  bool drop_next_ = false;
  bool watching_write_ = false;

  Bytes backlog_;
  std::size_t backlog_sent_ = 0;
  MonoTime next_report_{};
  MonoTime last_heard_;
  std::uint32_t packets_ = 0, octets_ = 0;
};

}  // namespace ccoc::simulator
