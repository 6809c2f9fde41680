#include "answers.h"

#include <cmath>
#include <cstring>

#include "ccoc/media/nal.h"

namespace ccoc::vision {
namespace {

constexpr std::size_t longest_sentence = 300;
constexpr std::size_t most_units = 64;
constexpr std::size_t most_nals = 1000;
constexpr std::uint32_t widest = 16'384;

std::unexpected<Error> nonsense() { return fail(ErrorCode::unavailable, "the picture decoder answers nonsense"); }

/// Printable ASCII: it goes into logs and to browsers.
std::string sentence_of(ByteView bytes) {
  std::string out;
  for (const auto byte : bytes.first(std::min(bytes.size(), longest_sentence)))
    out += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
  return out.empty() ? "the picture cannot be decoded" : out;
}

}  // namespace

static_assert(Look::columns == look_columns && Look::rows == look_rows);

std::uint8_t wire_codec(media::Codec codec) {
  switch (codec) {
    case media::Codec::h264: return 0;
    case media::Codec::h265: return 1;
    case media::Codec::mjpeg: return 2;
  }
  return 0;
}

Result<Bytes> body_of(Bytes answer, AnswerKind wanted) {
  if (answer.empty()) return nonsense();
  const auto kind = static_cast<AnswerKind>(answer.front());
  answer.erase(answer.begin());
  if (kind == AnswerKind::error) return fail(ErrorCode::corrupt, sentence_of(answer));
  if (kind != wanted) return nonsense();
  return answer;
}

Result<Look> parse_look(ByteView body) {
  LookHead head;
  Look look;
  if (body.size() != sizeof head + sizeof look.cells) return nonsense();
  std::memcpy(&head, body.data(), sizeof head);
  std::memcpy(look.cells.data(), body.data() + sizeof head, sizeof look.cells);
  const bool sane = head.width > 0 && head.width <= widest && head.height > 0 && head.height <= widest && head.mean >= 0 &&
                    head.mean <= 255 && head.deviation >= 0 && head.deviation <= 255;
  if (!sane) return nonsense();
  look.width = head.width;
  look.height = head.height;
  look.mean = static_cast<double>(head.mean);
  look.deviation = static_cast<double>(head.deviation);
  return look;
}

Result<std::vector<CodedUnit>> parse_units(ByteView body) {
  std::vector<CodedUnit> units;
  while (!body.empty()) {
    UnitHead head;
    if (body.size() < sizeof head || units.size() == most_units) return nonsense();
    std::memcpy(&head, body.data(), sizeof head);
    body = body.subspan(sizeof head);
    if (head.size == 0 || head.size > body.size()) return nonsense();
    units.push_back({head.id, head.key != 0, body.first(head.size)});
    body = body.subspan(head.size);
  }
  return units;
}

Result<SharedBytes> take_h264(ByteView annexb, media::VideoFormatPtr& format) {
  constexpr int sps_type = 7, pps_type = 8;
  std::vector<Bytes> sps, pps;
  Bytes data;
  data.reserve(annexb.size() + 16);
  bool picture = false;
  const auto nals = media::split_annexb(annexb);
  if (nals.size() > most_nals) return nonsense();
  for (const auto nal : nals) {
    if (nal.empty()) continue;
    const int type = media::nal_type(media::Codec::h264, nal);
    if (type == sps_type || type == pps_type) {
      (type == sps_type ? sps : pps).emplace_back(nal.begin(), nal.end());
      continue;
    }
    picture = picture || media::is_vcl(media::Codec::h264, nal);
    for (int shift = 24; shift >= 0; shift -= 8) data.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
    data.insert(data.end(), nal.begin(), nal.end());
  }
  if (!sps.empty() && !pps.empty() && (!format || format->sps != sps || format->pps != pps)) {
    auto made = media::make_format(media::Codec::h264, {}, std::move(sps), std::move(pps));
    if (!made) return std::unexpected(made.error());
    format = std::make_shared<const media::VideoFormat>(std::move(*made));
  }
  if (!picture || !format) return fail(ErrorCode::corrupt, "the picture decoder answered without a picture");
  return std::make_shared<const Bytes>(std::move(data));
}

}  // namespace ccoc::vision
