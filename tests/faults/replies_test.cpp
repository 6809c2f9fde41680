// What real cameras answer (tests/data/cameras), changed in every way that a firmware of tomorrow might: the hub still has to
// show pictures wherever a person would see what is meant.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "ccoc/media/sdp.h"
#include "faults/stage.h"
#include "sim/sim_camera.h"

namespace ccoc::faults {
namespace {

using rtsp::Message;

/// A DESCRIBE reply as it was recorded.
struct Recorded {
  std::vector<std::string> headers;  ///< without the status line
  std::vector<std::string> sdp;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& lines, std::string_view ending = "\r\n") {
  std::string out;
  for (const auto& line : lines) out.append(line).append(ending);
  return out;
}

Recorded recorded(const std::string& name) {
  std::ifstream in(std::string(CCOC_TEST_DATA) + "/cameras/" + name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  auto all = lines_of(text.str());
  EXPECT_FALSE(all.empty()) << name << " is missing from tests/data/cameras";
  if (!all.empty() && all[0].starts_with("v=")) return {{"Content-Type: application/sdp"}, all};
  const auto blank = std::ranges::find(all, "");
  return {{all.begin() + 1, blank}, {blank + 1, all.end()}};
}

/// The pictures' section, and the payload type that it names.
struct PictureSection {
  std::size_t begin = 0, end = 0;
  int payload_type = 0;
};
PictureSection picture_section(const std::vector<std::string>& sdp) {
  PictureSection out;
  const auto media = [](const std::string& line) { return line.starts_with("m="); };
  const auto begin = std::ranges::find_if(sdp, [](const std::string& line) { return line.starts_with("m=video"); });
  out.begin = static_cast<std::size_t>(begin - sdp.begin());
  out.end = static_cast<std::size_t>(std::find_if(begin + 1, sdp.end(), media) - sdp.begin());
  out.payload_type = std::stoi(begin->substr(begin->rfind(' ') + 1));
  return out;
}

void append_nal(Bytes& out, ByteView nal) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
  out.insert(out.end(), nal.begin(), nal.end());
}

/// A picture with its parameter sets before it, as most cameras send theirs.
Bytes picture_with_sets(std::uint64_t number, bool key) {
  constexpr std::uint8_t sps[] = {0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
                                  0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48};
  constexpr std::uint8_t pps[] = {0x68, 0xcb, 0x83, 0xcb, 0x20};
  Bytes out;
  if (key) {
    append_nal(out, sps);
    append_nal(out, pps);
  }
  const auto coded = sim::make_picture(key, 1, number, 800);
  out.insert(out.end(), coded.begin(), coded.end());
  return out;
}

class Replies : public testing::TestWithParam<const char*> {
 protected:
  /// Whether there are pictures within `patience` from a camera that describes itself so.
  static bool shows_pictures(const std::vector<std::string>& headers, const std::string& sdp, int payload_type, Duration patience = 4s) {
    Stage stage;
    auto& script = stage.camera.script;
    script.payload_type = static_cast<std::uint8_t>(payload_type);
    script.picture = picture_with_sets;
    script.raw = [&](const Message& request) -> std::optional<std::string> {
      if (request.method != "DESCRIBE") return std::nullopt;
      std::string reply = "RTSP/1.0 200 OK\r\nCSeq: " + std::to_string(request.cseq()) + "\r\n";
      for (const auto& header : headers) {
        if (!header.starts_with("CSeq") && !header.starts_with("Content-Length")) reply += header + "\r\n";
      }
      return reply + "Content-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
    };
    stage.run(patience);
    stage.expect_sane_times();
    return stage.live() && !stage.units().empty();
  }
  bool shows_pictures(const std::vector<std::string>& sdp) const {
    return shows_pictures(reply.headers, joined(sdp), section.payload_type);
  }

