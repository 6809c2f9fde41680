// One live stream as low-latency HLS (RFC 8216bis §4.4.4.9, §6.2.5.2): parts of half a second, segments that begin with key
// frames where they can, kept in memory, shared by all viewers. Lives on the playback reactor's thread but for the subscriber's
// calls; nobody waits in a thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/api/http.h"
#include "ccoc/archive/types.h"
#include "ccoc/base/reactor.h"
#include "ccoc/live/directory.h"

namespace ccoc::api {

class LiveHls final : public live::Subscriber, public std::enable_shared_from_this<LiveHls> {
 public:
  using Done = std::function<void(Response&&)>;

  /// The references outlive it.
  LiveHls(Reactor& reactor, live::Directory& directory, archive::StreamKey key);
  ~LiveHls() override;
  void start();
  /// Whoever waits is refused.
  void stop();
  /// Now and then: follows a channel that was made anew, refuses who waited too long.
  void tick();

  /// What a blocking reload waits for; without `sequence` the playlist is given as soon as it has a segment.
  struct Wanted {
    std::optional<std::uint64_t> sequence;
    std::optional<std::uint64_t> part;
    std::string token;  ///< "?token=…", put behind every address; may be empty
  };
  void playlist(const Wanted& wanted, Done done);
  /// "12.m4s", "12.3.m4s", "init-1.mp4". A part that was announced is waited for.
  void file(const std::string& name, Done done);

  MonoTime last_asked() const { return last_asked_; }

  // live::Subscriber, on the media thread.
  void on_unit(const live::LiveUnitPtr& unit) override;
  void on_audio(const media::AudioUnitPtr& unit) override;
  void on_interrupted(media::GapCause cause, std::string_view reason) override;

 private:
  struct Part {
    SharedBytes bytes;
    std::int64_t ticks = 0;
    bool independent = false;
  };
  struct Segment {
    std::uint64_t sequence = 0;
    UtcTime start;
    std::vector<Part> parts;
    std::int64_t ticks = 0;
    unsigned init = 0;
    bool discontinuity = false;
    bool whole = false;
    std::size_t bytes = 0;
  };
  struct Sample {
    media::AccessUnitPtr unit;
    std::int64_t ticks = 0;
  };
  struct Waiter {
    /// An answer, or nothing yet.
    std::function<std::optional<Response>()> look;
    Done done;
    MonoTime until;
  };

  void take(const media::AccessUnitPtr& unit);
  void take_sound(const media::AudioUnitPtr& unit);
  void break_off();
  void begin_segment(const media::AccessUnitPtr& unit);
  void close_part();
  void close_segment();
  void drop_old();
  void attach(std::shared_ptr<live::Channel> channel);
  void answer_or_wait(std::function<std::optional<Response>()> look, Done done);
  void tell_waiters();
  bool reached(const Wanted& wanted) const;
  std::string playlist_text(const std::string& token) const;
  std::optional<Response> find_file(const std::string& name) const;
  const Segment* find_segment(std::uint64_t sequence) const;

  Reactor& reactor_;
  live::Directory& directory_;
  const archive::StreamKey key_;
  std::shared_ptr<live::Channel> channel_;
  std::shared_ptr<live::Subscriber> feed_;
  MonoTime last_asked_;
  std::vector<Waiter> waiters_;

  std::deque<Segment> segments_;  ///< the last may be open
  std::uint64_t next_sequence_;
  std::uint64_t discontinuities_gone_ = 0;
  std::map<unsigned, SharedBytes> inits_;
  unsigned init_ = 0;
  media::VideoFormatPtr video_;
  media::AudioFormatPtr audio_;  ///< in the present initialization segment
  media::AudioFormatPtr heard_;  ///< that comes
  bool wrong_codec_ = false;
  bool broken_ = false;  ///< something is missing before the next segment

  media::AccessUnitPtr last_;  ///< its duration is known when the next comes
  std::int64_t last_ticks_ = 3600;
  std::vector<Sample> samples_;  ///< of the part in the making
  std::vector<media::AudioUnitPtr> sound_;
  std::size_t sound_bytes_ = 0;
  std::int64_t decode_time_ = 0;  ///< of the part in the making
  std::int64_t sound_end_ = 0;
  std::int64_t part_ticks_ = 0;
  std::int64_t part_target_ = 0;  ///< 0 until the pace of the pictures is known
  std::uint32_t fragment_ = 0;
};

/// The muxers that run: one a stream, made when somebody asks and ended when nobody has for a while. Any thread.
class LiveHlsStreams : public std::enable_shared_from_this<LiveHlsStreams> {
 public:
  LiveHlsStreams(Reactor& reactor, live::Directory& directory);
  /// Posts everything's end; what waits is refused.
  void stop();

  /// Answers with an error when the stream is not live or too many run.
  void playlist(const archive::StreamKey& key, const LiveHls::Wanted& wanted, LiveHls::Done done);
  void file(const archive::StreamKey& key, const std::string& name, LiveHls::Done done);
  /// True when this viewer has not asked for this stream lately (for the audit trail).
  bool is_new_viewer(const std::string& viewer, MonoTime now);

 private:
  void tick();

  Reactor& reactor_;
  live::Directory& directory_;
  std::map<archive::StreamKey, std::shared_ptr<LiveHls>> running_;  ///< reactor's thread
  std::unique_ptr<Timer> timer_;                                    ///< reactor's thread
  bool stopped_ = false;                                            ///< reactor's thread
  std::mutex mutex_;
  std::map<std::string, MonoTime> viewers_;
};

}  // namespace ccoc::api
