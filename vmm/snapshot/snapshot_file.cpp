// SPDX-License-Identifier: Apache-2.0
// Long because writing and reading have to agree byte for byte.
#include "vmm/snapshot/snapshot_file.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "vmm/snapshot/written_device.hpp"

namespace samepage::vmm {
namespace {

struct Header {
  std::array<char, 8> magic{'S', 'M', 'P', 'G', 'S', 'N', 'A', 'P'};
  std::uint32_t version = snapshot_version;
  std::uint32_t reserved = 0;
  std::uint64_t ram_pages = 0;
  std::uint64_t memory_offset = snapshot_memory_offset;
  std::uint64_t description_bytes = 0;
  std::uint64_t windows = 1;  // of memory in this file; 0: it is apart
  SnapshotId id{};
  std::uint64_t devices_bytes = 0;  // behind the memory
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Header) == 80);

// No guest has more RAM than there are numbers for its pages.
constexpr std::uint64_t most_pages = 0xffff'ffff;
constexpr std::uint64_t most_description = std::uint64_t{1} << 30U;
constexpr std::uint64_t most_devices_bytes = std::uint64_t{1} << 60U;

std::uint64_t checksum_of(const Header& header, std::string_view description) {
  const std::uint64_t head = XXH3_64bits(&header, offsetof(Header, checksum));
  return XXH3_64bits_withSeed(description.data(), description.size(), head);
}

std::uint64_t end_of_memory(const Header& header) {
  return header.memory_offset + header.windows * PageCount{header.ram_pages}.bytes();
}

std::uint64_t description_offset(const Header& header) {
  return end_of_memory(header) + header.devices_bytes;
}

// Fewer bytes where the file ends.
std::string read_at(int fd, std::uint64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  bytes.resize(static_cast<std::size_t>(
      check(read_fully(fd, offset, std::as_writable_bytes(std::span(bytes))), "read of the snapshot")));
  return bytes;
}

constexpr std::uint64_t longest_path = 4096;

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <typename Value>
  Value number() {
    return read_value<Value>(take(sizeof(Value)));
  }
  template <std::size_t count>
  std::array<std::uint8_t, count> bytes() {
    std::array<std::uint8_t, count> value;
    std::memcpy(value.data(), take(count).data(), count);
    return value;
  }
  std::string text() {
    const auto bytes = take(number<std::uint64_t>());
    std::string text(bytes.size(), '\0');
    if (!bytes.empty()) std::memcpy(text.data(), bytes.data(), bytes.size());
    return text;
  }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size()) throw UserError("it is damaged: its description ends too early");
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  std::span<const std::byte> bytes_;
};

[[noreturn]] void refuse_pages() {
  throw UserError("it is damaged: its list of pages makes no sense");
}

std::vector<OtherFile> others_of(Reader& bytes, bool apart) {
  std::vector<OtherFile> others;
  const auto count = bytes.number<std::uint32_t>();
  bool sensible = count <= most_other_files;
  for (std::uint32_t i = 0; sensible && i < count; ++i) {
    OtherFile& other = others.emplace_back();
    other.path = bytes.text();
    other.identity.id = bytes.bytes<sizeof(SnapshotId)>();
    other.identity.checksum = bytes.number<std::uint64_t>();
    other.offset = bytes.number<std::uint64_t>();
    const bool is_snapshot = other.identity.id != SnapshotId{};
    sensible = other.path.size() < longest_path && other.path.find('\0') == std::string::npos &&
               (is_snapshot ? (apart || !other.path.empty()) && other.offset == snapshot_memory_offset
                            : apart && other.offset == 0);
  }
  if (!sensible) throw UserError("it is damaged: its list of files makes no sense");
  return others;
}

// A file that is a snapshot itself has one window, and so has this one.
bool has_window(const Snapshot& snapshot, const SnapshotRun& run) {
  if (run.file == 0) return !snapshot.apart && run.window == 0;
  if (run.file > snapshot.others.size()) return false;
  const bool is_snapshot = snapshot.others[run.file - 1].offset != 0;
  return is_snapshot ? run.window == 0 : run.window < most_windows;
}

}  // namespace

SnapshotId new_snapshot_id() {
  SnapshotId id;
  if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) throw_errno("getrandom");
  return id;
}

std::string description_of(const Snapshot& snapshot) {
  ByteWriter bytes;
  bytes.put(std::uint64_t{snapshot.config.size()}).text(snapshot.config);
  bytes.put(std::uint64_t{snapshot.state.size()}).text(snapshot.state);
  bytes.put(std::uint64_t{snapshot.devices.size()}).text(snapshot.devices);
  bytes.put(static_cast<std::uint32_t>(snapshot.others.size()));
  for (const OtherFile& other : snapshot.others) {
    bytes.put(std::uint64_t{other.path.size()}).text(other.path);
    bytes.put(std::as_bytes(std::span(other.identity.id))).put(other.identity.checksum).put(other.offset);
  }
  bytes.put(std::uint64_t{snapshot.runs.size()});
  for (const SnapshotRun& run : snapshot.runs) {
    bytes.put(run.pages.first.value).put(run.pages.count).put(run.window).put(run.file);
  }
  for (const MemoryChecksum& checksum : snapshot.checksums) bytes.put(std::as_bytes(std::span(checksum)));
  const std::vector<std::byte> all = bytes.take();
  std::string text(all.size(), '\0');
  std::memcpy(text.data(), all.data(), all.size());
  return text;
}

