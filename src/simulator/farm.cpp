#include "ccoc/simulator/farm.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <queue>
#include <thread>
#include <unordered_map>

#include "poller.h"
#include "session.h"
#include "stream.h"

namespace ccoc::simulator {
namespace {

constexpr Duration coalesce{200};  ///< frames due this soon are sent now: one wake-up for several cameras
constexpr Duration sweep_interval = std::chrono::seconds{5};
constexpr Duration farewell = std::chrono::seconds{1};

/// When a stream is looked at again; the stream itself knows whether a frame is due by then.
struct Appointment {
  MonoTime at;
  Stream* stream = nullptr;
  bool operator>(const Appointment& other) const { return at > other.at; }
};

struct CameraState {
  Stream* main = nullptr;
  Stream* sub = nullptr;
  MonoTime down_until{};
  MonoTime silent_until{};
  std::vector<std::pair<Fault, MonoTime>> conditions;  ///< and when they end
};

}  // namespace

std::string camera_name(unsigned camera) {
  char text[16];
  std::snprintf(text, sizeof text, "cam%02u", camera);
  return text;
}

struct Farm::Impl final : SessionHost {
  FarmOptions options_;
  SystemClock clock_;
  Listener listener_;
  Poller poller_;
  MonoTime start_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<CameraState> cameras_;
  std::priority_queue<Appointment, std::vector<Appointment>, std::greater<>> agenda_;
  std::optional<MonoTime> next_end_;  ///< of the first silence or condition
  std::unordered_map<int, std::unique_ptr<Session>> sessions_;
  std::vector<int> ended_;
  MonoTime next_sweep_;
  std::minstd_rand random_{std::random_device{}()};

  std::mutex mutex_;
  std::vector<Fault> wanted_;
  bool stopping_ = false;
  std::thread thread_;

  // SessionHost
  const FarmOptions& options() const override { return options_; }
  const Clock& clock() const override { return clock_; }
  int rtp_socket() const override { return listener_.rtp; }
  int rtcp_socket() const override { return listener_.rtcp; }
  std::pair<std::uint16_t, std::uint16_t> udp_ports() const override { return listener_.udp_ports; }
  void watch(Session& s, bool readable, bool writable) override { poller_.change(s.fd(), readable, writable); }
  void viewer_added(Stream& stream) override;
  void ended(Session& s) override { ended_.push_back(s.fd()); }
  Stream* find_stream(std::string_view path) override;
  Mood mood(unsigned camera) const override;
  const Fault* condition(unsigned camera, FaultKind kind) const override;
  bool has_conditions(unsigned camera) const override { return camera != 0 && !cameras_[camera - 1].conditions.empty(); }
  std::minstd_rand& random() override { return random_; }
  std::string new_session_id() override;

