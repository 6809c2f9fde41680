#include "ccoc/media/mp4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "ccoc/media/checksum.h"
#include "ccoc/media/nal.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

const UtcTime start = parse_rfc3339("2026-11-24T05:23:57.123456Z").value();

FileOrigin origin() { return {"cam01", "main", start, 42}; }

FragmentPlan plan_of(std::vector<Sample> samples) {
  FragmentPlan plan;
  plan.sequence = 7;
  plan.decode_time = 900'000;
  plan.utc = start + std::chrono::seconds(10);
  plan.samples = std::move(samples);
  return plan;
}

const std::vector<Sample> b_frames = {{500, 3600, 7200, true}, {60, 3600, 10800, false}, {40, 3600, 0, false}, {30, 3600, -3600, false}};

void expect_same(const std::vector<Sample>& a, const std::vector<Sample>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].size, b[i].size);
    EXPECT_EQ(a[i].duration, b[i].duration);
    EXPECT_EQ(a[i].composition_offset, b[i].composition_offset);
    EXPECT_EQ(a[i].key, b[i].key);
  }
}

std::vector<AudioFormatPtr> sounds() {
  const auto make = [](AudioCodec codec, std::uint32_t rate, unsigned channels, Bytes config, std::string name) {
    return std::make_shared<const AudioFormat>(AudioFormat{codec, rate, channels, std::move(config), std::move(name)});
  };
  return {make(AudioCodec::aac, 16000, 1, {0x14, 0x08}, "mp4a.40.2"), make(AudioCodec::pcmu, 8000, 1, {}, "ulaw"),
          make(AudioCodec::pcma, 8000, 2, {}, "alaw"), make(AudioCodec::opus, 48000, 1, {}, "opus")};
}

VideoFormatPtr motion_jpeg() {
  VideoFormat format;
  format.codec = Codec::mjpeg;
  format.width = 640;
  format.height = 480;
  format.codec_string = "mp4v.6C";
  return std::make_shared<const VideoFormat>(std::move(format));
}

TEST(Mp4, file_header_reads_back_sound_and_motion_jpeg) {
  const auto header = parse_file_header(make_init_segment({motion_jpeg()}, origin(), sounds()));
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->formats.size(), 1u);
  EXPECT_EQ(*header->formats[0], *motion_jpeg());
  ASSERT_EQ(header->audio_formats.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(*header->audio_formats[i], *sounds()[i]) << sounds()[i]->codec_string;
}

TEST(Mp4, fragments_read_back_their_sound_and_it_moves_with_the_pictures) {
  auto plan = plan_of(b_frames);
  plan.audio.decode_time = 899'000;
  plan.audio.format_index = 2;
  plan.audio.samples = {{100, 5760}, {7, 5761}, {33, 5759}};
  const auto bytes = make_fragment_header(plan);
  const auto fragment = parse_fragment_header(bytes);
  ASSERT_TRUE(fragment) << fragment.error().message;
  expect_same(fragment->samples, b_frames);
  ASSERT_EQ(fragment->audio.samples.size(), 3u);
  EXPECT_EQ(fragment->audio.decode_time, 899'000);
  EXPECT_EQ(fragment->audio.format_index, 2u);
  EXPECT_EQ(fragment->audio.samples[1].size, 7u);
  EXPECT_EQ(fragment->audio.samples[1].duration, 5761u);
  EXPECT_EQ(fragment->size, bytes.size() + 630 + 140);
  EXPECT_EQ(fragment->audio_offset(), bytes.size() + 630);

  auto moved = bytes;
  ASSERT_TRUE(patch_fragment(moved, 1, 100'000, 1, 4));
  EXPECT_EQ(parse_fragment_header(moved)->audio.decode_time, 99'000);
  EXPECT_EQ(parse_fragment_header(moved)->audio.format_index, 4u);
  ASSERT_TRUE(patch_fragment(moved, 1, 500, 1, 4));
  EXPECT_EQ(parse_fragment_header(moved)->audio.decode_time, 0) << "not before the file begins";

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto torn = parse_fragment_header(ByteView(bytes).first(size));
    ASSERT_FALSE(torn);
    ASSERT_EQ(torn.error().code, ErrorCode::unavailable) << size;
  }
}

TEST(Mp4, file_header_reads_back_formats_and_origin) {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto clip = test::load_clip(codec);
    const auto bytes = make_init_segment({clip.format, clip.format}, origin());
    const auto header = parse_file_header(bytes);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->size, bytes.size());
    EXPECT_EQ(header->timescale, 90'000u);
    ASSERT_EQ(header->formats.size(), 2u);
    EXPECT_EQ(*header->formats[1], *clip.format);
    ASSERT_TRUE(header->origin);
    EXPECT_EQ(header->origin->camera, "cam01");
    EXPECT_EQ(header->origin->stream, "main");
    EXPECT_EQ(header->origin->start, start);
    EXPECT_EQ(header->origin->run, 42u);
  }
}

TEST(Mp4, file_header_needs_no_origin) {
  const auto bytes = make_init_segment({test::load_clip(Codec::h264).format}, std::nullopt);
  const auto header = parse_file_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_FALSE(header->origin);
}

TEST(Mp4, torn_file_header_asks_for_more_at_every_byte) {
  const auto bytes = make_init_segment({test::load_clip(Codec::h265).format}, origin());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto header = parse_file_header(ByteView(bytes).first(size));
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, ErrorCode::unavailable) << size;
  }
}