  const Recorded reply = recorded(GetParam());
  const PictureSection section = picture_section(reply.sdp);
};

TEST_P(Replies, are_understood_as_recorded_and_with_bare_line_feeds) {
  EXPECT_TRUE(shows_pictures(reply.sdp));
  EXPECT_TRUE(shows_pictures(reply.headers, joined(reply.sdp, "\n"), section.payload_type));
}

TEST_P(Replies, show_nothing_where_no_pictures_are_described) {
  auto sdp = reply.sdp;
  sdp.erase(sdp.begin() + static_cast<std::ptrdiff_t>(section.begin), sdp.begin() + static_cast<std::ptrdiff_t>(section.end));
  EXPECT_FALSE(shows_pictures(sdp));
}

TEST_P(Replies, are_understood_without_any_one_line_but_the_one_that_names_the_pictures) {
  for (std::size_t left_out = 0; left_out < reply.sdp.size(); ++left_out) {
    if (left_out == section.begin) continue;
    auto sdp = reply.sdp;
    sdp.erase(sdp.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_TRUE(shows_pictures(sdp)) << "without " << reply.sdp[left_out];
  }
}

TEST_P(Replies, are_understood_with_any_one_line_twice_or_after_the_next) {
  for (std::size_t i = 0; i < reply.sdp.size(); ++i) {
    auto twice = reply.sdp;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), reply.sdp[i]);
    EXPECT_TRUE(shows_pictures(twice)) << "twice: " << reply.sdp[i];
    const bool moves_between_sections = i + 1 >= reply.sdp.size() || reply.sdp[i].starts_with("m=") || reply.sdp[i + 1].starts_with("m=");
    if (moves_between_sections) continue;
    auto swapped = reply.sdp;
    std::swap(swapped[i], swapped[i + 1]);
    EXPECT_TRUE(shows_pictures(swapped)) << "behind the next: " << reply.sdp[i];
  }
}

TEST_P(Replies, are_understood_with_nonsense_between_any_two_lines) {
  for (const char* nonsense : {"", "x", "=", "a=", "a=rtpmap:", "a=fmtp:96", "b=AS:99999999999999999999",
                               "c=IN IP9 ::::", "m=application 0 RTP/AVP smart/0/25000", "a=framerate:nan"}) {
    // Not before the first line, and not where it would begin a section in the midst of the pictures' own.
    for (std::size_t i = 1; i <= reply.sdp.size(); ++i) {
      if (std::string_view(nonsense).starts_with("m=") && i > section.begin && i < section.end) continue;
      auto sdp = reply.sdp;
      sdp.insert(sdp.begin() + static_cast<std::ptrdiff_t>(i), nonsense);
      EXPECT_TRUE(shows_pictures(sdp)) << "'" << nonsense << "' before line " << i;
    }
  }
}

TEST_P(Replies, are_understood_with_headers_left_out_folded_or_in_another_case) {
  for (std::size_t i = 0; i < reply.headers.size(); ++i) {
    auto headers = reply.headers;
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_TRUE(shows_pictures(headers, joined(reply.sdp), section.payload_type)) << "without " << reply.headers[i];
    headers = reply.headers;
    std::ranges::transform(headers[i], headers[i].begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (!headers[i].starts_with("CONTENT-BASE")) {
      EXPECT_TRUE(shows_pictures(headers, joined(reply.sdp), section.payload_type)) << headers[i];
    }
    headers = reply.headers;
    if (const auto colon = headers[i].find(": "); colon != std::string::npos) headers[i].replace(colon, 2, " :\r\n\t");
    EXPECT_TRUE(shows_pictures(headers, joined(reply.sdp), section.payload_type)) << "folded: " << reply.headers[i];
  }
}

/// Bytes turned over, cut off, repeated: no claim but that nothing crashes, and that the hub tries again and explains.
TEST_P(Replies, with_broken_bytes_crash_nothing) {
  const auto sdp = joined(reply.sdp);
  std::mt19937 random{17};
  const auto pick = [&random](std::size_t below) { return std::uniform_int_distribution<std::size_t>{0, below - 1}(random); };
  for (int round = 0; round < 60; ++round) {
    auto text = sdp;
    for (std::size_t change = 0; change <= pick(4); ++change) {
      const auto at = pick(text.size());
      switch (pick(4)) {
        case 0: text[at] = static_cast<char>(pick(256)); break;
        case 1: text.resize(at + 1); break;
        case 2: text.insert(at, text.substr(at, pick(200))); break;
        default: text.erase(at, pick(40)); break;
      }
    }
    (void)shows_pictures(reply.headers, text, section.payload_type, 2s);
  }
}

INSTANTIATE_TEST_SUITE_P(OfRealCameras, Replies,
                         testing::Values("hikvision_describe.txt", "dahua_describe_h264_aac_onvif.txt", "reolink_describe.txt",
                                         "foscam_describe.txt", "gw_main_describe.txt", "bunny_describe.txt", "geovision_sdp.txt"),
                         [](const auto& reply) {
                           const std::string name = reply.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace ccoc::faults