  void build_streams();
  void run();
  void accept_all();
  void read_rtcp();
  void handle(const Poller::Ready& ready);
  std::optional<MonoTime> next_due() const;
  void send_due();
  void take_faults();
  void apply_now(const Fault& fault);
  void apply_to(unsigned camera, const Fault& fault);
  void begin_condition(CameraState& camera, const Fault& fault, MonoTime now);
  void end_conditions(CameraState& camera, MonoTime now, bool all);
  static void set_pace(CameraState& camera, double ppm);
  void ends_at(MonoTime when);
  void end_what_lasts(MonoTime now);
  void sweep(MonoTime now);
  void reap();
  void say_farewell();
};

void Farm::Impl::build_streams() {
  start_ = clock_.now();
  next_sweep_ = start_ + sweep_interval;
  cameras_.resize(options_.cameras.size());
  const auto count = static_cast<std::int64_t>(options_.cameras.size());
  for (std::size_t i = 0; i < options_.cameras.size(); ++i) {
    const auto number = static_cast<unsigned>(i + 1);
    const auto add = [&](const ClipPtr& clip, const char* role) -> Stream* {
      if (!clip) return nullptr;
      const auto period_us = static_cast<std::int64_t>(1e6 / clip->fps());
      streams_.push_back(std::make_unique<Stream>(number, role, clip, start_, Duration{period_us * static_cast<std::int64_t>(i) / count},
                                                  static_cast<std::uint32_t>(random_())));
      return streams_.back().get();
    };
    cameras_[i].main = add(options_.cameras[i].main, "main");
    cameras_[i].sub = add(options_.cameras[i].sub, "sub");
  }
}

Stream* Farm::Impl::find_stream(std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (!path.starts_with("/cam")) return nullptr;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(path.data() + 4, path.data() + path.size(), number);
  if (error != std::errc{} || number == 0 || number > cameras_.size()) return nullptr;
  if (path.substr(1, static_cast<std::size_t>(end - path.data()) - 1) != camera_name(number)) return nullptr;
  const auto rest = path.substr(static_cast<std::size_t>(end - path.data()));
  const auto is = [&](std::string_view role) { return rest.starts_with(role) && (rest.size() == role.size() || rest[role.size()] == '/'); };
  return is("/main") ? cameras_[number - 1].main : is("/sub") ? cameras_[number - 1].sub : nullptr;
}

SessionHost::Mood Farm::Impl::mood(unsigned camera) const {
  if (camera == 0) return Mood::fine;
  const auto& state = cameras_[camera - 1];
  const auto now = clock_.now();
  return now < state.down_until ? Mood::down : now < state.silent_until ? Mood::silent : Mood::fine;
}

const Fault* Farm::Impl::condition(unsigned camera, FaultKind kind) const {
  if (camera == 0) return nullptr;
  for (const auto& [fault, until] : cameras_[camera - 1].conditions) {
    if (fault.kind == kind) return &fault;
  }
  return nullptr;
}

void Farm::Impl::begin_condition(CameraState& camera, const Fault& fault, MonoTime now) {
  std::erase_if(camera.conditions, [&](const auto& each) { return each.first.kind == fault.kind; });
  const auto until = fault.length > Duration{0} ? now + fault.length : MonoTime::max();
  camera.conditions.emplace_back(fault, until);
  ends_at(until);
  if (fault.kind == FaultKind::drift) set_pace(camera, fault.value);
  for (auto* stream : {camera.main, camera.sub}) {
    if (stream == nullptr) continue;
    if (fault.kind == FaultKind::freeze) stream->freeze();
    if (fault.kind == FaultKind::black) stream->blacken();
  }
}

void Farm::Impl::end_conditions(CameraState& camera, MonoTime now, bool all) {
  std::erase_if(camera.conditions, [&](const auto& each) {
    if (!all && each.second > now) return false;
    if (each.first.kind == FaultKind::drift) set_pace(camera, 0);
    if (each.first.kind == FaultKind::freeze || each.first.kind == FaultKind::black) {
      for (auto* stream : {camera.main, camera.sub}) {
        if (stream != nullptr) stream->show_again();
      }
    }
    return true;
  });
}

void Farm::Impl::set_pace(CameraState& camera, double ppm) {
  for (auto* stream : {camera.main, camera.sub}) {
    if (stream != nullptr) stream->set_pace(ppm);
  }
}

std::string Farm::Impl::new_session_id() {
  std::string id;
  while (id.size() < 12) id += std::to_string(random_() % 10);
  return id;
}

std::optional<MonoTime> Farm::Impl::next_due() const {
  MonoTime due = next_sweep_;
  if (!agenda_.empty()) due = std::min(due, agenda_.top().at);
  if (const auto fault = options_.faults.next()) due = std::min(due, start_ + *fault);
  if (next_end_) due = std::min(due, *next_end_);
  return due;
}

void Farm::Impl::run() {
  std::vector<Poller::Ready> ready;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    poller_.wait(next_due(), ready);
    for (const auto& r : ready) handle(r);
    take_faults();
    send_due();
    const auto now = clock_.now();
    if (next_end_ && now >= *next_end_) end_what_lasts(now);
    if (now >= next_sweep_) sweep(now);
    reap();
  }
  say_farewell();
}

