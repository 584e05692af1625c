// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer where the compiler has none: random inputs of all lengths, the same ones each time.
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main() {
  constexpr int inputs = 3000;
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