TEST(Mp4, flipped_bits_in_a_file_header_never_crash) {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto bytes = make_init_segment({test::load_clip(codec).format}, origin());
    int noticed = 0;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
      if (!parse_file_header(flipped)) ++noticed;
    }
    EXPECT_GT(noticed, 200);
  }
}

TEST(Mp4, refuses_files_that_are_not_ours) {
  EXPECT_EQ(parse_file_header(as_bytes("<html><body>")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(parse_file_header(Bytes(100, 0)).error().code, ErrorCode::corrupt);
}

TEST(Mp4, fragment_header_reads_back) {
  for (const auto& samples : {b_frames, std::vector<Sample>{{1, 1, 0, true}}}) {
    auto plan = plan_of(samples);
    plan.format_index = 2;
    const auto bytes = make_fragment_header(plan);
    const auto fragment = parse_fragment_header(bytes);
    ASSERT_TRUE(fragment) << fragment.error().message;
    EXPECT_EQ(fragment->header_size, bytes.size());
    EXPECT_EQ(fragment->sequence, 7u);
    EXPECT_EQ(fragment->decode_time, 900'000);
    EXPECT_EQ(fragment->utc, plan.utc);
    EXPECT_EQ(fragment->format_index, 2u);
    expect_same(fragment->samples, samples);
    std::uint64_t payload = 0;
    for (const auto& sample : samples) payload += sample.size;
    EXPECT_EQ(fragment->size, bytes.size() + payload);
    EXPECT_TRUE(fragment->starts_with_key());
  }
  EXPECT_EQ(parse_fragment_header(make_fragment_header(plan_of(b_frames)))->duration(), 4 * 3600);
}

TEST(Mp4, a_fragment_carries_the_checksums_of_its_header_and_of_its_samples) {
  auto plan = plan_of(b_frames);
  Checksum pieces;
  pieces.add(as_bytes("one"));
  pieces.add(as_bytes("two"));
  EXPECT_EQ(pieces.value(), checksum(as_bytes("onetwo")));
  EXPECT_EQ(checksum({}), 0x2d06800538d394c2u);  // of nothing, as the specification of XXH3 has it
  plan.payload_sum = pieces.value();
  const auto bytes = make_fragment_header(plan);
  const auto fragment = parse_fragment_header(bytes);
  ASSERT_TRUE(fragment) << fragment.error().message;
  EXPECT_EQ(fragment->header_size, bytes.size());
  EXPECT_EQ(fragment->payload_sum, pieces.value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(parse_fragment_header(ByteView(bytes).first(size)).error().code, ErrorCode::unavailable) << size;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
    EXPECT_FALSE(parse_fragment_header(flipped)) << "bit " << bit;
  }
  auto moved = bytes;
  ASSERT_TRUE(patch_fragment(moved, 9, 1'800'000, 3));
  const auto patched = parse_fragment_header(moved);
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(patched->payload_sum, pieces.value());
  EXPECT_EQ(patched->decode_time, 1'800'000);
}

TEST(Mp4, checksums_behind_moof_where_earlier_files_have_them_are_read) {
  auto plan = plan_of(b_frames);
  plan.payload_sum = 0x0123456789abcdef;
  auto bytes = make_fragment_header(plan);
  // moof without its last 40 bytes, then those, then the header of mdat: the same size, and so the same data offset.
  constexpr std::size_t moof_at = 32, sums_size = 40;
  const auto put = [&](std::size_t at, std::size_t value) {
    for (int i = 0; i < 4; ++i) bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  };
  const auto sums_at = bytes.size() - 8 - sums_size;
  put(moof_at, sums_at - moof_at);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sums_at + 24), 8, std::uint8_t{0});
  const auto sum = checksum(bytes);
  for (int i = 0; i < 8; ++i) bytes[sums_at + 24 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(sum >> (56 - 8 * i));
  const auto fragment = parse_fragment_header(bytes);
  ASSERT_TRUE(fragment) << fragment.error().message;
  EXPECT_EQ(fragment->payload_sum, plan.payload_sum);
  EXPECT_EQ(fragment->samples.size(), b_frames.size());
  ASSERT_TRUE(patch_fragment(bytes, 9, 1'800'000, 3));
  EXPECT_TRUE(parse_fragment_header(bytes));
  bytes[sums_at + 39] ^= 1;
  EXPECT_FALSE(parse_fragment_header(bytes));
}

TEST(Mp4, prft_ties_the_first_picture_shown_to_its_capture_time) {  // ISO/IEC 14496-12 §8.16.5
  const auto bytes = make_fragment_header(plan_of(b_frames));
  const Bytes expected = {0,    0,    0,    32,   'p',  'r',  'f',  't',  1, 0, 0, 24, 0, 0, 0, 1,  // version 1, real time, track 1
                          0xee, 0xaf, 0x9d, 0xf7, 0x1f, 0x9a, 0xcf, 0xfa,                           // NTP of 05:24:07.123456
                          0,    0,    0,    0,    0,    0x0d, 0xd7, 0xc0};                          // 900 000 + 7200 ticks
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 32), expected);
}

