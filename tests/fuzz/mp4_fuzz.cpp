// A file from its front: header, then fragments, as recovery reads it.
#include "ccoc/media/mp4.h"
#include "check.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes{data, size};
  if (const auto header = media::parse_file_header(bytes)) {
    check(header->size <= size && !header->formats.empty());
    check(media::parse_file_header(media::make_init_segment(header->formats, header->origin, header->audio_formats)).has_value());
    bytes = bytes.subspan(header->size);
  }
  while (const auto fragment = media::parse_fragment_header(bytes)) {
    check(fragment->header_size <= bytes.size() && fragment->size > fragment->header_size);
    check(!fragment->samples.empty() && fragment->duration() >= 0);
    Bytes header(bytes.begin(), bytes.begin() + fragment->header_size);
    check(media::patch_fragment(header, 5, 1000, 2).has_value());
    const auto patched = media::parse_fragment_header(header);
    check(patched && patched->decode_time == 1000 && patched->samples.size() == fragment->samples.size() &&
          patched->audio.samples.size() == fragment->audio.samples.size());
    if (fragment->size > bytes.size()) break;
    bytes = bytes.subspan(fragment->size);
  }
  return 0;
}