void Farm::Impl::handle(const Poller::Ready& ready) {
  if (ready.fd == listener_.tcp) return accept_all();
  if (ready.fd == listener_.rtcp) return read_rtcp();
  if (ready.fd == listener_.rtp) {
    sockaddr_storage from;
    for (std::uint8_t byte = 0; receive_from(listener_.rtp, {&byte, 1}, from);) {
    }  // punches through firewalls, nothing more
    return;
  }
  const auto found = sessions_.find(ready.fd);
  if (found == sessions_.end() || found->second->closed()) return;
  if (ready.failed) return found->second->close();
  if (ready.writable) found->second->on_writable();
  if (ready.readable && !found->second->closed()) found->second->on_readable();
}

void Farm::Impl::accept_all() {
  for (;;) {
    sockaddr_storage peer{};
    const auto fd = accept_from(listener_.tcp, peer);
    if (!fd) {
      // Out of descriptors: the sweep opens the door again.
      if (fd.error().code == ErrorCode::limit_exceeded) poller_.change(listener_.tcp, false, false);
      return;
    }
    sessions_[*fd] = std::make_unique<Session>(*this, *fd, peer);
    poller_.add(*fd);
  }
}

void Farm::Impl::read_rtcp() {
  std::array<std::uint8_t, 1500> packet;
  sockaddr_storage from{};
  while (receive_from(listener_.rtcp, packet, from)) {
    for (auto& [fd, session] : sessions_) {
      if (session->owns_rtcp_address(from)) session->touch();
    }
  }
}

void Farm::Impl::send_due() {
  const auto until = clock_.now() + coalesce;
  while (!agenda_.empty() && agenda_.top().at <= until) {
    auto& stream = *agenda_.top().stream;
    agenda_.pop();
    while (stream.watched() && stream.due() <= until) stream.send_due(clock_);
    stream.scheduled = stream.watched();
    if (stream.scheduled) agenda_.push({stream.due(), &stream});
  }
}

void Farm::Impl::viewer_added(Stream& stream) {
  if (stream.scheduled) return;
  stream.scheduled = true;
  agenda_.push({stream.due(), &stream});
}

void Farm::Impl::take_faults() {
  std::vector<Fault> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted.swap(wanted_);
  }
  for (const auto& f : wanted) apply_now(f);
  for (const auto& f : options_.faults.take_due(clock_.now() - start_)) apply_now(f);
}

void Farm::Impl::apply_now(const Fault& fault) {
  if (fault.camera != 0) return apply_to(fault.camera, fault);
  for (unsigned camera = 1; camera <= cameras_.size(); ++camera) apply_to(camera, fault);
}

void Farm::Impl::apply_to(unsigned camera, const Fault& fault) {
  if (camera > cameras_.size()) return;
  auto& state = cameras_[camera - 1];
  const auto now = clock_.now();
  const auto each_stream = [&](auto&& act) {
    for (auto* s : {state.main, state.sub}) {
      if (s != nullptr) act(*s);
    }
  };
  const auto each_session = [&](auto&& act) {
    for (auto& [fd, session] : sessions_) {
      if (session->camera() == camera && !session->closed()) act(*session);
    }
  };
  switch (fault.kind) {
    case FaultKind::drop: each_session([](Session& s) { s.drop_in_mid_frame(); }); break;
    case FaultKind::stall:
      state.silent_until = now + fault.length;
      ends_at(state.silent_until);
      each_stream([&](Stream& s) { s.stall_until(state.silent_until); });
      each_session([](Session& s) { s.pause(true); });
      break;
    case FaultKind::reboot:
      state.down_until = now + fault.length;
      each_session([](Session& s) { s.close(); });
      reap();
      each_stream([&](Stream& s) { s.reboot(state.down_until); });
      break;
    case FaultKind::jump: each_stream([&](Stream& s) { s.jump(fault.amount); }); break;
    case FaultKind::stray: each_stream([&](Stream& s) { s.stray(fault.amount); }); break;
    case FaultKind::behave: end_conditions(state, now, true); break;
    default: begin_condition(state, fault, now); break;
  }
}

void Farm::Impl::ends_at(MonoTime when) { next_end_ = std::min(next_end_.value_or(when), when); }

