// Runs a fuzz target without libFuzzer, in every test run: its corpus, and a few thousand mutations of it that are the same
// each time. Finds what is easy to find; `./dev fuzz` looks deeper.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

namespace {

using Bytes = std::vector<unsigned char>;

constexpr int rounds = 20000;
constexpr std::size_t largest = 64 * 1024;

std::vector<Bytes> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> out;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

Bytes mutate(const std::vector<Bytes>& corpus, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  Bytes out = corpus[below(corpus.size())];
  for (auto times = below(8) + 1; times > 0; --times) {
    const auto at = static_cast<std::ptrdiff_t>(below(out.size() + 1));
    const auto end = std::min<std::ptrdiff_t>(at + static_cast<std::ptrdiff_t>(below(64)), static_cast<std::ptrdiff_t>(out.size()));
    switch (below(6)) {
      case 0:
        if (!out.empty()) out[below(out.size())] ^= static_cast<unsigned char>(1u << below(8));
        break;
      case 1:
        if (!out.empty()) out[below(out.size())] = static_cast<unsigned char>(std::array{0, 1, 127, 128, 255}[below(5)]);
        break;
      case 2: out.erase(out.begin() + at, out.begin() + end); break;
      case 3: {
        const Bytes piece(out.begin() + at, out.begin() + end);
        out.insert(out.begin() + static_cast<std::ptrdiff_t>(below(out.size() + 1)), piece.begin(), piece.end());
        break;
      }
      case 4: {
        const auto& other = corpus[below(corpus.size())];
        const auto from = static_cast<std::ptrdiff_t>(below(other.size() + 1));
        out.insert(out.begin() + at, other.begin() + from, other.end());
        break;
      }
      default: out.resize(static_cast<std::size_t>(at)); break;
    }
    if (out.size() > largest) out.resize(largest);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "the corpus in %s is empty\n", argv[1]);
    return 1;
  }
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  std::mt19937 random{20261124};
  for (int i = 0; i < rounds; ++i) {
    const auto input = mutate(corpus, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs of the corpus and %d mutations of them: nothing found\n", corpus.size(), rounds);
  return 0;
}
