// Runs a fuzz target over the files of a corpus, without libFuzzer: what a fuzzer found once stays found, with every
// compiler and in every build.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      std::fprintf(stderr, "%s is no folder\n", argv[i]);
      return 2;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator{argv[i]}) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file{entry.path(), std::ios::binary};
      std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>{file}, {}};
      bytes.shrink_to_fit();  // so that AddressSanitizer sees the first byte behind the input
      std::fprintf(stderr, "%s, %zu bytes\n", entry.path().c_str(), bytes.size());  // the last one told is the culprit
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++files;
    }
  }
  if (files == 0) {
    std::fprintf(stderr, "no corpus: every fuzz target has at least one input\n");
    return 1;
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
  std::fprintf(stderr, "%zu inputs replayed\n", files);
  return 0;
}