TEST(Mp4, torn_fragment_header_asks_for_more_at_every_byte) {
  const auto bytes = make_fragment_header(plan_of(b_frames));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto fragment = parse_fragment_header(ByteView(bytes).first(size));
    ASSERT_FALSE(fragment);
    EXPECT_EQ(fragment.error().code, ErrorCode::unavailable) << size;
  }
}

TEST(Mp4, flipped_bits_in_the_structure_of_a_fragment_are_noticed) {
  const auto bytes = make_fragment_header(plan_of(b_frames));
  std::vector<std::size_t> unnoticed;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
    if (parse_fragment_header(flipped)) unnoticed.push_back(bit / 8);
  }
  // Only plain values may differ: capture time, sequence, sample description, durations, quantizers, composition offsets.
  for (const auto at : unnoticed) {
    const bool ntp = at >= 16 && at < 24, sequence = at >= 52 && at < 56, description = at >= 80 && at < 84;
    const bool sample = at >= 124 && (at - 124) % 16 < 4;
    const bool composition = at >= 124 + 28 && (at - 124) % 16 >= 12;
    const bool quantizer = at >= 124 && (at - 124) % 16 == 11;
    EXPECT_TRUE(ntp || sequence || description || sample || quantizer || composition) << at;
  }
}

TEST(Mp4, keeps_the_quantizer_of_each_sample_where_players_do_not_look) {
  auto plan = plan_of(b_frames);
  const auto plain = parse_fragment_header(make_fragment_header(plan)).value();
  for (std::size_t i = 0; i < plan.samples.size(); ++i) plan.samples[i].quantizer = static_cast<std::uint8_t>(i * 17 % 53);
  const auto fragment = parse_fragment_header(make_fragment_header(plan)).value();
  ASSERT_EQ(fragment.samples.size(), plan.samples.size());
  for (std::size_t i = 0; i < plan.samples.size(); ++i) {
    EXPECT_EQ(fragment.samples[i].quantizer, plan.samples[i].quantizer);
    EXPECT_EQ(fragment.samples[i].key, plain.samples[i].key);
    EXPECT_EQ(plain.samples[i].quantizer, 0);
  }
}

