#include "ccoc/simulator/clip_maker.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "program.h"

namespace ccoc::simulator {
namespace {

namespace fs = std::filesystem;

constexpr int recipe_version = 1;
constexpr int clip_seconds = 6;
constexpr int main_fps = 25, sub_fps = 15, gop_seconds = 2;
constexpr unsigned cameras_per_run = 6;  ///< share decoding and scaling
constexpr const char* font = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";

/// 16:9 pieces of a 768×576 picture; other footage is scaled to that first.
constexpr const char* crops[] = {"768:432:0:100",   "640:360:0:150", "640:360:128:90", "576:324:96:200",
                                 "512:288:256:120", "512:288:0:60",  "704:396:64:180", "576:324:192:40"};

/// Holds a lock file while alive, so that two programs do not make the same clips.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0) ::flock(fd_, LOCK_EX);
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string clip_name(unsigned camera, const char* stream) { return camera_name(camera) + "-" + stream + ".h264"; }

std::string draw(const std::string& text, int size, const std::string& x, const std::string& y, const char* colour) {
  return std::string("drawtext=fontfile=") + font + ":text='" + text + "':fontsize=" + std::to_string(size) + ":x=" + x + ":y=" + y +
         ":fontcolor=" + colour + ":box=1:boxborderw=" + std::to_string(size / 8) + ":boxcolor=black@0.55";
}

/// The picture of one camera: its number large at the top, a frame counter at the bottom.
std::string captions(unsigned camera, int height) {
  std::string number = camera_name(camera).substr(3);
  return draw("CAM " + number, height / 8, std::to_string(height / 24), std::to_string(height / 24), "white") + "," +
         draw("%{n}", height / 14, std::to_string(height / 24), "h-" + std::to_string(height / 8), "yellow");
}

void add_encoder(std::vector<std::string>& out, int fps, const char* bitrate) {
  const auto gop = std::to_string(fps * gop_seconds);
  // clang-format off
  for (const std::string& a : std::initializer_list<std::string>{
           "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-b:v", bitrate,
           "-maxrate", bitrate, "-bufsize", bitrate, "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", "0", "-x264-params",
           "repeat-headers=1:open-gop=0", "-frames:v", std::to_string(fps * clip_seconds), "-f", "h264"}) {
    // clang-format on
    out.push_back(a);
  }
}

std::vector<std::string> ffmpeg_call(const std::string& footage, const std::vector<unsigned>& cameras, unsigned run,
                                     const fs::path& folder) {
  std::vector<std::string> out{"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"};
  if (footage.empty()) {
    const std::string seed = std::to_string(run * 3);
    out.insert(out.end(), {"-f", "lavfi", "-ss", seed, "-i", "testsrc2=size=768x576:rate=12.5,noise=alls=20:allf=t"});
  } else {
    out.insert(out.end(), {"-stream_loop", "-1", "-ss", std::to_string(run * 7 % 70), "-i", footage});
  }
  const auto count = std::to_string(cameras.size());
  std::string graph = "[0:v]scale=768:576,crop=" + std::string(crops[run % std::size(crops)]) + ",setsar=1,split=2[hi][lo];" +
                      "[hi]scale=1920:1080:flags=bilinear,format=yuv420p,fps=" + std::to_string(main_fps) + ",split=" + count;
  for (const auto c : cameras) graph += "[h" + std::to_string(c) + "]";
  graph += ";[lo]scale=640:360:flags=bilinear,format=yuv420p,fps=" + std::to_string(sub_fps) + ",split=" + count;
  for (const auto c : cameras) graph += "[l" + std::to_string(c) + "]";
  for (const auto c : cameras) {
    const auto n = std::to_string(c);
    graph += ";[h" + n + "]" + captions(c, 1080) + "[m" + n + "];[l" + n + "]" + captions(c, 360) + "[s" + n + "]";
  }
  out.insert(out.end(), {"-filter_complex", graph});
  for (const auto c : cameras) {
    out.insert(out.end(), {"-map", "[m" + std::to_string(c) + "]"});
    add_encoder(out, main_fps, "4M");
    out.push_back((folder / (clip_name(c, "main") + ".part")).string());
    out.insert(out.end(), {"-map", "[s" + std::to_string(c) + "]"});
    add_encoder(out, sub_fps, "300k");
    out.push_back((folder / (clip_name(c, "sub") + ".part")).string());
  }
  return out;
}

std::string recipe_start() { return "ccoc clips " + std::to_string(recipe_version) + ", " + std::to_string(clip_seconds) + " s, "; }

std::string recipe_of(const std::string& footage) {
  std::error_code ignored;
  return recipe_start() +
         (footage.empty() ? "drawn" : fs::path(footage).filename().string() + " " + std::to_string(fs::file_size(footage, ignored)));
}

/// Keeps what the same recipe made before, throws the rest away. Without footage, clips of real footage are kept.
void clear_other_recipe(const fs::path& folder, const std::string& footage) {
  const fs::path note = folder / "recipe";
  const auto recipe = recipe_of(footage);
  std::ifstream in(note);
  std::ostringstream text;
  text << in.rdbuf();
  const auto old = text.str();
  std::error_code ignored;
  const bool same = old == recipe || (footage.empty() && old.starts_with(recipe_start()));
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto extension = entry.path().extension();
    if (extension == ".part" || extension == ".log" || (!same && extension == ".h264")) fs::remove(entry.path(), ignored);
  }
  if (!same) std::ofstream(note, std::ios::trunc) << recipe;
}

/// Runs of up to six cameras, spread over two workers.
class Maker {
 public:
  Maker(const ClipRequest& request, std::string footage, unsigned done)
      : request_(request), footage_(std::move(footage)), folder_(request.folder), done_(done) {}