Snapshot snapshot_of(std::span<const std::byte> description, PageCount ram, bool apart) {
  Reader bytes(description);
  Snapshot snapshot;
  snapshot.ram = ram;
  snapshot.apart = apart;
  snapshot.config = bytes.text();
  snapshot.state = bytes.text();
  snapshot.devices = bytes.text();
  snapshot.others = others_of(bytes, apart);
  const auto ranges = bytes.number<std::uint64_t>();
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < ranges; ++i) {
    const auto first = bytes.number<std::uint32_t>();
    const auto count = bytes.number<std::uint32_t>();
    const auto window = bytes.number<std::uint32_t>();
    const auto file = bytes.number<std::uint32_t>();
    const SnapshotRun run{{{first}, count}, window, file};
    if (count == 0 || first < next || std::uint64_t{first} + count > ram.value) refuse_pages();
    if (!has_window(snapshot, run)) refuse_pages();
    snapshot.runs.push_back(run);
    next = std::uint64_t{first} + count;
  }
  // One by one: so many may not be there at all.
  std::uint64_t pieces = 0;
  for (const SnapshotRun& run : snapshot.runs) {
    if (run.file != 0) continue;
    const std::uint64_t last = run.pages.end().value - 1;
    pieces += last / checksum_pages - run.pages.first.value / checksum_pages + 1;
  }
  for (std::uint64_t i = 0; i < pieces; ++i) {
    snapshot.checksums.push_back(bytes.bytes<sizeof(MemoryChecksum)>());
  }
  if (!bytes.at_end()) throw UserError("it is damaged: there is something behind its description");
  return snapshot;
}

std::uint64_t devices_offset(PageCount ram) {
  return snapshot_memory_offset + ram.bytes();
}

void require_sound_devices(int fd, const Snapshot& snapshot) {
  const WrittenDevices devices = written_devices_of(snapshot.devices);
  if (devices.list.empty() || snapshot.apart) return;
  if (checksum_of(fd, devices.list) == devices.checksum) return;
  throw UserError("it is damaged: the checksum of what is on its disks is wrong");
}

std::uint64_t write_snapshot(int fd, const Snapshot& snapshot) {
  const std::string description = description_of(snapshot);
  Header header;
  header.ram_pages = snapshot.ram.value;
  header.windows = snapshot.apart ? 0 : 1;
  header.devices_bytes = snapshot.devices_bytes;
  header.description_bytes = description.size();
  header.id = snapshot.identity.id;
  header.checksum = checksum_of(header, description);
  write_at(fd, std::as_bytes(std::span(description)), description_offset(header), "write of the snapshot");
  write_at(fd, std::as_bytes(std::span(&header, 1)), 0, "write of the snapshot");
  return header.checksum;
}

Snapshot read_snapshot(int fd) {
  Header header;
  const std::string head = read_at(fd, 0, sizeof(header));
  if (head.size() < sizeof(header) ||
      std::memcmp(head.data(), header.magic.data(), header.magic.size()) != 0) {
    throw UserError("it is not a snapshot of a samepage guest");
  }
  std::memcpy(&header, head.data(), sizeof(header));
  if (header.version != snapshot_version) {
    throw UserError(
        fmt::format("it is of version {} and this samepage reads version {}: use the samepage "
                    "that wrote it",
                    header.version, snapshot_version));
  }
  if (header.ram_pages == 0 || header.ram_pages > most_pages ||
      header.memory_offset != snapshot_memory_offset || header.windows > 1 ||
      header.devices_bytes > most_devices_bytes || header.description_bytes > most_description) {
    throw UserError("it is damaged: its header makes no sense");
  }
  struct stat info {};
  check(::fstat(fd, &info), "fstat of the snapshot");
  const std::uint64_t whole = description_offset(header) + header.description_bytes;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < whole) throw UserError("it has been cut short");
  if (size > whole) throw UserError("it is damaged: there is something behind its end");
  const std::string description = read_at(fd, description_offset(header), header.description_bytes);
  if (description.size() != header.description_bytes) throw UserError("it has been cut short");
  if (checksum_of(header, description) != header.checksum) {
    throw UserError("it is damaged: its checksum is wrong");
  }
  Snapshot snapshot =
      snapshot_of(std::as_bytes(std::span(description)), {header.ram_pages}, header.windows == 0);
  snapshot.identity = {header.id, header.checksum};
  snapshot.devices_bytes = header.devices_bytes;
  return snapshot;
}

}  // namespace samepage::vmm