TEST(Mp4, refuses_zeros_and_noise_where_a_fragment_should_be) {
  EXPECT_EQ(parse_fragment_header(Bytes(64, 0)).error().code, ErrorCode::corrupt);
  std::mt19937 random(3);
  auto bytes = make_fragment_header(plan_of(b_frames));
  for (int round = 0; round < 2000; ++round) {
    auto noisy = bytes;
    for (int i = 0; i < 6; ++i) noisy[random() % noisy.size()] = static_cast<std::uint8_t>(random());
    const auto fragment = parse_fragment_header(noisy);
    EXPECT_TRUE(!fragment || fragment->samples.size() == 4u);
  }
}

TEST(Mp4, patching_gives_a_fragment_another_place) {
  for (const auto& samples : {b_frames, std::vector<Sample>{{1, 1, 0, true}}}) {
    auto bytes = make_fragment_header(plan_of(samples));
    const auto status = patch_fragment(bytes, 99, 5'000'000'000, 3);
    ASSERT_TRUE(status) << status.error().message;
    const auto fragment = parse_fragment_header(bytes);
    ASSERT_TRUE(fragment) << fragment.error().message;
    EXPECT_EQ(fragment->sequence, 99u);
    EXPECT_EQ(fragment->decode_time, 5'000'000'000);
    EXPECT_EQ(fragment->format_index, 3u);
    expect_same(fragment->samples, samples);
    EXPECT_FALSE(patch_fragment(bytes, 1, -1, 1));
  }
  Bytes other(200, 0);
  EXPECT_EQ(patch_fragment(other, 1, 1, 1).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(patch_fragment(std::span(other).first(10), 1, 1, 1));
}

TEST(Mp4DeathTest, a_fragment_without_samples_is_a_broken_invariant) {
  EXPECT_DEATH(make_fragment_header(plan_of({})), "1 to 10 000 samples");
}

std::string run(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> buffer;
  while (const auto count = fread(buffer.data(), 1, buffer.size(), pipe.get())) out.append(buffer.data(), count);
  return out;
}

/// The numbers behind "KEY=" at the start of each line of ffprobe's default output.
std::vector<std::int64_t> values(const std::string& text, const std::string& key) {
  std::vector<std::int64_t> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + "=")) out.push_back(std::atoll(line.c_str() + key.size() + 1));
  return out;
}

/// For each picture of the clip in stream order, its place in presentation order, by ffprobe's word.
std::vector<int> presentation_order() {
  const auto positions = values(
      run(std::string("ffprobe -v error -show_entries frame=pkt_pos -of default '") + CCOC_TEST_DATA + "/clips/pattern_bframes.h264' 2>&1"),
      "pkt_pos");
  auto sorted = positions;
  std::ranges::sort(sorted);
  std::vector<int> order;
  for (const auto position : sorted) order.push_back(static_cast<int>(std::ranges::find(positions, position) - positions.begin()));
  return order;
}

/// Writes the clip as one fragment per GOP, as the archive does.
void write_clip(const std::string& path, const test::Clip& clip, std::uint32_t frame_ticks, const std::vector<int>& order) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](const Bytes& bytes) {
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  put(make_init_segment({clip.format}, origin()));
  FragmentPlan plan;
  Bytes payload;
  const auto write_fragment = [&] {
    if (plan.samples.empty()) return;
    put(make_fragment_header(plan));
    put(payload);
    ++plan.sequence;
    plan.samples.clear();
    payload.clear();
  };
  for (std::size_t i = 0; i < clip.pictures.size(); ++i) {
    const auto data = test::join(clip.pictures[i]);
    const bool key = std::ranges::any_of(clip.pictures[i], [&](const Bytes& nal) { return is_random_access(clip.codec, nal); });
    if (key) {
      write_fragment();
      plan.decode_time = static_cast<std::int64_t>(i) * frame_ticks;
      plan.utc = start + from_ticks(plan.decode_time, 90'000);
    }
    const auto offset = order.empty() ? 0 : (order[i] - static_cast<int>(i)) * static_cast<int>(frame_ticks);
    plan.samples.push_back({static_cast<std::uint32_t>(data.size()), frame_ticks, offset, key});
    payload.insert(payload.end(), data.begin(), data.end());
  }
  write_fragment();
}

class Mp4Playback : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("ffprobe -version >/dev/null 2>&1") != 0) GTEST_SKIP() << "ffprobe is not installed";
    path = testing::TempDir() + "/ccoc-mp4-" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".mp4";
  }
  void TearDown() override { std::filesystem::remove(path); }
  std::string probe(const std::string& what) { return run("ffprobe -v error " + what + " '" + path + "' 2>&1"); }
  /// What a decoder complains about, and the number of frames it gives.
  std::string decode() { return run("ffmpeg -v warning -i '" + path + "' -f null - 2>&1"); }

  std::string path;
};

