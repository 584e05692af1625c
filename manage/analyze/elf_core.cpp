// SPDX-License-Identifier: Apache-2.0
#include "manage/analyze/elf_core.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/byte_reader.hpp"

namespace samepage::analyze {
namespace {

constexpr std::uint64_t max_segments = std::uint64_t{1} << 20;  // 56 MiB of headers
constexpr std::uint64_t segments_at_once = 4096;

// A segment that is in the file, wherever it lies in the guest.
struct Loaded {
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] std::uint64_t end() const { return address + bytes; }
};

bool fits(std::uint64_t offset, std::uint64_t bytes, std::uint64_t all) {
  return offset <= all && bytes <= all - offset;
}

struct Elf64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Section = Elf64_Shdr;
};
struct Elf32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Section = Elf32_Shdr;
};

template <typename Elf>
class CoreReader {
 public:
  CoreReader(std::uint64_t file_bytes, const ReadAt& read_at) : file_bytes_(file_bytes), read_at_(&read_at) {}

  // Empty: the segments have been read.
  std::optional<CoreFault> read() {
    using Header = typename Elf::Header;
    using Segment = typename Elf::Segment;
    const auto header = structure<Header>(0);
    if (!header) return CoreFault{"is cut off in its ELF header"};
    if (header->e_type != ET_CORE)
      return CoreFault{"is an ELF file, but not a core: it has no guest's memory"};
    if (header->e_phentsize != sizeof(Segment)) return CoreFault{"has ELF segments of an unknown size"};
    std::uint64_t count = header->e_phnum;
    if (count == PN_XNUM) {  // the first section header has what does not fit
      const auto section = structure<typename Elf::Section>(header->e_shoff);
      if (header->e_shoff == 0 || !section) return CoreFault{"does not say how many ELF segments it has"};
      count = section->sh_info;
    }
    if (count > max_segments) return CoreFault{fmt::format("has more than {} ELF segments", max_segments)};
    if (!fits(header->e_phoff, count * sizeof(Segment), file_bytes_)) {
      return CoreFault{"is cut off in its list of ELF segments"};
    }
    std::vector<std::byte> bytes;
    for (std::uint64_t at = 0; at < count;) {
      const std::uint64_t some = std::min(segments_at_once, count - at);
      bytes.resize(some * sizeof(Segment));
      if (!(*read_at_)(header->e_phoff + at * sizeof(Segment), bytes)) {
        return CoreFault{"has ELF segments that can't be read"};
      }
      for (std::uint64_t i = 0; i < some; ++i) {
        const auto segment = read_value<Segment>(bytes, i * sizeof(Segment));
        if (segment.p_type != PT_LOAD) continue;
        if (auto fault = add(segment)) return fault;
      }
      at += some;
    }
    return std::nullopt;
  }

  // Whole pages, each address once.
  MemoryParts parts() {
    const bool physical =
        std::any_of(loaded_.begin(), loaded_.end(), [](const Both& one) { return one.physical != 0; });
    std::vector<Loaded> segments;
    for (const Both& one : loaded_) {
      segments.push_back({one.offset, physical ? one.physical : one.virtual_address, one.bytes});
    }
    std::stable_sort(segments.begin(), segments.end(),
                     [](const Loaded& a, const Loaded& b) { return a.address < b.address; });
    MemoryParts result;
    result.missing_bytes = missing_bytes_;
    for (const Loaded& part : joined(segments)) add_whole_pages(result, part);
    return result;
  }

 private:
  struct Both {
    std::uint64_t offset, physical, virtual_address, bytes;
  };

  template <typename Structure>
  std::optional<Structure> structure(std::uint64_t offset) const {
    std::vector<std::byte> bytes(sizeof(Structure));
    if (!fits(offset, bytes.size(), file_bytes_) || !(*read_at_)(offset, bytes)) return std::nullopt;
    return read_value<Structure>(bytes);
  }

  std::optional<CoreFault> add(const typename Elf::Segment& segment) {
    const std::uint64_t bytes = segment.p_filesz;
    if (segment.p_memsz > bytes) {
      const std::uint64_t missing = segment.p_memsz - bytes;
      missing_bytes_ += std::min(missing, std::numeric_limits<std::uint64_t>::max() - missing_bytes_);
    }
    if (bytes == 0) return std::nullopt;
    if (!fits(segment.p_offset, bytes, file_bytes_)) {
      return CoreFault{fmt::format("is truncated: it has {} bytes, and an ELF segment of {} bytes at {}",
                                   file_bytes_, bytes, std::uint64_t{segment.p_offset})};
    }
    constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    if (segment.p_paddr > last - bytes || segment.p_vaddr > last - bytes) {
      return CoreFault{"has an ELF segment that goes beyond the last address"};
    }
    loaded_.push_back({segment.p_offset, segment.p_paddr, segment.p_vaddr, bytes});
    return std::nullopt;
  }

  // Neighbours become one, and what was there before is left out.
  static std::vector<Loaded> joined(const std::vector<Loaded>& sorted) {
    std::vector<Loaded> result;
    for (Loaded part : sorted) {
      if (!result.empty() && part.address < result.back().end()) {
        const std::uint64_t known = std::min(part.bytes, result.back().end() - part.address);
        part = {part.offset + known, part.address + known, part.bytes - known};
      }
      if (part.bytes == 0) continue;
      if (!result.empty() && result.back().end() == part.address &&
          result.back().offset + result.back().bytes == part.offset) {
        result.back().bytes += part.bytes;
      } else {
        result.push_back(part);
      }
    }
    return result;
  }

  static void add_whole_pages(MemoryParts& to, const Loaded& part) {
    const std::uint64_t into_page = part.address % page_size;
    const std::uint64_t skipped = std::min(part.bytes, into_page == 0 ? 0 : page_size - into_page);
    const PageCount pages = pages_in(part.bytes - skipped);
    to.left_out_bytes += part.bytes - pages.bytes();
    if (pages.value == 0) return;
    to.parts.push_back({part.offset + skipped, gfn_of(Gpa{part.address + skipped}), pages});
  }

  std::uint64_t file_bytes_;
  const ReadAt* read_at_;
  std::vector<Both> loaded_;
  std::uint64_t missing_bytes_ = 0;
};

template <typename Elf>
std::variant<MemoryParts, CoreFault> read_class(std::uint64_t file_bytes, const ReadAt& read_at) {
  CoreReader<Elf> reader(file_bytes, read_at);
  if (const auto fault = reader.read()) return *fault;
  MemoryParts parts = reader.parts();
  if (parts.parts.empty()) return CoreFault{"has no memory: no ELF segment in it has a whole page"};
  return parts;
}

}  // namespace

std::variant<MemoryParts, CoreFault> read_elf_core(std::uint64_t file_bytes, const ReadAt& read_at) {
  std::vector<std::byte> identity(EI_NIDENT);
  if (file_bytes < EI_NIDENT || !read_at(0, identity)) return CoreFault{"is cut off in its ELF header"};
  const auto at = [&](std::size_t index) { return std::to_integer<unsigned>(identity[index]); };
  if (at(EI_DATA) == ELFDATA2MSB) return CoreFault{"is an ELF file of a big-endian machine"};
  if (at(EI_DATA) != ELFDATA2LSB) return CoreFault{"is an ELF file of an unknown kind"};
  if (at(EI_CLASS) == ELFCLASS64) return read_class<Elf64>(file_bytes, read_at);
  if (at(EI_CLASS) == ELFCLASS32) return read_class<Elf32>(file_bytes, read_at);
  return CoreFault{"is an ELF file of an unknown kind"};
}

}  // namespace samepage::analyze
