#include "look.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "av.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace ccoc::vision {
namespace {

struct Sums {
  double sum = 0, squares = 0;
  std::uint64_t pixels = 0;
};

/// Brightness as 8 bits, where it is not that already.
Result<Frame> with_plain_luma(Frame frame) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame->format));
  if (format == nullptr) return undecodable("its pixel format is not known");
  const bool planar = (format->flags & AV_PIX_FMT_FLAG_RGB) == 0 && format->comp[0].depth == 8 && format->comp[0].step == 1;
  if (planar) return frame;
  Frame out(av_frame_alloc());
  out->format = AV_PIX_FMT_GRAY8;
  out->width = frame->width;
  out->height = frame->height;
  out->color_range = AVCOL_RANGE_JPEG;
  if (av_frame_get_buffer(out.get(), 0) < 0) return fail(ErrorCode::limit_exceeded, "the picture is too large");
  const Scaler scaler(sws_getContext(frame->width, frame->height, static_cast<AVPixelFormat>(frame->format), out->width, out->height,
                                     AV_PIX_FMT_GRAY8, SWS_POINT, nullptr, nullptr, nullptr));
  if (!scaler || sws_scale(scaler.get(), frame->data, frame->linesize, 0, frame->height, out->data, out->linesize) <= 0)
    return undecodable("its brightness cannot be read");
  return out;
}

/// The first pixel of cell `index` of `count` along a side of `size`; cells differ by a pixel at most.
std::size_t edge(std::size_t index, std::size_t count, std::size_t size) { return index * size / count; }

std::array<Sums, look_cells> sum_cells(const AVFrame& frame) {
  std::array<Sums, look_cells> cells{};
  const auto width = static_cast<std::size_t>(frame.width), height = static_cast<std::size_t>(frame.height);
  for (std::size_t row = 0; row < look_rows; ++row) {
    for (std::size_t y = edge(row, look_rows, height); y < edge(row + 1, look_rows, height); ++y) {
      const auto* line = frame.data[0] + static_cast<std::ptrdiff_t>(y) * frame.linesize[0];
      for (std::size_t column = 0; column < look_columns; ++column) {
        std::uint64_t sum = 0, squares = 0;
        const auto begin = edge(column, look_columns, width), end = edge(column + 1, look_columns, width);
        for (auto x = begin; x < end; ++x) {
          sum += line[x];
          squares += std::uint64_t{line[x]} * line[x];
        }
        auto& cell = cells[row * look_columns + column];
        cell.sum += static_cast<double>(sum);
        cell.squares += static_cast<double>(squares);
        cell.pixels += end - begin;
      }
    }
  }
  return cells;
}

}  // namespace

Result<Bytes> look_at(const RequestHead& request, ByteView annexb) {
  auto decoded = decode_alone(request.codec, annexb);
  if (!decoded) return std::unexpected(decoded.error());
  LookHead head{static_cast<std::uint32_t>((*decoded)->width), static_cast<std::uint32_t>((*decoded)->height), 0, 0};
  const bool full = is_full_range(**decoded) || av_pix_fmt_desc_get(static_cast<AVPixelFormat>((*decoded)->format)) == nullptr;
  const auto frame = with_plain_luma(std::move(*decoded));
  if (!frame) return std::unexpected(frame.error());
  const bool limited = !full && (*frame)->format != AV_PIX_FMT_GRAY8;
  const double offset = limited ? 16 : 0, gain = limited ? 255.0 / 219 : 1;
  const auto cells = sum_cells(**frame);
  Sums all;
  std::array<std::uint16_t, look_cells> means{};
  for (std::size_t i = 0; i < look_cells; ++i) {
    all.sum += cells[i].sum;
    all.squares += cells[i].squares;
    all.pixels += cells[i].pixels;
    if (cells[i].pixels == 0) continue;
    const double mean = (cells[i].sum / static_cast<double>(cells[i].pixels) - offset) * gain;
    means[i] = static_cast<std::uint16_t>(std::clamp(mean * 256, 0.0, 65535.0));
  }
  if (all.pixels > 0) {
    const double count = static_cast<double>(all.pixels), mean = all.sum / count;
    head.mean = static_cast<float>(std::clamp((mean - offset) * gain, 0.0, 255.0));
    head.deviation = static_cast<float>(std::sqrt(std::max(all.squares / count - mean * mean, 0.0)) * gain);
  }
  Bytes out(sizeof head + sizeof means);
  std::memcpy(out.data(), &head, sizeof head);
  std::memcpy(out.data() + sizeof head, means.data(), sizeof means);
  return out;
}

}  // namespace ccoc::vision