TEST_F(Mp4Playback, ffmpeg_plays_h264_with_b_frames_in_order) {
  const auto clip = test::load_clip(Codec::h264);
  const auto order = presentation_order();
  ASSERT_EQ(order.size(), clip.pictures.size());
  ASSERT_FALSE(std::ranges::is_sorted(order));
  write_clip(path, clip, 3600, order);
  EXPECT_EQ(decode(), "");
  EXPECT_EQ(probe("-show_entries stream=codec_name,codec_tag_string,width,height,r_frame_rate -of csv=p=0"), "h264,avc1,322,180,25/1\n");
  // The decoder gives the pictures in presentation order: their times rise evenly.
  const auto shown = values(probe("-show_entries frame=pts -of default"), "pts");
  ASSERT_EQ(shown.size(), 50u);
  for (std::size_t i = 0; i < shown.size(); ++i) EXPECT_EQ(shown[i] - shown[0], static_cast<std::int64_t>(i) * 3600);
  const auto packets = probe("-show_entries packet=flags -of csv=p=0");
  EXPECT_EQ(std::ranges::count(packets, 'K'), 2);
}

TEST_F(Mp4Playback, ffmpeg_plays_h265) {
  const auto clip = test::load_clip(Codec::h265);
  write_clip(path, clip, 6000, {});
  EXPECT_EQ(decode(), "");
  EXPECT_EQ(probe("-show_entries stream=codec_name,codec_tag_string,width,height -of csv=p=0"), "hevc,hvc1,320,180\n");
  EXPECT_EQ(values(probe("-show_entries frame=pts -of default"), "pts").size(), 30u);
}

TEST_F(Mp4Playback, ffmpeg_reads_when_the_file_begins) {
  write_clip(path, test::load_clip(Codec::h265), 6000, {});
  EXPECT_EQ(probe("-show_entries format_tags=creation_time -of default=nw=1:nk=1"), "2026-11-24T05:23:57.000000Z\n");
}

TEST_F(Mp4Playback, a_file_cut_anywhere_plays_up_to_its_last_whole_fragment) {
  const auto clip = test::load_clip(Codec::h265);
  write_clip(path, clip, 6000, {});
  Bytes bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  for (const std::size_t cut : {std::size_t{1}, std::size_t{200}, std::size_t{2000}, bytes.size() / 4}) {
    auto at = parse_file_header(bytes).value().size;
    const auto torn = ByteView(bytes).first(bytes.size() - cut);
    int whole = 0;
    while (const auto fragment = parse_fragment_header(torn.subspan(at))) {
      if (at + fragment->size > torn.size()) break;
      at += fragment->size;
      ++whole;
    }
    EXPECT_EQ(whole, 1) << cut;
    std::filesystem::resize_file(path, at);
    EXPECT_EQ(decode(), "");
    EXPECT_EQ(values(probe("-show_entries frame=pts -of default"), "pts").size(), 15u);
  }
}

}  // namespace
}  // namespace ccoc::media
