// Real coded pictures for the tests of media and vision: the clips of tests/data/clips as access units.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "ccoc/media/nal.h"

namespace ccoc::media::test {

inline Bytes read_data(const std::string& name) {
  std::ifstream file(std::string(CCOC_TEST_DATA) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no test data " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// NAL units as AccessUnit::data.
inline Bytes join(const std::vector<Bytes>& nals) {
  Bytes out;
  for (const auto& nal : nals) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

inline std::vector<Bytes> nals_of(ByteView data) {
  std::vector<Bytes> nals;
  for_each_nal(data, [&](ByteView nal) { nals.emplace_back(nal.begin(), nal.end()); });
  return nals;
}

inline std::vector<ByteView> views(const std::vector<Bytes>& all) { return {all.begin(), all.end()}; }

struct Clip {
  Codec codec;
  VideoFormatPtr format;
  std::vector<std::vector<Bytes>> pictures;  ///< NAL units of each access unit, in stream order
};

inline Clip load_clip(Codec codec) {
  const auto bytes = read_data(codec == Codec::h264 ? "clips/pattern_bframes.h264" : "clips/pattern.h265");
  Clip clip{codec, nullptr, {}};
  std::vector<Bytes> waiting, vps, sps, pps;
  for (const auto view : split_annexb(bytes)) {
    if (starts_picture(codec, view)) {
      clip.pictures.push_back(std::move(waiting));
      waiting.clear();
    }
    Bytes nal(view.begin(), view.end());
    const int type = nal_type(codec, view);
    if (clip.pictures.empty()) {
      if (type == 32 && codec == Codec::h265) vps.push_back(nal);
      if (type == (codec == Codec::h264 ? 7 : 33)) sps.push_back(nal);
      if (type == (codec == Codec::h264 ? 8 : 34)) pps.push_back(nal);
    }
    (is_vcl(codec, view) ? clip.pictures.back() : waiting).push_back(std::move(nal));
  }
  clip.format = std::make_shared<const VideoFormat>(make_format(codec, vps, sps, pps).value());
  return clip;
}

}  // namespace ccoc::media::test
