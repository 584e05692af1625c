// SPDX-License-Identifier: Apache-2.0
// Kernel files of any kind: ELF, Multiboot, bzImage, and compressed payloads. Whatever is accepted must be
// what image.hpp promises, for the loader copies by it without looking again.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.hpp"
#include "tests/fuzz/spoiled.hpp"
#include "tests/vmm/boot/kernel_image.hpp"
#include "tests/vmm/boot/multiboot_elf.hpp"
#include "tests/vmm/boot/pvh_elf.hpp"
#include "vmm/boot/bzimage.hpp"
#include "vmm/boot/image.hpp"
#include "vmm/memory/layout.hpp"

namespace samepage::vmm::test {
namespace {

using Bytes = std::vector<std::byte>;

void check_image(const Image& image, std::uint64_t file_bytes) {
  const ReservedRange reserved = reserved_range(image.kind);
  Gpa before;
  bool holds_entry = false;
  invariant(!image.segments.empty(), "an image without segments");
  for (const Segment& segment : image.segments) {
    invariant(segment.file_offset <= file_bytes && segment.file_bytes <= file_bytes - segment.file_offset,
              "a segment outside the file");
    invariant(segment.file_bytes <= segment.memory_bytes, "a segment that is larger in the file");
    invariant(before <= segment.address && segment.address <= segment.end(), "segments out of order");
    invariant(segment.end() <= layout::hole, "a segment in the hole");
    invariant(segment.end() <= reserved.start || reserved.end <= segment.address,
              "a segment over the boot area");
    holds_entry = holds_entry || segment.contains(image.entry);
    before = segment.end();
  }
  invariant(holds_entry, "an entry outside the segments");
}

void parse_elf(std::span<const std::byte> file) {
  for (const EntryChoice choice : {EntryChoice::automatic, EntryChoice::linux64}) {
    const auto parsed = parse_image(file, choice);
    if (const auto* image = std::get_if<Image>(&parsed)) check_image(*image, file.size());
    if (const auto* fault = std::get_if<ImageFault>(&parsed))
      invariant(!describe(*fault).empty(), "no words");
  }
}

void unpack_payload(std::span<const std::byte> payload) {
  const auto result = unpack(payload);
  if (const auto* unpacked = std::get_if<Unpacked>(&result)) {
    invariant(unpacked->bytes <= max_unpacked_bytes, "more than may be unpacked");
    parse_elf(unpacked->content());
  }
}

void parse_kernel(std::span<const std::byte> file) {
  const auto parsed = parse_bzimage(file);
  const auto* header = std::get_if<BzImage>(&parsed);
  if (header == nullptr) return;
  static_cast<void>(file.subspan(header->setup_header.offset).first(header->setup_header.bytes));
  for (const FilePart& part : {header->setup_header, header->protected_mode, header->payload}) {
    invariant(part.offset <= file.size() && part.bytes <= file.size() - part.offset,
              "a part outside the file");
  }
  const auto image = self_unpacking_image(*header);
  if (const auto* whole = std::get_if<Image>(&image)) check_image(*whole, file.size());
  unpack_payload(file.subspan(header->payload.offset, header->payload.bytes));
}

const Bytes& good_kernel(Compression compression) {
  static const Bytes elf = PvhElf().bytes();
  static const Bytes files[]{bzimage(packed(Compression::gzip, elf)), bzimage(packed(Compression::xz, elf)),
                             bzimage(packed(Compression::lz4, elf)), bzimage(packed(Compression::zstd, elf))};
  return files[static_cast<std::size_t>(compression)];
}

void run(unsigned kind, std::span<const std::byte> input) {
  switch (kind % 8) {
    case 0:
      parse_elf(input);
      parse_kernel(input);
      return;
    case 1:
      return unpack_payload(input);
    case 2:
      return parse_elf(samepage::test::spoiled(PvhElf().bytes(), input));
    case 3: {
      MultibootElf elf;
      elf.code.assign(64, 0x90);
      return parse_elf(samepage::test::spoiled(elf.bytes(), input));
    }
    default:
      return parse_kernel(
          samepage::test::spoiled(good_kernel(Compression{static_cast<std::uint8_t>(kind % 4)}), input));
  }
}

}  // namespace
}  // namespace samepage::vmm::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  samepage::vmm::test::run(data[0], std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