  Status make(const std::vector<std::vector<unsigned>>& runs) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (auto i = next++; i < runs.size(); i = next++) {
        if (!make_run(runs[i])) return;
      }
    };
    std::thread other(work);
    work();
    other.join();
    return status_;
  }

 private:
  bool make_run(const std::vector<unsigned>& cameras) {
    {
      const std::lock_guard lock(mutex_);
      if (!status_) return false;
    }
    const unsigned run = (cameras.front() - 1) / cameras_per_run;
    auto made = run_program(ffmpeg_call(footage_, cameras, run, folder_), (folder_ / ("run" + std::to_string(run) + ".log")).string(),
                            request_.cancelled);
    std::error_code failed;
    for (const auto c : cameras) {
      for (const char* stream : {"sub", "main"}) {
        if (made && !failed) fs::rename(folder_ / (clip_name(c, stream) + ".part"), folder_ / clip_name(c, stream), failed);
      }
    }
    const std::lock_guard lock(mutex_);
    if (failed) made = fail(ErrorCode::io, request_.folder + ": " + failed.message());
    if (!made) {
      status_ = std::unexpected(made.error().within("making the cameras' clips"));
      return false;
    }
    done_ += static_cast<unsigned>(cameras.size());
    if (request_.progress) request_.progress(done_, request_.cameras);
    return true;
  }

  const ClipRequest& request_;
  std::string footage_;
  fs::path folder_;
  std::mutex mutex_;
  Status status_;
  unsigned done_;
};

bool has_extension(const std::string& path, std::initializer_list<const char*> extensions) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const char* e) { return path.ends_with(e); });
}

}  // namespace

std::string find_footage() {
  std::error_code ignored;
  if (const char* named = std::getenv("CCOC_FOOTAGE"); named != nullptr && *named != '\0') {
    // A folder may be an unpacked opencv-doc.
    for (const char* below : {"", "vtest.avi", "usr/share/doc/opencv-doc/examples/data/vtest.avi"}) {
      const fs::path path = fs::path(named) / below;
      if (fs::is_regular_file(path, ignored)) return path.string();
      if (*below == '\0' && fs::is_regular_file(named, ignored)) return named;
    }
  }
  for (const char* path : {"/usr/share/doc/opencv-doc/examples/data/vtest.avi", "/usr/share/doc/opencv-doc/data/vtest.avi"}) {
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return {};
}

Result<std::vector<CameraMedia>> make_clips(const ClipRequest& request) {
  const fs::path folder = request.folder;
  std::error_code failed;
  fs::create_directories(folder, failed);
  const FolderLock lock(folder / "lock");
  if (failed || !lock.held())
    return fail(ErrorCode::io, "the folder for clips " + request.folder + " cannot be written; choose another with --clips");
  const std::string footage = request.footage.empty() ? find_footage() : request.footage;
  if (!footage.empty() && !fs::is_regular_file(footage, failed)) {
    return fail(ErrorCode::not_found, "the footage " + footage + " is not there", "footage");
  }
  clear_other_recipe(folder, footage);

  std::vector<std::vector<unsigned>> runs;
  unsigned missing = 0;
  for (unsigned c = 1; c <= request.cameras; ++c) {
    if (fs::exists(folder / clip_name(c, "main"), failed) && fs::exists(folder / clip_name(c, "sub"), failed)) continue;
    if (runs.empty() || (runs.back().front() - 1) / cameras_per_run != (c - 1) / cameras_per_run) runs.emplace_back();
    runs.back().push_back(c);
    ++missing;
  }
  if (missing > 0) {
    if (!fs::exists(font, failed)) {
      return fail(ErrorCode::not_found, "the font for the cameras' numbers is missing (apt-get install fonts-dejavu-core)");
    }
    if (auto made = Maker(request, footage, request.cameras - missing).make(runs); !made) return std::unexpected(made.error());
  }
  std::vector<CameraMedia> out;
  for (unsigned c = 1; c <= request.cameras; ++c) {
    auto main = Clip::load((folder / clip_name(c, "main")).string(), main_fps);
    auto sub = Clip::load((folder / clip_name(c, "sub")).string(), sub_fps);
    if (!main) return std::unexpected(main.error());
    if (!sub) return std::unexpected(sub.error());
    out.push_back({std::move(*main), std::move(*sub)});
  }
  return out;
}

Result<ClipPtr> load_clip(const std::string& path, double fps) {
  if (has_extension(path, {".h264", ".264", ".avc", ".h265", ".265", ".hevc"})) return Clip::load(path, fps);
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return fail(ErrorCode::not_found, path + " is not there");
  std::string folder = (fs::temp_directory_path(failed) / "ccoc-clip-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return std::unexpected(errno_error(errno, folder));
  Result<ClipPtr> clip = fail(ErrorCode::unsupported, path + " holds neither H.264 nor H.265 video");
  for (const std::string codec : {"h264", "hevc"}) {
    const auto elementary = folder + "/clip." + codec;
    const auto made = run_program({"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-i", path, "-map", "0:v:0", "-c",
                                   "copy", "-bsf:v", codec + "_mp4toannexb", "-f", codec, elementary},
                                  folder + "/log");
    if (!made && made.error().code == ErrorCode::not_found) {
      clip = std::unexpected(made.error().within("reading " + path));
      break;
    }
    if (!made) continue;
    clip = Clip::load(elementary, fps);
    break;
  }
  fs::remove_all(folder, failed);
  return clip;
}

}  // namespace ccoc::simulator
