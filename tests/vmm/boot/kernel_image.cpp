// SPDX-License-Identifier: Apache-2.0
#include "tests/vmm/boot/kernel_image.hpp"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace samepage::vmm::test {
namespace {

using Bytes = std::vector<std::byte>;

// SAFETY, in all of these: bytes may be accessed as any character type.

Bytes gzip(std::span<const std::byte> content) {
  Bytes out(content.size() + 1024);
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

Bytes xz(std::span<const std::byte> content) {
  Bytes out(content.size() + 4096);
  std::size_t at = 0;
  const auto result = ::lzma_easy_buffer_encode(
      6, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(content.data()), content.size(),
      reinterpret_cast<std::uint8_t*>(out.data()), &at, out.size());
  if (result != LZMA_OK) throw std::runtime_error("lzma_easy_buffer_encode");
  out.resize(at);
  return out;
}

Bytes lz4(std::span<const std::byte> content) {
  constexpr std::size_t block = std::size_t{8} << 20U;
  Bytes out(4);
  poke(out, 0, std::uint32_t{0x184c'2102});
  while (!content.empty()) {
    const auto part = content.first(std::min(block, content.size()));
    Bytes packed(static_cast<std::size_t>(::LZ4_compressBound(static_cast<int>(part.size()))) + 4);
    const int size = ::LZ4_compress_default(
        reinterpret_cast<const char*>(part.data()), reinterpret_cast<char*>(packed.data() + 4),
        static_cast<int>(part.size()), static_cast<int>(packed.size() - 4));
    poke(packed, 0, static_cast<std::uint32_t>(size));
    out.insert(out.end(), packed.begin(), packed.begin() + size + 4);
    content = content.subspan(part.size());
  }
  return out;
}

Bytes zstd(std::span<const std::byte> content) {
  Bytes out(::ZSTD_compressBound(content.size()));
  out.resize(::ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
  return out;
}

}  // namespace

Bytes packed(Compression compression, std::span<const std::byte> content) {
  switch (compression) {
    case Compression::gzip:
      return gzip(content);
    case Compression::xz:
      return with_size(xz(content), static_cast<std::uint32_t>(content.size()));
    case Compression::lz4:
      return with_size(lz4(content), static_cast<std::uint32_t>(content.size()));
    case Compression::zstd:
      return with_size(zstd(content), static_cast<std::uint32_t>(content.size()));
    case Compression::other:
      break;
  }
  return {content.begin(), content.end()};
}

Bytes with_size(Bytes payload, std::uint32_t size) {
  payload.resize(payload.size() + 4);
  poke(payload, payload.size() - 4, size);
  return payload;
}

Bytes bzimage(std::span<const std::byte> payload) {
  constexpr std::size_t setup = 1024;
  constexpr std::size_t before = 0x400;
  Bytes file(setup + before);
  poke(file, 0x1f1, std::uint8_t{1});
  poke(file, 0x1fe, std::uint16_t{0xaa55});
  poke(file, 0x201, std::uint8_t{0x6a});
  std::memcpy(file.data() + 0x202, "HdrS", 4);
  poke(file, 0x206, std::uint16_t{0x20f});
  poke(file, 0x236, std::uint16_t{0x7f});
  poke(file, 0x248, std::uint32_t{before});
  poke(file, 0x24c, static_cast<std::uint32_t>(payload.size()));
  poke(file, 0x258, std::uint64_t{0x100'0000});
  poke(file, 0x260, std::uint32_t{0x20'0000});
  file.insert(file.end(), payload.begin(), payload.end());
  return file;
}

}  // namespace samepage::vmm::test
