// What a test hears.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace ccoc::test {

inline std::vector<std::int16_t> samples_of(const std::string& bytes) {
  std::vector<std::int16_t> samples(bytes.size() / 2);
  if (!samples.empty()) std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
  return samples;
}

/// The strongest tone in 16-bit samples: how often it crosses zero upwards a second.
inline double frequency_of(const std::string& bytes, int rate) {
  const auto samples = samples_of(bytes);
  if (samples.empty()) return 0;
  int crossings = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) crossings += samples[i - 1] < 0 && samples[i] >= 0;
  return crossings * static_cast<double>(rate) / static_cast<double>(samples.size());
}

/// Root of the mean square of 16-bit samples: 0 of silence.
inline double level_of(const std::string& bytes) {
  const auto samples = samples_of(bytes);
  double sum = 0;
  for (const double sample : samples) sum += sample * sample;
  return samples.empty() ? 0 : std::sqrt(sum / static_cast<double>(samples.size()));
}

}  // namespace ccoc::test
