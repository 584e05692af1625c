// SPDX-License-Identifier: Apache-2.0
// Long because all ways to read an image share its checks: files change and shrink while they are read.
#include "manage/analyze/memory_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/file_bytes.hpp"
#include "base/file_figures.hpp"
#include "base/mapping.hpp"
#include "vmm/snapshot/snapshot_file.hpp"
#include "vmm/snapshot/snapshot_memory.hpp"

namespace samepage::analyze {
namespace {

// Read at once: it stays in a core's own cache until it has been hashed.
constexpr std::uint64_t piece_bytes = std::uint64_t{256} << 10;
// The kernel is asked for what comes next, so that a disk works while we hash.
constexpr std::uint64_t ahead_bytes = std::uint64_t{8} << 20, asked_at_once = std::uint64_t{2} << 20;

const char* what_it_is(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory; name the files in it";
  if (S_ISSOCK(mode)) return "is a socket, not a file with memory";
  if (S_ISCHR(mode)) return "is a character device, not a file with memory";
  return nullptr;
}

// From `at` on: where data begins, and where the hole behind it does. `end`: nowhere before.
struct DataRange {
  std::uint64_t begin, end;
};
DataRange next_data(int fd, std::uint64_t at, std::uint64_t end) {
  const off_t begin = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return {end, end};
  if (begin < 0) return {at, end};  // not a file system that knows holes
  const off_t hole = ::lseek(fd, begin, SEEK_HOLE);
  const auto up_to = [end](off_t offset) { return std::min(static_cast<std::uint64_t>(offset), end); };
  return {up_to(begin), hole < 0 ? end : up_to(hole)};
}

}  // namespace

MemoryImage::MemoryImage(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: a FIFO is waited for later, when a signal can end that.
  fd_ = path_ == "-" ? checked_fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), "fcntl of standard input")
                     : UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd_) refuse(fmt::format("can't be opened: {}", std::strerror(errno)));
  check(::fstat(fd_.get(), &info_), "fstat of a file with memory");
  if (const char* const what = what_it_is(info_.st_mode)) refuse(what);
  stream_ = S_ISFIFO(info_.st_mode);
  if (!stream_) find_parts();
}

void MemoryImage::find_parts() {
  file_bytes_ = static_cast<std::uint64_t>(info_.st_size);
  if (S_ISBLK(info_.st_mode)) {
    file_bytes_ = static_cast<std::uint64_t>(check(::lseek(fd_.get(), 0, SEEK_END), "lseek of a device"));
  }
  if (file_bytes_ == 0) refuse("is empty");
  std::array<std::byte, beginning_bytes> beginning;
  const std::span<std::byte> bytes = std::span(beginning).first(std::min(file_bytes_, beginning.size()));
  read_at(0, bytes);
  const FileType type = file_type(bytes);
  if (type.kind == FileKind::not_memory) refuse_type(type);
  kind_ = type.kind;
  if (kind_ == FileKind::elf) {
    auto core = read_elf_core(file_bytes_, [this](std::uint64_t offset, std::span<std::byte> to) {
      return read_fully(fd_.get(), offset, to) == static_cast<ssize_t>(to.size());
    });
    if (const auto* fault = std::get_if<CoreFault>(&core)) refuse(fault->why);
    parts_ = std::get<MemoryParts>(std::move(core));
  } else if (kind_ == FileKind::snapshot) {
    find_snapshot();
  } else {
    require_a_page(file_bytes_);
    parts_.parts = {{0, Gfn{0}, pages_in(file_bytes_)}};
    parts_.left_out_bytes = file_bytes_ % page_size;
  }
}

// What is behind its memory is no page of the guest's.
void MemoryImage::find_snapshot() {
  try {
    const vmm::Snapshot snapshot = vmm::read_snapshot(fd_.get());
    if (snapshot.apart) throw UserError("it has no memory in it");
    parts_.parts = {{vmm::snapshot_memory_offset, Gfn{0}, snapshot.ram}};
    if (snapshot.others.empty()) return;
    if (path_ == "-") throw UserError("it is incremental; name it, so that its base can be found");
    chain_ = vmm::open_snapshot_chain(path_);
  } catch (const std::exception& error) {
    refuse(fmt::format("is a snapshot that can't be read: {}", error.what()));
  }
}

const char* MemoryImage::format() const {
  if (kind_ == FileKind::snapshot) return "snapshot";
  return kind_ == FileKind::elf ? "elf" : "raw";
}

std::uint64_t MemoryImage::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (const MemoryPart& part : parts_.parts) bytes += part.pages.bytes();
  return bytes;
}

std::uint64_t MemoryImage::bytes_to_read() const {
  if (!S_ISREG(info_.st_mode)) return memory_bytes();
  std::uint64_t bytes = static_cast<std::uint64_t>(info_.st_blocks) * 512;
  for (std::size_t i = 1; i < chain_.size(); ++i)
    bytes += figures_of_file(chain_[i].fd.get()).allocated_bytes;
  return std::min(memory_bytes(), bytes);
}

void MemoryImage::read(PageSink& sink, const Pulse& pulse, int stop) {
  const Mapping piece = Mapping::anonymous(piece_bytes);
  if (stream_) return read_stream(piece.bytes(), sink, pulse, stop);
  if (!chain_.empty()) {
    read_chain(piece.bytes(), sink, pulse);
    return look_for_changes();
  }
  Gfn before = parts_.parts.front().first;
  for (const MemoryPart& part : parts_.parts) {
    if (part.first != before) sink.add_gap();
    read_part(part, piece.bytes(), sink, pulse);
    before = part.end();
  }
  look_for_changes();
}

