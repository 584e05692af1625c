// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/unpack.hpp"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/byte_reader.hpp"
#include "base/types.hpp"

namespace samepage::vmm {
namespace {

using In = std::span<const std::byte>;
using Out = std::span<std::byte>;

constexpr std::size_t size_bytes = 4;  // behind the payload, in gzip's own trailer
constexpr std::uint32_t lz4_magic = 0x184c'2102;
constexpr std::size_t lz4_block = std::size_t{8} << 20U;  // the most that a legacy block unpacks to
constexpr std::uint64_t xz_memory = std::uint64_t{256}
                                    << 20U;  // Linux packs with a window of 128 MiB at most

template <std::size_t Size>
bool begins_with(In bytes, const std::array<std::uint8_t, Size>& magic) {
  return bytes.size() >= Size && std::memcmp(bytes.data(), magic.data(), Size) == 0;
}

// SAFETY: bytes may be accessed as any character type.
const std::uint8_t* octets(In bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}
std::uint8_t* octets(Out bytes) {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}

// Each of these fills `out` exactly and takes no more of it; false when the payload gives less, more or
// nonsense.

bool unpack_gzip(In in, Out out) {
  constexpr int gzip_wrapper = 16;
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(octets(in));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = octets(out);
  stream.avail_out = static_cast<uInt>(out.size());
  if (::inflateInit2(&stream, MAX_WBITS + gzip_wrapper) != Z_OK) return false;
  const int result = ::inflate(&stream, Z_FINISH);
  ::inflateEnd(&stream);
  return result == Z_STREAM_END && stream.avail_out == 0;
}

bool unpack_xz(In in, Out out) {
  std::uint64_t memory = xz_memory;
  std::size_t in_at = 0;
  std::size_t out_at = 0;
  const lzma_ret result = ::lzma_stream_buffer_decode(&memory, 0, nullptr, octets(in), &in_at, in.size(),
                                                      octets(out), &out_at, out.size());
  return result == LZMA_OK && out_at == out.size();
}

bool unpack_lz4(In in, Out out) {
  while (in.size() >= 4) {
    const std::uint32_t length = read_value<std::uint32_t>(in, 0);
    in = in.subspan(4);
    if (length == lz4_magic) continue;  // a frame begins
    if (length == 0 || length > in.size() || length > LZ4_MAX_INPUT_SIZE) return false;
    const std::size_t room = std::min(out.size(), lz4_block);
    // SAFETY: as above; the sizes are below 2 GiB.
    const int written =
        ::LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
                              static_cast<int>(length), static_cast<int>(room));
    if (written < 0) return false;
    in = in.subspan(length);
    out = out.subspan(static_cast<std::size_t>(written));
  }
  return in.empty() && out.empty();
}

bool unpack_zstd(In in, Out out) {
  return ::ZSTD_decompress(out.data(), out.size(), in.data(), in.size()) == out.size();
}

bool unpack_into(Compression compression, In payload, Out out) {
  const In without_size = payload.first(payload.size() - size_bytes);
  switch (compression) {
    case Compression::gzip:
      return unpack_gzip(payload, out);
    case Compression::xz:
      return unpack_xz(without_size, out);
    case Compression::lz4:
      return unpack_lz4(without_size, out);
    case Compression::zstd:
      return unpack_zstd(without_size, out);
    case Compression::other:
      break;
  }
  return false;
}

}  // namespace

std::string_view describe(UnpackFault fault) {
  switch (fault) {
    case UnpackFault::unknown_compression:
      return "its kernel is not packed with gzip, xz, LZ4 or zstd; configure one of these";
    case UnpackFault::too_large:
      return "it says that it unpacks to more than 512 MiB, which no kernel does; copy it again";
    case UnpackFault::damaged:
      return "its compressed kernel is damaged; copy it again";
  }
  return "it is malformed";
}

Compression compression_of(In payload) {
  if (begins_with<2>(payload, {0x1f, 0x8b})) return Compression::gzip;
  if (begins_with<6>(payload, {0xfd, '7', 'z', 'X', 'Z', 0})) return Compression::xz;
  if (begins_with<4>(payload, {0x02, 0x21, 0x4c, 0x18})) return Compression::lz4;
  if (begins_with<4>(payload, {0x28, 0xb5, 0x2f, 0xfd})) return Compression::zstd;
  return Compression::other;
}

std::variant<Unpacked, UnpackFault> unpack(In payload) {
  const Compression compression = compression_of(payload);
  if (compression == Compression::other) return UnpackFault::unknown_compression;
  if (payload.size() < 2 * size_bytes) return UnpackFault::damaged;
  const std::uint32_t size = read_value<std::uint32_t>(payload, payload.size() - size_bytes);
  if (size > max_unpacked_bytes) return UnpackFault::too_large;
  if (size == 0) return UnpackFault::damaged;
  Unpacked unpacked{Mapping::anonymous(pages_for(size).bytes()), size};
  if (!unpack_into(compression, payload, unpacked.memory.bytes().first(size))) return UnpackFault::damaged;
  return unpacked;
}

}  // namespace samepage::vmm
