// SPDX-License-Identifier: Apache-2.0
// ELF cores from anybody: what `samepage analyze` reads of them lies inside the file, whatever they say.
#include <algorithm>

#include "base/check.hpp"
#include "manage/analyze/elf_core.hpp"
#include "tests/fuzz/spoiled.hpp"
#include "tests/manage/analyze/core_file.hpp"

namespace samepage::analyze::test {
namespace {

using Bytes = std::vector<std::byte>;

void read(std::span<const std::byte> file) {
  const auto result = read_elf_core(file.size(), [&](std::uint64_t offset, std::span<std::byte> to) {
    invariant(offset <= file.size() && to.size() <= file.size() - offset, "a read outside the file");
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    return true;
  });
  if (const auto* fault = std::get_if<CoreFault>(&result)) {
    invariant(!fault->why.empty(), "no words");
    return;
  }
  Gfn before;
  const auto& parts = std::get<MemoryParts>(result).parts;
  invariant(!parts.empty(), "a core without memory");
  for (const MemoryPart& part : parts) {
    invariant(part.pages.value != 0 && before <= part.first && part.first < part.end(), "parts out of order");
    invariant(part.offset <= file.size() && part.pages.bytes() <= file.size() - part.offset,
              "a part outside the file");
    before = part.end();
  }
}

void run(unsigned kind, std::span<const std::byte> input) {
  if (kind % 4 == 0) return read(input);
  const CoreShape shape{kind % 2 == 0, kind % 3 == 0, kind % 64};
  // Headers fill most of it, so that the input seldom goes to waste.
  read(samepage::test::spoiled(core_file({{0x1000, Bytes(3, std::byte{1}), 0, 0},
                                          {0x2000, pages_of(1, 1), 0x9000, 0},
                                          {0x2800, Bytes(2048, std::byte{2}), 0, 12288},
                                          {0x8000, {}, 0, 4096}},
                                         shape),
                               input));
}

}  // namespace
}  // namespace samepage::analyze::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  samepage::analyze::test::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