void MemoryImage::read_part(const MemoryPart& part, std::span<std::byte> piece, PageSink& sink,
                            const Pulse& pulse) {
  const std::uint64_t end = part.file_end();
  std::uint64_t at = part.offset, asked = part.offset;
  while (at < end) {
    const DataRange data = next_data(fd_.get(), at, end);
    const PageCount hole = pages_in(data.begin - at);  // a page that the hole ends in is read
    sink.add_hole(hole);
    pulse(0);
    at += hole.bytes();
    const std::uint64_t data_end = std::min(end, at + pages_for(data.end - at).bytes());
    asked = std::max(asked, at);
    while (at < data_end) {
      while (asked < std::min(at + ahead_bytes, data_end)) {
        ::posix_fadvise(fd_.get(), static_cast<off_t>(asked), static_cast<off_t>(asked_at_once),
                        POSIX_FADV_WILLNEED);
        asked += asked_at_once;
      }
      const std::span<std::byte> bytes = piece.first(std::min(piece_bytes, data_end - at));
      read_at(at, bytes);
      sink.add_pages(bytes);
      pulse(bytes.size());
      at += bytes.size();
    }
  }
}

void MemoryImage::read_chain(std::span<std::byte> piece, PageSink& sink, const Pulse& pulse) const {
  const vmm::Snapshot& snapshot = chain_.front().snapshot;
  std::vector<vmm::MemoryFile> files;
  for (const vmm::ChainFile& file : chain_) files.push_back({file.fd.get(), vmm::snapshot_memory_offset});
  const vmm::SnapshotMemory memory({}, files, snapshot.ram);
  std::uint64_t next = 0;
  for (const vmm::SnapshotRun& run : snapshot.runs) {
    sink.add_hole({run.pages.first.value - next});
    for (PageRange rest = run.pages; !rest.empty();) {
      const PageRange part = rest.take_front(static_cast<std::uint32_t>(piece_bytes / page_size));
      const std::span<std::byte> bytes = piece.first(PageCount{part.count}.bytes());
      try {
        memory.read({part, run.window, run.file}, bytes);
      } catch (const UserError&) {
        refuse("has become shorter while it was read, or its base has; analyze what nobody writes");
      }
      sink.add_pages(bytes);
      pulse(bytes.size());
    }
    next = run.pages.end().value;
  }
  sink.add_hole(snapshot.ram - PageCount{next});
}

void MemoryImage::read_stream(std::span<std::byte> bytes, PageSink& sink, const Pulse& pulse, int stop) {
  std::size_t filled = 0;
  for (bool first = true;; pulse(0)) {
    std::array<pollfd, 2> waits{pollfd{fd_.get(), POLLIN, 0}, pollfd{stop, POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (waits[0].revents == 0) continue;
    const ssize_t got = ::read(fd_.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) refuse(fmt::format("can't be read: {}", std::strerror(errno)));
    filled += static_cast<std::size_t>(got);
    file_bytes_ += static_cast<std::uint64_t>(got);
    if (got != 0 && filled < bytes.size()) continue;  // as large pieces as there are
    if (std::exchange(first, false)) {
      if (filled == 0) refuse("is empty");
      const FileType type = file_type(bytes.first(std::min(filled, beginning_bytes)));
      if (type.kind == FileKind::elf)
        refuse("is an ELF file; a core can't be read from a pipe, only from a file");
      if (type.kind == FileKind::not_memory || type.kind == FileKind::snapshot) refuse_type(type);
      require_a_page(filled);
    }
    const std::size_t whole = filled - filled % page_size;
    sink.add_pages(bytes.first(whole));
    pulse(whole);
    if (got == 0) break;
    filled = 0;
  }
  parts_.left_out_bytes = file_bytes_ % page_size;
  parts_.parts = {{0, Gfn{0}, pages_in(file_bytes_)}};
}

void MemoryImage::look_for_changes() {
  struct stat now {};
  check(::fstat(fd_.get(), &now), "fstat of a file with memory");
  if (now.st_size != info_.st_size) {
    refuse(fmt::format("has become {} while it was read; analyze a copy, or what nobody writes",
                       now.st_size < info_.st_size ? "shorter" : "longer"));
  }
  changed_ = now.st_mtim.tv_sec != info_.st_mtim.tv_sec || now.st_mtim.tv_nsec != info_.st_mtim.tv_nsec;
}

void MemoryImage::read_at(std::uint64_t offset, std::span<std::byte> to) const {
  const ssize_t got = read_fully(fd_.get(), offset, to);
  if (got < 0) refuse(fmt::format("can't be read: {}", std::strerror(errno)));
  if (static_cast<std::size_t>(got) < to.size()) {
    refuse("has become shorter while it was read; analyze a copy, or what nobody writes");
  }
}

void MemoryImage::require_a_page(std::uint64_t bytes) const {
  if (bytes < page_size) refuse(fmt::format("has {} bytes, less than a page of {}", bytes, page_size));
}

void MemoryImage::refuse_type(const FileType& type) const {
  refuse(fmt::format("is {}, which can't be read as memory{}{}", type.name, type.way_out.empty() ? "" : "; ",
                     type.way_out));
}

void MemoryImage::refuse(const std::string& why) const {
  throw UserError(fmt::format("{} {}", path_ == "-" ? "standard input" : path_, why));
}

}  // namespace samepage::analyze