void Farm::Impl::end_what_lasts(MonoTime now) {
  next_end_.reset();
  for (auto& camera : cameras_) {
    end_conditions(camera, now, false);
    for (const auto& [fault, until] : camera.conditions) ends_at(until);
    if (camera.silent_until > now) ends_at(camera.silent_until);
  }
  for (auto& [fd, session] : sessions_) {
    if (session->paused() && !session->closed() && mood(session->camera()) != Mood::silent) session->pause(false);
  }
}

void Farm::Impl::sweep(MonoTime now) {
  next_sweep_ = now + sweep_interval;
  poller_.change(listener_.tcp, true, false);
  for (auto& [fd, session] : sessions_) session->check_alive(now);
}

void Farm::Impl::reap() {
  for (const int fd : ended_) sessions_.erase(fd);
  ended_.clear();
}

void Farm::Impl::say_farewell() {
  const auto until = clock_.now() + farewell;
  poller_.remove(listener_.tcp);
  std::vector<Poller::Ready> ready;
  const auto owing = [&] { return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& s) { return s.second->owes_bytes(); }); };
  while (owing() && clock_.now() < until) {
    poller_.wait(until, ready);
    for (const auto& r : ready) handle(r);
    reap();
  }
  for (auto& [fd, session] : sessions_) session->finish();
  // Until the peers have read to the end: closing earlier could make the kernel throw away what they have not.
  while (!sessions_.empty() && clock_.now() < until) {
    poller_.wait(until, ready);
    for (const auto& r : ready) {
      const auto found = sessions_.find(r.fd);
      if (found != sessions_.end()) found->second->discard_input();
    }
    reap();
  }
  sessions_.clear();
}

Farm::Farm(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Farm::~Farm() { stop(); }

Result<std::unique_ptr<Farm>> Farm::start(FarmOptions options) {
  if (options.cameras.empty()) return fail(ErrorCode::invalid_argument, "a farm has at least one camera", "cameras");
  auto impl = std::make_unique<Impl>();
  auto listener = Listener::open(options.address, options.port, options.udp);
  if (!listener) return std::unexpected(listener.error());
  impl->listener_ = std::move(*listener);
  if (auto opened = impl->poller_.open(); !opened) return std::unexpected(opened.error());
  impl->options_ = std::move(options);
  impl->build_streams();
  for (const int fd : {impl->listener_.tcp, impl->listener_.rtp, impl->listener_.rtcp}) {
    if (fd >= 0) impl->poller_.add(fd);
  }
  raise_descriptor_limit();
  auto* raw = impl.get();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the program's business, not this thread's
  impl->thread_ = std::thread([raw] { raw->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<Farm>(new Farm(std::move(impl)));
}

void Farm::stop() {
  {
    const std::lock_guard lock(impl_->mutex_);
    impl_->stopping_ = true;
  }
  impl_->poller_.wake();
  if (impl_->thread_.joinable()) impl_->thread_.join();
}

std::uint16_t Farm::port() const { return impl_->listener_.port; }

std::string Farm::url(unsigned camera, const std::string& stream) const {
  const auto& address = impl_->options_.address;
  const bool v6 = address.find(':') != std::string::npos;
  return "rtsp://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port()) + "/" + camera_name(camera) + "/" + stream;
}

void Farm::apply(const Fault& fault) {
  {
    const std::lock_guard lock(impl_->mutex_);
    impl_->wanted_.push_back(fault);
  }
  impl_->poller_.wake();
}

std::vector<StreamCounts> Farm::counts() const {
  std::vector<StreamCounts> out;
  for (const auto& s : impl_->streams_) out.push_back(s->counts());
  return out;
}

std::string to_json(const std::vector<StreamCounts>& counts) {
  std::string out = "{\"streams\":[";
  for (const auto& c : counts) {
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    if (out.back() == '}') out += ',';
    out += "\n{\"camera\":\"" + camera_name(c.camera) + "\",\"stream\":\"" + c.stream + "\",\"frames_sent\":" + number(c.frames_sent) +
           ",\"frames_dropped\":" + number(c.frames_dropped) + ",\"bytes_sent\":" + number(c.bytes_sent) + ",\"plays\":" + number(c.plays) +
           ",\"last_frame\":" + number(c.last_frame) + "}";
  }
  return out + "\n]}\n";
}

}  // namespace ccoc::simulator
