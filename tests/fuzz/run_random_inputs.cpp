// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer where the compiler has none: the inputs of the given folders (found/, corpus/),
// then random inputs of all lengths, the same ones each time.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#ifndef SAMEPAGE_RANDOM_INPUTS
#define SAMEPAGE_RANDOM_INPUTS 3000
#endif

namespace {

void run_kept(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> input{std::istreambuf_iterator<char>(file), {}};
    // Given as it is: whoever looks at an input doesn't write to it.
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
}

void run_random() {
  constexpr int inputs = SAMEPAGE_RANDOM_INPUTS;
  std::mt19937_64 random(1);
  for (int i = 0; i < inputs; ++i) {
    std::vector<std::uint8_t> input(random() % 1024);
    for (std::uint8_t& byte : input) {
      // Small numbers are what indices, flags and operations are made of.
      byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 20);
    }
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) run_kept(argv[i]);
  run_random();
}
